//! `insmod`: load a module file into the kernel.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test fails by panicking"))]

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/output.rs"]
mod output;
#[path = "../common/results.rs"]
mod results;

mod cli;
mod message;

use std::process::ExitCode;

use modutils::{Arguments, Errno, ModuleFile, System};

use cli::Cli;
use common::report::{Explanation, Reporter};
use common::status::Status;
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
    let mut record = Record {
        file: Some(path.to_string_lossy().into_owned()),
        outcome: "loaded",
        ..Record::default()
    };
    let status = match load(cli, path.as_ref(), &mut record) {
        Ok(()) => Status::Done,
        Err(failure) => {
            reporter.error(&failure.line, &Explanation::default());
            record.outcome = if failure.status == Status::Already { "already" } else { "failed" };
            record.errno = failure.errno.map(Errno::name);
            record.message = Some(failure.text);
            failure.status
        }
    };
    record.status = status as u8;
    if cli.json { results::print(&[record], &reporter, status) } else { status }
}

/// What is said about a failure.
struct Failure {
    /// The line of kmod.
    line: Vec<u8>,
    /// Its end, without the name of the file.
    text: String,
    errno: Option<Errno>,
    status: Status,
}

fn load(cli: &Cli, path: &std::path::Path, record: &mut Record) -> Result<(), Failure> {
    let arguments = Arguments::new(&cli.parameters).map_err(|bad| Failure {
        line: bad.to_string().into_bytes(),
        text: bad.to_string(),
        errno: None,
        status: Status::Misfit,
    })?;
    let file = ModuleFile::open(path).map_err(|error| Failure {
        line: message::not_opened(path.as_os_str(), &error),
        text: error.detail().to_owned(),
        errno: error.errno(),
        status: message::open_status(&error),
    })?;
    let loaded = modutils::insert(&System::live(), &file, &arguments, cli.force());
    if cli.json {
        record.module = file.name().ok().map(|name| name.to_string());
    }
    loaded.map_err(|error| Failure {
        line: message::not_inserted(&file, &error),
        text: message::text(&file, &error),
        errno: error.errno(),
        status: message::status(&error),
    })
}
