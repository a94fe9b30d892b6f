//! What is told during a wait: on a terminal one line that is written again and again, elsewhere,
//! with `--verbose`, a line whenever something changes.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use modutils::{LoadedModule, System};

use crate::cli::Cli;
use crate::common::report::{Explanation, Reporter};
use crate::common::unprintable::is_unprintable;
use crate::explain;

/// Looking for holders takes a look into every process: this often at most, unless the number of
/// references tells that something changed.
const SEARCH_EVERY: Duration = Duration::from_secs(5);

pub(crate) struct Progress<'a> {
    reporter: &'a Reporter,
    system: &'a System,
    terminal: bool,
    /// What was told last.
    told: String,
    /// When the holders were looked for, and the module as it was then.
    searched: Option<(Instant, Option<LoadedModule>)>,
}

impl<'a> Progress<'a> {
    /// Nothing, if nobody wants to see it.
    pub(crate) fn start(cli: &Cli, reporter: &'a Reporter, system: &'a System) -> Option<Self> {
        let told = !cli.common.quiet && !cli.common.syslog;
        let terminal = told && io::stderr().is_terminal();
        (terminal || told && cli.common.verbose).then(|| Self {
            reporter,
            system,
            terminal,
            told: String::new(),
            searched: None,
        })
    }

    pub(crate) fn show(&mut self, state: &modutils::Progress<'_>) {
        let name = state.error.name();
        let changed = self.is_news(state.error.module());
        let news = if changed {
            explain::account(self.system, state.error).cause.unwrap_or_default()
        } else {
            self.told.clone()
        };
        if self.terminal {
            let seconds = state.waited.as_secs();
            let line = format!("rmmod: waiting for {name}, {seconds} s: {news}");
            // Nobody is left to tell if this fails.
            let _ = write!(io::stderr(), "{CLEAR}{}", fitted(&line, width()));
        } else if news != self.told {
            let line = format!("rmmod: waiting for {name}: {news}");
            self.reporter.line(line.as_bytes(), &Explanation::default());
        }
        self.told = news;
    }

    fn is_news(&mut self, module: Option<&LoadedModule>) -> bool {
        let known = self
            .searched
            .as_ref()
            .is_some_and(|(when, then)| when.elapsed() < SEARCH_EVERY && then.as_ref() == module);
        if !known {
            self.searched = Some((Instant::now(), module.cloned()));
        }
        !known
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        if self.terminal && !self.told.is_empty() {
            let _ = write!(io::stderr(), "{CLEAR}");
        }
    }
}

/// Back to the start of the line, and away with all of it.
const CLEAR: &str = "\r\x1b[K";

fn width() -> usize {
    terminal_size::terminal_size_of(io::stderr()).map_or(80, |(width, _)| width.0.into())
}

/// A line that wraps could not be written over.
fn fitted(line: &str, width: usize) -> String {
    let shown = line.chars().map(|c| if is_unprintable(c) { '?' } else { c });
    shown.take(width.saturating_sub(1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_never_wraps_nor_commands() {
        assert_eq!(fitted("waiting \u{1b}[2J for ever", 12), "waiting ?[2");
        assert_eq!(fitted("short", 80), "short");
        assert_eq!(fitted("x", 0), "");
    }
}
