//! The command line.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::time::{Duration, Instant};

use clap::Parser;
use modutils::Wait;

use crate::TOOL;
use crate::common::options::{self, Common};
use crate::common::status::Status;

/// Remove modules from the kernel.
#[derive(Debug, Default, Parser)]
#[command(name = "rmmod", bin_name = "rmmod", version, max_term_width = 100)]
#[command(override_usage = "rmmod [OPTIONS] NAME|FILE...")]
pub(crate) struct Cli {
    /// Names of modules, or module files; removed users first, whatever their order here
    #[arg(value_name = "NAME|FILE")]
    pub(crate) modules: Vec<OsString>,
    /// Remove a module even if it is in use. This can crash the system
    #[arg(short, long)]
    pub(crate) force: bool,
    /// Wait until the modules can be removed, for TIME at most (2, 0.5, 300ms, 2m; -w takes none)
    #[arg(
        short,
        long,
        value_name = "TIME",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "forever",
        value_parser = wait_time
    )]
    wait: Option<WaitTime>,
    #[command(flatten)]
    pub(crate) common: Common,
}

/// What `--wait` was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WaitTime {
    Forever,
    For(Duration),
}

impl Cli {
    /// The budget of all modules together: it starts to run now.
    pub(crate) fn wait(&self) -> Wait {
        match self.wait {
            None => Wait::No,
            Some(WaitTime::Forever) => Wait::Forever,
            // A time beyond the clock's end is for ever.
            Some(WaitTime::For(time)) => {
                Instant::now().checked_add(time).map_or(Wait::Forever, Wait::Until)
            }
        }
    }
}

const UNITS: &[(&str, f64)] =
    &[("ms", 0.001), ("us", 0.000_001), ("s", 1.0), ("m", 60.0), ("h", 3600.0), ("", 1.0)];

fn wait_time(text: &str) -> Result<WaitTime, String> {
    if text == "forever" {
        return Ok(WaitTime::Forever);
    }
    let bad = || format!("'{text}' is no time: use seconds (2, 0.5) or a unit (300ms, 2m)");
    let (number, scale) = UNITS
        .iter()
        .find_map(|(unit, scale)| text.strip_suffix(unit).map(|number| (number, scale)))
        .ok_or_else(bad)?;
    // Rust also reads "inf", "1e9" and signs, which are no way to write a time.
    if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return Err(bad());
    }
    let seconds = number.parse::<f64>().map_err(|_| bad())? * scale;
    Ok(Duration::try_from_secs_f64(seconds).map_or(WaitTime::Forever, WaitTime::For))
}

/// Without any option there is nothing to parse, and the usual call does not pay for it.
pub(crate) fn parse(argv: impl Iterator<Item = OsString>) -> Result<Cli, Status> {
    let argv: Vec<_> = argv.collect();
    if argv.iter().skip(1).any(|word| word.as_bytes().starts_with(b"-")) {
        return options::parse(TOOL, argv);
    }
    Ok(Cli { modules: argv.into_iter().skip(1).collect(), ..Cli::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[&str]) -> Result<Cli, Status> {
        parse(std::iter::once(&"rmmod").chain(words).map(OsString::from))
    }

    #[test]
    fn times() {
        for (text, millis) in [
            ("2", 2000),
            ("0.5", 500),
            ("300ms", 300),
            ("2m", 120_000),
            ("1s", 1000),
            (".5", 500),
            ("0", 0),
        ] {
            assert_eq!(wait_time(text), Ok(WaitTime::For(Duration::from_millis(millis))), "{text}");
        }
        for text in ["", "s", "-1", "+1", "1e3", "inf", "nan", "1 s", "0x10", "1.2.3", "2d"] {
            assert!(wait_time(text).is_err(), "{text}");
        }
        let huge = "9".repeat(400);
        assert_eq!(wait_time(&huge), Ok(WaitTime::Forever));
    }

    #[test]
    fn wait_eats_no_word() {
        for words in [&["-w", "5"][..], &["--wait", "5"], &["5", "-w"]] {
            let cli = parsed(words).unwrap();
            assert_eq!(cli.modules, ["5"]);
            assert_eq!(cli.wait, Some(WaitTime::Forever));
        }
        let cli = parsed(&["--wait=0.5", "-f", "a"]).unwrap();
        assert_eq!(cli.wait, Some(WaitTime::For(Duration::from_millis(500))));
        assert!(cli.force);
        let cli = parsed(&["-wf", "a"]).unwrap();
        assert!(cli.force && cli.wait.is_some());
    }

    #[test]
    fn the_definition_is_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }
}
