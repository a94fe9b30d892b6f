//! What is told during a wait: on a terminal one line that is written again and again, elsewhere,
//! with `--verbose`, a line whenever something changes.

use std::io::{self, IsTerminal, Write};

use modutils::System;

use crate::cli::Cli;
use crate::common::report::{Explanation, Reporter};
use crate::explain;

pub(crate) struct Progress<'a> {
    reporter: &'a Reporter,
    system: &'a System,
    terminal: bool,
    last: String,
}

impl<'a> Progress<'a> {
    /// Nothing, if nobody wants to see it.
    pub(crate) fn start(cli: &Cli, reporter: &'a Reporter, system: &'a System) -> Option<Self> {
        let told = !cli.common.quiet && !cli.common.syslog;
        let terminal = told && io::stderr().is_terminal();
        let wanted = terminal || told && cli.common.verbose;
        wanted.then(|| Self { reporter, system, terminal, last: String::new() })
    }

    pub(crate) fn show(&mut self, state: &modutils::Progress<'_>) {
        let name = state.error.name();
        let why = explain::account(self.system, state.error).cause.unwrap_or_default();
        if self.terminal {
            let line =
                format!("rmmod: waiting for {name} since {} s: {why}", state.waited.as_secs());
            // Nobody is left to tell if this fails.
            let _ = write!(io::stderr(), "\r\x1b[K{}", fitted(&line));
        } else if why != self.last {
            let line = format!("rmmod: waiting for {name}: {why}");
            self.reporter.line(line.as_bytes(), &Explanation::default());
        }
        self.last = why;
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        if self.terminal && !self.last.is_empty() {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

/// A line that wraps could not be written over.
fn fitted(line: &str) -> String {
    let width = terminal_width().unwrap_or(80).saturating_sub(1);
    line.chars().map(|c| if c.is_control() { '?' } else { c }).take(width).collect()
}

fn terminal_width() -> Option<usize> {
    std::env::var("COLUMNS").ok()?.parse().ok()
}
