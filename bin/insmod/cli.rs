//! The command line.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

use clap::Parser;
use modutils::Force;
use modutils::file::DECOMPRESSED_MAX;

use super::max_size;
use super::options::{Action, Options, Replacement, TOOL};
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
    (Status::Already, "the module is already loaded"),
    (Status::Busy, "busy: being loaded or unloaded by another process; --replace: in use"),
    TIMED_OUT,
    (Status::NotPermitted, "not permitted: privileges, lockdown, signature or blacklist"),
    (Status::Misfit, "the module does not match: format, version, symbols or parameters"),
    (Status::InitFailed, "the module's init function failed"),
    (Status::HungUp, "ended by SIGHUP (--replace, --deps)"),
    (Status::Interrupted, "ended by SIGINT (--replace, --deps)"),
    (Status::Terminated, "ended by SIGTERM (--replace, --deps)"),
];

/// Load a module file into the kernel.
#[derive(Debug, Default, Parser)]
#[command(name = "insmod", bin_name = "insmod", version, max_term_width = 100)]
#[command(
    override_usage = "insmod [OPTIONS] FILE [NAME=VALUE]...",
    args_override_self = true,
    infer_long_args = true
)]
struct Cli {
    /// Module file, plain or compressed; - reads standard input
    #[arg(value_name = "FILE")]
    file: Option<OsString>,
    /// Parameters for the module; options end at FILE
    #[arg(value_name = "NAME=VALUE")]
    parameters: Vec<OsString>,
    /// Check whether the module would load; do not load it
    #[arg(short = 'n', long)]
    check: bool,
    /// Load the modules it depends on first
    #[arg(short = 'D', long)]
    deps: bool,
    /// Succeed if the module is already loaded
    #[arg(long)]
    if_needed: bool,
    /// Replace the loaded module with the one in FILE
    #[arg(long)]
    replace: bool,
    /// With --replace: also reload dependent modules
    #[arg(long, requires = "replace")]
    recursive: bool,
    /// With --replace: wait for the old module, at most TIME
    #[arg(
        long,
        value_name = "TIME",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "forever",
        value_parser = wait_time::parse,
        requires = "replace"
    )]
    wait: Option<WaitTime>,
    /// With --replace: keep parameters that are not given
    #[arg(long, requires = "replace")]
    keep_params: bool,
    /// List the module's parameters and exit
    #[arg(short = 'P', long, conflicts_with_all = ["check", "deps", "if_needed", "replace"])]
    params: bool,
    /// Fail on unknown parameters instead of warning
    #[arg(long)]
    strict: bool,
    #[arg(
        long,
        value_name = "SIZE",
        require_equals = true,
        value_parser = max_size::parse,
        help = "Maximum decompressed size (K, M, G) [default: 512M]"
    )]
    max_size: Option<u64>,
    /// Print the result as JSON
    #[arg(short = 'J', long)]
    json: bool,
    /// Skip both version checks below (dangerous)
    #[arg(short, long)]
    force: bool,
    /// Skip the version magic check
    #[arg(long)]
    force_vermagic: bool,
    /// Skip the symbol version check
    #[arg(long)]
    force_modversion: bool,
    /// Ignored for compatibility
    #[arg(short = 'p', hide = true)]
    percent: bool,
    #[command(flatten)]
    messages: MessageOptions,
}

impl From<Cli> for Options {
    fn from(cli: Cli) -> Self {
        let replacement = Replacement {
            recursive: cli.recursive,
            wait: cli.wait,
            keep_parameters: cli.keep_params,
        };
        Self {
            file: cli.file,
            parameters: cli.parameters,
            action: if cli.replace {
                Action::Replace(replacement)
            } else if cli.params {
                Action::ListParameters
            } else {
                Action::Load
            },
            check: cli.check,
            deps: cli.deps,
            if_needed: cli.if_needed,
            strict: cli.strict,
            force: Force {
                vermagic: cli.force || cli.force_vermagic,
                modversions: cli.force || cli.force_modversion,
            },
            max_size: cli.max_size.unwrap_or(DECOMPRESSED_MAX),
            json: cli.json,
            messages: cli.messages.into(),
        }
    }
}

/// Options end at FILE: the words that follow are the module's, even with a dash. Without any
/// option there is nothing to parse, and the usual call does not pay for it.
pub(crate) fn parse(argv: impl Iterator<Item = OsString>) -> Result<Options, Status> {
    let mut argv = joined_behind_program(argv.collect(), true);
    let is_file = |word: &OsString| !word.as_bytes().starts_with(b"-") || word == "-";
    let file = argv.iter().skip(1).position(is_file).map_or(argv.len(), |index| index + 1);
    if file == 1 {
        let mut words = argv.into_iter().skip(1);
        let cli = Cli { file: words.next(), parameters: words.collect(), ..Cli::default() };
        return Ok(cli.into());
    }
    if !argv.iter().take(file).any(|word| word == "--") {
        argv.insert(file, "--".into());
    }
    cli::parse::<Cli>(TOOL, STATUSES, results::of_mistake, &argv).map(Options::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[&str]) -> Options {
        parse(std::iter::once(&"insmod").chain(words).map(OsString::from)).unwrap()
    }

    #[test]
    fn options_end_at_the_file() {
        for words in [&["a.ko", "-f", "--force"][..], &["-v", "a.ko", "-f", "--force"]] {
            let options = parsed(words);
            assert_eq!(options.file, Some("a.ko".into()));
            assert_eq!(options.parameters, ["-f", "--force"]);
            assert!(!options.force.any());
        }
        assert!(parsed(&["-f", "a.ko"]).force.vermagic);
        assert_eq!(parsed(&["-v", "--", "-a.ko", "x"]).file, Some("-a.ko".into()));
    }

    #[test]
    fn no_file_is_left_to_the_caller() {
        assert_eq!(parsed(&[]).file, None);
        assert_eq!(parsed(&["-f"]).file, None);
    }

    #[test]
    fn options_may_be_repeated() {
        let words = ["-f", "--force", "--max-size=1K", "-vv", "--max-size=2K", "a.ko", "n=1"];
        let options = parsed(&words);
        assert!(options.force.vermagic && options.messages.verbose);
        assert_eq!(options.max_size, 2048);
        assert_eq!(options.parameters, ["n=1"]);
    }

    #[test]
    fn the_definition_is_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }
}
