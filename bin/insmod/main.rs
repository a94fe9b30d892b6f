//! `insmod`: load a module file into the kernel.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test fails by panicking"))]

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/output.rs"]
mod output;
#[path = "../common/results.rs"]
mod results;

mod account;
mod cli;
mod failure;
mod load;
mod max_size;
mod message;
mod params;
mod verdict;

use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::ExitCode;

use modutils::{Arguments, DECOMPRESSED_MAX, Error, ModuleFile, System};

use cli::Cli;
use common::report::{Explanation, Reporter};
use common::status::Status;
use failure::Failure;
use load::Outcome;
use results::Record;

const TOOL: &str = "insmod";

fn main() -> ExitCode {
    match cli::parse(std::env::args_os()) {
        Ok(cli) => run(&cli),
        Err(status) => status,
    }
    .into()
}

fn run(cli: &Cli) -> Status {
    let reporter = Reporter::new(TOOL, &cli.common);
    let Some(path) = &cli.file else {
        reporter.error(b"missing filename.", &Explanation::default());
        return Status::Usage;
    };
    if cli.params {
        return params::run(cli, path, &reporter);
    }
    if let Some(second) = cli.parameters.iter().find(|word| is_module_file(word)) {
        let line =
            [b"one module at a time: ", second.as_bytes(), b" is a second file, no parameter"];
        let fix = vec![format!("insmod {}", second.display())];
        reporter.error(&line.concat(), &Explanation { fix, ..Explanation::default() });
        return Status::Usage;
    }
    let mut record =
        Record { file: Some(path.to_string_lossy().into_owned()), ..Record::default() };
    let outcome = attempt(cli, path, &reporter, &mut record);
    let status = match outcome {
        Ok(outcome) => {
            record.outcome = outcome.word();
            Status::Done
        }
        Err(failure) => failure.report(&reporter, &mut record),
    };
    record.status = status as u8;
    for warning in &record.warnings {
        let line = [TOOL.as_bytes(), b": WARNING: ", warning.as_bytes()].concat();
        reporter.line(&line, &Explanation::default());
    }
    if cli.json { results::print(&[record], &reporter, status) } else { status }
}

fn attempt(
    cli: &Cli,
    path: &OsStr,
    reporter: &Reporter,
    record: &mut Record,
) -> Result<Outcome, Failure> {
    let arguments = Arguments::new(&cli.parameters).map_err(|bad| Failure::inexpressible(&bad))?;
    let file = open(cli, path).map_err(|error| Failure::not_opened(path, &error))?;
    load::run(&System::live(), cli, reporter, &file, &arguments, record)
}

/// Standard input may be a file or a pipe.
fn open(cli: &Cli, path: &OsStr) -> Result<ModuleFile, Error> {
    let max = cli.max_size.unwrap_or(DECOMPRESSED_MAX);
    if path != "-" {
        return Ok(ModuleFile::open(path)?.with_decompressed_max(max));
    }
    match std::io::stdin().as_fd().try_clone_to_owned() {
        Ok(stdin) => ModuleFile::from_stream(File::from(stdin), path, max),
        // A closed standard input: the error of trying to read it says so.
        Err(_) => ModuleFile::open("/dev/stdin"),
    }
}

/// Whether a word among the parameters is a second module. No parameter's name ends so.
fn is_module_file(word: &OsStr) -> bool {
    !word.as_bytes().contains(&b'=') && Path::new(word).file_name().is_some_and(modutils::is_path)
}
