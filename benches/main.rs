//! How long the tools take, beside kmod's, busybox's, and the least that each job takes.
//!
//! `make bench` measures listing on this machine, on made-up modules, and loading and removing in
//! a virtual machine. There, the clock counts executed instructions, so that other load on the
//! host changes nothing. It prints a table for each case as soon as it is measured, and writes
//! `target/bench/results.json` and a plot.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a measurement that does not work ends here"
)]

mod budget;
mod completion;
mod guest;
mod instructions;
mod machine;
mod measure;
mod native;
mod plot;
mod race;
mod result;
mod synthetic;
mod table;
mod tools;
mod vm;

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use budget::Budget;
use result::Measured;
use tools::{FileSize, Tools};

/// The directory that the packages are in.
const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["guest"] => guest::run(),
        ["peak", ..] => measure::print_peak(&arguments[1..]),
        ["synthetic", count, ours, kmod, ref newer @ ..] => {
            let count = count.parse().expect("a number");
            native::listing_here(count, ours, kmod, newer.first().copied());
        }
        ["tab", tools, file] => native::completion_here(tools, file),
        _ => host(),
    }
}

fn host() {
    let work = Path::new(REPOSITORY).join("target/bench");
    fs::create_dir_all(&work).expect("target/bench");
    let tools = Tools::find(&work);
    tools.build_floors();

    let files = tools.file_sizes();
    println!("{}\n\n{}", machine::describe(), table::files(&files));
    let mut report = Report::new(&work, files);
    native::listing(&tools, &mut |results| report.add(results));
    report.add(native::instructions(&tools, &vm::test_module()));
    report.add(native::completion(&tools, &vm::large_modules()));
    let all_done = vm::measure(&work, &tools, &mut |results| report.add(results));
    print!("{}", table::budgets(&report.budgets));
    println!("\nwritten: target/bench/results.json, target/bench/lsmod.svg");
    if !all_done {
        std::process::exit(1);
    }
}

/// All that is to be known after a run, or so far: a run takes an hour or more, and one that is cut
/// short leaves the cases that it finished.
#[derive(Serialize)]
struct Report {
    machine: String,
    files: Vec<FileSize>,
    results: Vec<Measured>,
    budgets: Vec<Budget>,
    #[serde(skip)]
    directory: PathBuf,
}

impl Report {
    fn new(directory: &Path, files: Vec<FileSize>) -> Self {
        let (results, budgets) = (Vec::new(), Vec::new());
        Self { machine: machine::describe(), files, results, budgets, directory: directory.into() }
    }

    /// Prints the results of a case, and writes all so far.
    fn add(&mut self, results: Vec<Measured>) {
        print!("{}", table::results(&results));
        self.results.extend(results);
        self.budgets = budget::all(&self.results, &self.files);
        write_plot(&self.directory.join("lsmod.svg"), &self.results);
        let json = serde_json::to_vec_pretty(self).expect("JSON");
        fs::write(self.directory.join("results.json"), json).expect("results.json");
    }
}

/// Time of a listing against the number of modules listed.
fn write_plot(file: &Path, results: &[Measured]) {
    let line = |name: &'static str| plot::Line {
        name,
        points: native::COUNTS
            .iter()
            .filter(|count| **count > 0)
            .filter_map(|count| {
                let case = format!("lsmod, {count} modules");
                let found = |row: &&Measured| {
                    row.place == native::PLACE && row.case == case && row.tool == name
                };
                let row = results.iter().find(found)?;
                Some((*count as f64, row.median_us? / 1e3))
            })
            .collect(),
    };
    let lines = ["kmod", "busybox", "modutils", "busybox cat", "modutils -J"].map(line);
    if lines.iter().any(|line| !line.points.is_empty()) {
        fs::write(file, plot::svg("Time of lsmod", &lines)).expect("the plot");
    }
}
