//! What needs a kernel that loads modules, measured inside of the virtual machine.

mod copies;
mod dependencies;
mod failure;
mod insert;
mod large;
mod list;
mod many;
mod replace;
mod tools;
mod wait;
mod who;

use std::fs;
use std::path::Path;

use crate::measure::{measure, with_times};
use crate::race::{Contender, Start, race};
use crate::result::Measured;

/// Measures everything, a line of JSON for each case.
pub(crate) fn run() {
    println!();
    tools::link_newer_kmod();
    // While there are none.
    list::modules(0);
    insert::small();
    insert::parameters();
    many::removed_one();
    replace::loaded();
    failure::of_small_and_large(&large::largest());
    wait::for_users();
    who::among_many_processes();
    many::loaded();
    many::removed();
    dependencies::loaded();
    // From here on, modules of the distribution stay.
    large::loaded();
    list::modules(80);
    list::modules(200);
    println!("done");
}

/// Races the contenders and tells the host.
fn report(case: &str, rounds: usize, contenders: &[Contender]) {
    tell(&measure(&release(), case, rounds, Start::Spread, contenders));
}

/// Races the contenders and tells the host, without a look at one run of each: where that would
/// take minutes, or the run has to fail.
fn report_times(case: &str, rounds: usize, contenders: &[Contender]) {
    let times = race(contenders, rounds, Start::Spread);
    let results: Vec<_> = contenders
        .iter()
        .zip(times)
        .map(|(contender, times)| with_times(&release(), case, contender, &times))
        .collect();
    tell(&results);
}

fn tell(results: &[Measured]) {
    println!("{}", serde_json::to_string(results).expect("JSON"));
}

/// Where this is measured: on which kernel.
fn release() -> String {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").expect("the release");
    release.trim().to_owned()
}

/// The lines of `/proc/modules`.
fn rows() -> Vec<String> {
    let text = fs::read_to_string("/proc/modules").expect("/proc/modules");
    text.lines().map(str::to_owned).collect()
}

fn is_loaded(module: &str) -> bool {
    rows().iter().any(|row| row.split(' ').next() == Some(module))
}

/// The name of the module in a file, by the file's name.
fn module_name(file: &Path) -> String {
    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.split('.').next().unwrap_or_default().replace('-', "_")
}
