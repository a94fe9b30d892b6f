//! How long the tools take, beside kmod's, busybox's, and the least that each job takes.
//!
//! `make bench` measures listing on this machine, on made-up modules, and loading and removing in
//! a virtual machine. There, the clock counts executed instructions, so that other load on the
//! host changes nothing. It prints a table, and writes `target/bench/results.json` and a plot.
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
use std::path::Path;

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

    let mut results = native::listing(&tools);
    results.extend(native::instructions(&tools, &vm::test_module()));
    results.extend(native::completion(&tools, &vm::large_modules()));
    results.extend(vm::measure(&work, &tools));

    let files = tools.file_sizes();
    let report = Report {
        machine: machine::describe(),
        budgets: budget::all(&results, &files),
        files,
        results,
    };
    print!("{}", report.text());
    write_plot(&work.join("lsmod.svg"), &report.results);
    let json = serde_json::to_vec_pretty(&report).expect("JSON");
    fs::write(work.join("results.json"), json).expect("results.json");
    println!("\nwritten: target/bench/results.json, target/bench/lsmod.svg");
}

/// All that is to be known after a run.
#[derive(Serialize)]
struct Report {
    machine: String,
    files: Vec<FileSize>,
    results: Vec<Measured>,
    budgets: Vec<Budget>,
}

impl Report {
    fn text(&self) -> String {
        format!(
            "{}\n\n{}{}{}",
            self.machine,
            table::files(&self.files),
            table::results(&self.results),
            table::budgets(&self.budgets)
        )
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
    fs::write(file, plot::svg("Time of lsmod", &lines)).expect("the plot");
}
