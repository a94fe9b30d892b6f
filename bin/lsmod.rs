//! `lsmod`: list the loaded modules.

mod absent;
mod cells;
pub mod classic;
mod cli;
mod columns;
mod facts;
mod json;
mod line_buffer;
mod long;
mod options;
mod output;
mod report;
mod run;
mod select;
mod size;
mod sort;
mod summary;
mod table;
mod terminal;
mod tree;
mod writing;

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
