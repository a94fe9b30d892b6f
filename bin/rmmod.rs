//! `rmmod`: remove modules from the kernel.

mod cli;
mod explain;
mod holders;
mod message;
mod options;
mod output;
mod progress;
mod recorded;
mod report;
mod run;
mod targets;

pub use cli::STATUSES;

use std::process::ExitCode;

/// Runs the command on this process's command line, and returns its exit status.
pub fn main() -> ExitCode {
    match cli::parse(std::env::args_os()) {
        Ok(options) => run::run(&options),
        Err(status) => status,
    }
    .end()
}
