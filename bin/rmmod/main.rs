//! `rmmod`: remove modules from the kernel.
#![cfg_attr(
    test,
    allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test fails by panicking")
)]

#[path = "../common/absence.rs"]
mod absence;
#[path = "../common/argument.rs"]
mod argument;
#[path = "../common/mod.rs"]
mod common;
#[path = "../common/output.rs"]
mod output;
#[path = "../common/results.rs"]
mod results;
#[path = "../common/telling.rs"]
mod telling;

mod cli;
mod explain;
mod holders;
mod message;
mod outcomes;
mod progress;
mod session;
mod signals;
mod targets;
mod wait_time;
mod who;

use std::process::ExitCode;

use cli::Cli;
use common::report::{Explanation, Reporter};
use common::status::Status;
use results::Record;

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
