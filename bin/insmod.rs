//! `insmod`: load a module file into the kernel.

mod account;
mod cli;
mod dependencies;
mod failure;
mod file;
mod job;
mod load;
mod max_size;
mod message;
mod options;
mod output;
mod replace;
mod report;
mod run;

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
