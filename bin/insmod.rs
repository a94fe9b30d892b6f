//! `insmod`: load a module file into the kernel.

mod account;
mod cli;
mod dependencies;
mod failure;
mod load;
mod max_size;
mod message;
mod params;
mod replace;

use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::process::ExitCode;

use modutils::{Arguments, DECOMPRESSED_MAX, Error, ModuleFile, System};

use crate::common::report::Reporter;
use crate::common::results::{self, Record};
use crate::common::status::Status;
use cli::Cli;
use failure::Failure;
use replace::{Ended, Job};

const TOOL: &str = "insmod";

/// Runs the command on this process's command line, and returns its exit status.
pub fn main() -> ExitCode {
    match cli::parse(std::env::args_os()) {
        Ok(cli) => run(&cli),
        Err(status) => status,
    }
    .into()
}

fn run(cli: &Cli) -> Status {
    let reporter = Reporter::new(TOOL, &cli.common);
    let file = cli.file.as_ref().map(|path| path.to_string_lossy().into_owned());
    let mut record = Record { file, ..Record::default() };
    if cli.params {
        match params::run(cli) {
            Ok(text) => return params::print(cli, &text, &reporter),
            Err(failure) => {
                let status = failure.report(&reporter, &mut record);
                return finish(cli, record, &reporter, status);
            }
        }
    }
    let ended = attempt(cli, &reporter, &mut record);
    let status = match ended.result {
        Ok(outcome) => {
            record.outcome = outcome.word();
            Status::Done
        }
        Err(failure) => {
            let failure = if cli.check { failure.without_asking() } else { failure };
            let status = failure.report(&reporter, &mut record);
            // Behind the failure, whose line is the first.
            for warning in &record.warnings {
                reporter.warn(warning);
            }
            status
        }
    };
    finish(cli, record, &reporter, ended.signal.unwrap_or(status))
}

fn finish(cli: &Cli, mut record: Record, reporter: &Reporter, status: Status) -> Status {
    record.status = status as u8;
    if cli.json { results::print(&[record], reporter, status) } else { status }
}

fn attempt(cli: &Cli, reporter: &Reporter, record: &mut Record) -> Ended {
    let (file, arguments) = match read(cli) {
        Ok(read) => read,
        Err(failure) => return Err(failure).into(),
    };
    let system = &System::live();
    if cli.replace {
        let job = Job { system, cli, reporter, file: &file, arguments: &arguments };
        return replace::run(job, record);
    }
    load::run(system, cli, reporter, &file, &arguments, record).into()
}

/// The file, open, and its parameters.
fn read(cli: &Cli) -> Result<(ModuleFile, Arguments), Failure> {
    let path = cli.file.as_ref().ok_or_else(Failure::no_file)?;
    if let Some(second) = cli.parameters.iter().find(|word| is_module_file(word)) {
        return Err(Failure::second_file(second));
    }
    let arguments = Arguments::new(&cli.parameters).map_err(|bad| Failure::inexpressible(&bad))?;
    let file = open(cli, path).map_err(|error| Failure::not_opened(path, &error))?;
    Ok((file, arguments))
}

/// Standard input may be a file or a pipe.
fn open(cli: &Cli, path: &OsStr) -> Result<ModuleFile, Error> {
    let max = cli.max_size.unwrap_or(DECOMPRESSED_MAX);
    if path != "-" {
        return Ok(ModuleFile::open(path)?.with_decompressed_max(max));
    }
    match std::io::stdin().as_fd().try_clone_to_owned() {
        Ok(stdin) => ModuleFile::from_stream(File::from(stdin), path, max),
        // There are no descriptors left: the error of trying to get one says so.
        Err(_) => ModuleFile::open("/dev/stdin"),
    }
}

/// Whether a word among the parameters is a second module. No parameter's name ends so.
fn is_module_file(word: &OsStr) -> bool {
    !word.as_bytes().contains(&b'=') && ModuleFile::is_named(word)
}
