//! Progress of a wait: on a terminal one line that is rewritten, elsewhere,
//! with `--verbose`, a line whenever something changes.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use modutils::System;
use modutils::remove::RemoveError;

use super::explain;
use crate::common::report::Reporter;
use crate::common::unprintable::is_unprintable;
use crate::common::width::fitting;

/// Looking for holders takes a look into every process: this often at most, unless the number of
/// references tells that something changed.
const SEARCH_EVERY: Duration = Duration::from_secs(5);

/// The progress of all waits of one call, which come one after another.
///
/// Holders are searched for in a thread: that can take seconds, in which the wait must go on. It
/// tells what it found, unless the wait is over by then; the end of the process does not wait for
/// it.
pub(crate) struct Progress(Arc<Mutex<Screen>>);

struct Screen {
    reporter: Reporter,
    system: System,
    terminal: bool,
    /// The module and the start of the wait; `None` between two waits.
    wait: Option<(RemoveError, Instant)>,
    /// The last line of this wait.
    shown: String,
    /// Whether a search goes on, be it for a wait that is over.
    searching: bool,
    found: Option<Found>,
}

/// What the last search came to.
struct Found {
    of: RemoveError,
    when: Instant,
    news: String,
}

impl Progress {
    /// Returns `None` if progress is not to be shown.
    pub(crate) fn of(reporter: &Reporter, system: &System) -> Option<Self> {
        reporter.shows_progress().then(|| {
            Self(Arc::new(Mutex::new(Screen {
                reporter: reporter.clone(),
                system: system.clone(),
                terminal: reporter.is_on_terminal(),
                wait: None,
                shown: String::new(),
                searching: false,
                found: None,
            })))
        })
    }

    /// Returns at once.
    pub(crate) fn show(&self, state: &modutils::remove::WaitProgress<'_>) {
        let mut screen = locked(&self.0);
        let error = state.error;
        let now = Instant::now();
        screen.wait = Some((error.clone(), now.checked_sub(state.waited).unwrap_or(now)));
        let known = screen.found.as_ref().filter(|found| found.of == *error);
        let is_due = known.is_none_or(|found| found.when.elapsed() >= SEARCH_EVERY);
        if is_due && !screen.searching && error.is_held() {
            screen.searching = self.search(&screen.system, error);
            if !screen.searching {
                let glance = error.refusal().to_string();
                screen.keep(error, glance);
            }
        }
        screen.tell();
    }

    /// Whether there is a thread for it.
    fn search(&self, system: &System, error: &RemoveError) -> bool {
        let (screen, system, error) = (Arc::clone(&self.0), system.clone(), error.clone());
        let search = move || {
            let news = explain::account(&system, &error).cause.unwrap_or_default();
            let mut screen = locked(&screen);
            screen.searching = false;
            screen.keep(&error, news);
            if screen.wait.as_ref().is_some_and(|(current, _)| *current == error) {
                screen.tell();
            }
        };
        thread::Builder::new().spawn(search).is_ok()
    }

    /// Ends a wait: later messages begin on an empty line, and are not followed by
    /// more of this.
    pub(crate) fn end(&self) {
        let mut screen = locked(&self.0);
        screen.wait = None;
        if screen.terminal && !screen.shown.is_empty() {
            let _ = write!(io::stderr(), "{CLEAR}");
        }
        screen.shown.clear();
    }
}

fn locked(screen: &Mutex<Screen>) -> MutexGuard<'_, Screen> {
    screen.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Screen {
    fn keep(&mut self, of: &RemoveError, news: String) {
        self.found = Some(Found { of: of.clone(), when: Instant::now(), news });
    }

    fn tell(&mut self) {
        let Some((error, since)) = &self.wait else { return };
        let name = error.name();
        let news = match &self.found {
            Some(found) if found.of == *error => found.news.clone(),
            // Only a line on a terminal can be written over when there is more to tell.
            _ if self.searching && !self.terminal => return,
            _ => error.refusal().to_string(),
        };
        if self.terminal {
            let seconds = since.elapsed().as_secs();
            let line = format!("rmmod: waiting for {name}, {seconds} s: {news}");
            // A failure here has nowhere to be reported.
            let _ = write!(io::stderr(), "{CLEAR}{}", fitted(&line, width()));
        } else if news != self.shown {
            self.reporter.tell(format!("waiting for {name}: {news}").as_bytes());
        }
        self.shown = news;
    }
}

/// Returns to the start of the line and erases it.
const CLEAR: &str = "\r\x1b[K";

fn width() -> usize {
    terminal_size::terminal_size_of(io::stderr()).map_or(80, |(width, _)| width.0.into())
}

/// A line that wraps could not be written over.
fn fitted(line: &str, width: usize) -> String {
    let shown = |character| if is_unprintable(character) { '?' } else { character };
    let shown: String = line.chars().map(shown).collect();
    fitting(&shown, width.saturating_sub(1)).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_never_wraps_nor_commands() {
        assert_eq!(fitted("waiting \u{1b}[2J forever", 12), "waiting ?[2");
        assert_eq!(fitted("short", 80), "short");
        assert_eq!(fitted("x", 0), "");
    }
}
