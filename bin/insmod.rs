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

pub use cli::STATUSES;

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::process::ExitCode;

use modutils::diagnosis::CommandLine;
use modutils::file::DECOMPRESSED_MAX;
use modutils::{Arguments, Error, Kernel, ModuleFile};

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
    .end()
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
    let (file, arguments) = match read(cli, reporter) {
        Ok(read) => read,
        Err(failure) => return Err(failure).into(),
    };
    let kernel = &Kernel::running();
    if cli.replace {
        let job = Job { kernel, cli, reporter, file: &file, arguments: &arguments };
        return replace::run(job, record);
    }
    load::run(kernel, cli, reporter, &file, &arguments, record).into()
}

/// The file, open, and its parameters.
fn read(cli: &Cli, reporter: &Reporter) -> Result<(ModuleFile, Arguments), Failure> {
    let path = cli.file.as_ref().ok_or_else(Failure::no_file)?;
    if let Some(second) = cli.parameters.iter().find(|word| is_module_file(word)) {
        return Err(Failure::second_file(second));
    }
    let inexpressible = |bad| Failure::inexpressible(&bad);
    let not_opened = |error| Failure::not_opened(path, &error);
    // Several parameters may stand in one word; which, only the file tells.
    if modutils::insert::has_blanks(&cli.parameters) {
        let file = open(cli, path).map_err(not_opened)?;
        let arguments = Arguments::new(split(cli, reporter, &file)).map_err(inexpressible)?;
        return Ok((file, arguments));
    }
    let arguments = Arguments::new(&cli.parameters).map_err(inexpressible)?;
    Ok((open(cli, path).map_err(not_opened)?, arguments))
}

/// The parameters, with words taken apart that hold several.
fn split(cli: &Cli, reporter: &Reporter, file: &ModuleFile) -> Vec<OsString> {
    let declared = file.image().and_then(|image| image.parameters()).unwrap_or_default();
    let mut words = Vec::new();
    for word in &cli.parameters {
        let pieces = modutils::insert::split_parameters(word, &declared);
        if pieces.len() > 1 && cli.common.verbose {
            let line = CommandLine::new("parameters:");
            let line = pieces.iter().fold(line, CommandLine::word).to_string();
            reporter.tell(format!("took one word for {} {line}", pieces.len()).as_bytes());
        }
        words.extend(pieces);
    }
    words
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
