//! `rmmod`: remove modules from the kernel.
mod cli;
pub(crate) mod explain;
mod holders;
pub(crate) mod message;
mod outcomes;
mod progress;
mod session;
mod targets;
mod who;

pub use cli::STATUSES;

use std::process::ExitCode;

use crate::common::report::{Explanation, Reporter};
use crate::common::results::{self, Record};
use crate::common::status::Status;
use cli::Cli;

const TOOL: &str = "rmmod";

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
    if cli.modules.is_empty() {
        let line = "missing module name.";
        reporter.error(line.as_bytes(), &Explanation::default());
        let (status, message) = (Status::Usage, Some(line.to_owned()));
        let record =
            Record { outcome: "failed", status: status as u8, message, ..Record::default() };
        return if cli.json { results::print(&[record], &reporter, status) } else { status };
    }
    session::Session::new(cli, &reporter).run()
}
