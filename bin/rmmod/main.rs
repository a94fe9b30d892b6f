//! `rmmod`: remove modules from the kernel.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test fails by panicking"))]

#[path = "../common/mod.rs"]
mod common;

mod cli;
mod message;

use std::ffi::OsStr;
use std::path::Path;
use std::process::ExitCode;

use modutils::{ModuleFile, ModuleName, RemoveMode, Snapshot, System};

use cli::Cli;
use common::report::{Explanation, Reporter};
use common::status::Status;

const TOOL: &str = "rmmod";

fn main() -> ExitCode {
    match cli::parse(std::env::args_os()) {
        Ok(cli) => run(&cli),
        Err(status) => status,
    }
    .into()
}

fn run(cli: &Cli) -> Status {
    let reporter = Reporter::new(TOOL, &cli.common);
    let report = |line: &[u8]| reporter.error(line, &Explanation::default());
    if cli.modules.is_empty() {
        report(b"missing module name.");
        return Status::Usage;
    }
    let system = System::live();
    let wait = cli.wait();
    let mode = if cli.force { RemoveMode::Force } else { RemoveMode::Refuse };
    let mut failures = Vec::new();

    let mut names = Vec::new();
    for argument in &cli.modules {
        match name_of(argument) {
            Ok(name) => names.push(name),
            Err(error) => {
                report(&message::unusable(argument, &error));
                failures.push(Status::Failed);
            }
        }
    }
    for name in in_order(&system, names) {
        if let Err(error) = modutils::remove(&system, &name, mode, wait) {
            report(&message::not_removed(&error));
            failures.push(message::status(&error));
        }
    }
    failures.first().copied().unwrap_or(Status::Done)
}

/// Users before what they use. A single module needs no order, and without a list of what is
/// loaded the given one is as good as any.
fn in_order(system: &System, names: Vec<ModuleName>) -> Vec<ModuleName> {
    if names.len() < 2 {
        return names;
    }
    match Snapshot::take(system) {
        Ok(snapshot) => modutils::removal_order(&snapshot, &names),
        Err(_) => names,
    }
}

/// A path means the module in that file, which need not be called like the file.
fn name_of(argument: &OsStr) -> Result<ModuleName, modutils::Error> {
    if !modutils::is_path(argument) {
        return ModuleName::new(argument.as_encoded_bytes());
    }
    match ModuleFile::open(argument).and_then(|file| file.name()) {
        Ok(name) => Ok(name),
        Err(_) => ModuleName::from_file_name(Path::new(argument)),
    }
}
