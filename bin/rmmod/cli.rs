//! The command line.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

use clap::Parser;
use modutils::RemoveMode;
use modutils::remove::Extent;

use super::options::{Action, Options, TOOL};
use crate::common::cli::{self, MessageOptions};
use crate::common::results;
use crate::common::status::{DONE, FAILED, Meanings, Status, TIMED_OUT, USAGE};
use crate::common::wait_time::{self, WaitTime};
use crate::common::words::joined_behind_program;

/// The exit statuses of this command.
pub const STATUSES: Meanings = &[
    DONE,
    FAILED,
    USAGE,
    (Status::Already, "the module is not loaded"),
    (Status::Busy, "busy: in use, permanent, or being loaded or unloaded by another process"),
    TIMED_OUT,
    (Status::NotPermitted, "not permitted: privileges, or removal is disabled"),
    (Status::HungUp, "ended by SIGHUP"),
    (Status::Interrupted, "ended by SIGINT"),
    (Status::Terminated, "ended by SIGTERM"),
];

/// Remove modules from the kernel.
#[derive(Debug, Default, Parser)]
#[command(name = "rmmod", bin_name = "rmmod", version, max_term_width = 100)]
#[command(
    override_usage = "rmmod [OPTIONS] NAME|FILE|PATTERN...",
    args_override_self = true,
    infer_long_args = true
)]
struct Cli {
    /// Modules to remove: names, module files or patterns such as 'snd_*'; dependent modules are
    /// removed first, regardless of the order given
    #[arg(value_name = "NAME|FILE|PATTERN")]
    modules: Vec<OsString>,
    /// Remove a module even if in use (can crash the system)
    #[arg(short, long)]
    force: bool,
    /// Wait indefinitely until the modules can be removed
    #[arg(short = 'w', overrides_with = "wait")]
    wait_forever: bool,
    /// Wait at most TIME, such as 2, 0.5, 300ms or 2m
    #[arg(
        long,
        value_name = "TIME",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "forever",
        value_parser = wait_time::parse,
        overrides_with = "wait_forever"
    )]
    wait: Option<WaitTime>,
    /// Also remove all modules that depend on it
    #[arg(short, long)]
    recursive: bool,
    /// Print what would be removed, in order; remove nothing
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// Succeed if a module is not loaded
    #[arg(long)]
    if_loaded: bool,
    /// Print who holds the modules, without removing them; with a time to wait, also record who
    /// takes and drops references
    #[arg(long, conflicts_with_all = ["dry_run", "force", "recursive"])]
    who: bool,
    /// Print the result as JSON
    #[arg(short = 'J', long)]
    json: bool,
    #[command(flatten)]
    messages: MessageOptions,
}

impl From<Cli> for Options {
    fn from(cli: Cli) -> Self {
        Self {
            modules: cli.modules,
            action: if cli.who {
                Action::Who
            } else if cli.dry_run {
                Action::DryRun
            } else {
                Action::Remove
            },
            mode: if cli.force { RemoveMode::Force } else { RemoveMode::Refuse },
            extent: if cli.recursive { Extent::WithUsers } else { Extent::Named },
            // The short option takes no time: `-w=2` is an error.
            wait: if cli.wait_forever { Some(WaitTime::Forever) } else { cli.wait },
            if_loaded: cli.if_loaded,
            json: cli.json,
            messages: cli.messages.into(),
        }
    }
}

/// Without any option there is nothing to parse, and the usual call does not pay for it.
pub(crate) fn parse(argv: impl Iterator<Item = OsString>) -> Result<Options, Status> {
    let argv = joined_behind_program(argv.collect(), false);
    if argv.iter().skip(1).any(|word| word.as_bytes().starts_with(b"-")) {
        return cli::parse::<Cli>(TOOL, STATUSES, results::of_mistake, &argv).map(Options::from);
    }
    let cli = Cli { modules: argv.into_iter().skip(1).collect(), ..Cli::default() };
    Ok(cli.into())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn parsed(words: &[&str]) -> Result<Options, Status> {
        parse(std::iter::once(&"rmmod").chain(words).map(OsString::from))
    }

    #[test]
    fn wait_eats_no_word() {
        for words in [&["-w", "5"][..], &["--wait", "5"], &["5", "-w"]] {
            let options = parsed(words).unwrap();
            assert_eq!(options.modules, ["5"]);
            assert_eq!(options.wait, Some(WaitTime::Forever));
        }
        let options = parsed(&["--wait=0.5", "-f", "a"]).unwrap();
        assert_eq!(options.wait, Some(WaitTime::For(Duration::from_millis(500))));
        assert_eq!(options.mode, RemoveMode::Force);
        let options = parsed(&["-wf", "a"]).unwrap();
        assert!(options.mode == RemoveMode::Force && options.wait.is_some());
        for word in ["-w=0.2", "-w=", "-fw=2", "-w0.2"] {
            assert_eq!(parsed(&[word, "a"]).err(), Some(Status::Usage), "{word}");
        }
    }

    #[test]
    fn the_last_wait_counts() {
        let wait = |words: &[&str]| parsed(words).unwrap().wait;
        assert_eq!(wait(&["--wait=2", "-w", "a"]), Some(WaitTime::Forever));
        let two = WaitTime::For(Duration::from_secs(2));
        assert_eq!(wait(&["-w", "a", "--wait=2"]), Some(two));
        assert_eq!(wait(&["a"]), None);
    }

    #[test]
    fn options_may_be_repeated() {
        let words = ["-f", "--force", "--wait=1", "a", "-vv", "--wait=2", "-J", "-J", "b", "-v"];
        let options = parsed(&words).unwrap();
        assert!(options.mode == RemoveMode::Force && options.json && options.messages.verbose);
        assert_eq!(options.wait, Some(WaitTime::For(Duration::from_secs(2))));
        assert_eq!(options.modules, ["a", "b"]);
    }

    #[test]
    fn the_definition_is_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }
}
