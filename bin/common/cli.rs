//! From the words of a command line to options, and the messages for mistakes.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use anyhow::bail;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args, Command, Parser};
use modutils::Errno;
use modutils::diagnosis::WayOut;

use super::given::{self, Given};
use super::messages::{Explain, Messages};
use super::report::{ERROR, Explanation, Reporter};
use super::status::{self, Meanings, Status};
use super::{conflict, output};

/// The options that all three commands have.
#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Messages")]
pub(crate) struct MessageOptions {
    #[arg(
        long,
        value_name = "WHEN",
        require_equals = true,
        value_parser = explain,
        help = "When to explain failures: auto (on a terminal), always or never [default: auto] \
                [env: MODUTILS_EXPLAIN]"
    )]
    explain: Option<Explain>,
    /// Write messages to the system log, not standard error
    #[arg(short, long)]
    syslog: bool,
    /// Explain failures and report each step
    #[arg(short, long)]
    verbose: bool,
    /// Print no messages; only set the exit status
    #[arg(short, long, conflicts_with = "verbose")]
    quiet: bool,
}

impl From<MessageOptions> for Messages {
    fn from(options: MessageOptions) -> Self {
        let MessageOptions { explain, syslog, verbose, quiet } = options;
        Self { explain, syslog, verbose, quiet }
    }
}

fn explain(text: &str) -> anyhow::Result<Explain> {
    match text {
        "auto" => Ok(Explain::Auto),
        "always" => Ok(Explain::Always),
        "never" => Ok(Explain::Never),
        _ => bail!("the choices are always, never and auto"),
    }
}

/// Parses a command line, or reports a mistake in the way of getopt(3); help and version
/// go to standard output. `document` makes the JSON document for a mistake.
pub(crate) fn parse<P: Parser>(
    tool: &'static str,
    statuses: Meanings,
    document: fn(&str) -> Vec<u8>,
    argv: &[OsString],
) -> Result<P, Status> {
    let name = argv.first().cloned().unwrap_or_else(|| tool.into());
    // With text of its own for the long help, clap would spread that over four screens.
    let is_long =
        |word: &OsString| word.len() > 2 && "--help".as_bytes().starts_with(word.as_bytes());
    let long = argv.iter().any(is_long);
    let mut command = P::command().display_name(format!("{tool} (modutils)"));
    if long {
        command = command.after_help(status::help(statuses));
    }
    let matches = command.try_get_matches_from_mut(argv);
    matches.and_then(|matches| P::from_arg_matches(&matches)).map_err(|error| {
        let given = given::options(&command, argv);
        let reporter = Reporter::new(tool, messages(&given));
        if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
            let printed = error.print().or_else(|failure| match failure.kind() {
                std::io::ErrorKind::BrokenPipe => Ok(()),
                _ => Err(failure.raw_os_error().map_or(Errno::EIO, Errno::from_raw)),
            });
            return output::written(printed, &reporter, Status::Done);
        }
        let fix = vec![WayOut::Command(format!("{tool} --help"))];
        let help = Explanation { fix, ..Explanation::default() };
        let complaint = complaint(&error, &command, argv, &given);
        reporter.line(ERROR, &[name.as_bytes(), b": ", complaint.as_bytes()].concat(), &help);
        // Beside another format, it is part of the mistake.
        let is_data = given.iter().any(|given| given.arg.get_id() == "json");
        if is_data && !complaint.contains("'--json'") {
            let printed = output::show_json(&document(&complaint));
            return output::written(printed, &reporter, Status::Usage);
        }
        Status::Usage
    })
}

/// The options about messages.
fn messages(given: &[Given<'_>]) -> Messages {
    let has = |id: &str| given.iter().any(|given| given.arg.get_id() == id);
    let explain = given.iter().rev().find(|given| given.arg.get_id() == "explain");
    // Together, these two are a mistake, and none of them counts.
    let (verbose, quiet) = (has("verbose"), has("quiet"));
    Messages {
        explain: explain.and_then(|given| self::explain(given.value?).ok()),
        syslog: has("syslog"),
        verbose: verbose && !quiet,
        quiet: quiet && !verbose,
    }
}

/// `-w=2`: a letter takes no value, as it is for kmod's `-w`; the long option does.
fn short_with_value(word: &OsStr) -> Option<String> {
    let (letter, value) = word.to_str()?.strip_prefix('-')?.split_once('=')?;
    (letter == "w").then(|| format!("option '-w' takes no value: use '--wait={value}'"))
}

/// One line, whatever the mistake is.
fn complaint(
    error: &clap::Error,
    command: &Command,
    argv: &[OsString],
    given: &[Given<'_>],
) -> String {
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    let conflict = match error.kind() {
        ErrorKind::ArgumentConflict => conflict::describe(command, argv),
        ErrorKind::MissingRequiredArgument => conflict::requirements(command, given),
        _ => None,
    };
    match (error.kind(), context(ContextKind::InvalidArg)) {
        (ErrorKind::UnknownArgument, Some(option)) if option.starts_with("--") => {
            format!("unrecognized option '{option}'")
        }
        (ErrorKind::TooManyValues, Some(option)) => {
            format!("option '{option}' doesn't allow an argument")
        }
        (ErrorKind::UnknownArgument, Some("-=")) => {
            let valued = argv.iter().find_map(|word| short_with_value(word));
            valued.unwrap_or_else(|| "invalid option -- '='".to_owned())
        }
        (ErrorKind::UnknownArgument, Some(option)) => {
            format!("invalid option -- '{}'", option.trim_start_matches('-'))
        }
        (ErrorKind::NoEquals, Some(option)) => {
            let name = option.split('=').next().unwrap_or_default();
            format!("option '{name}' requires an argument: {}", option.replace(['<', '>'], ""))
        }
        _ => conflict.unwrap_or_else(|| in_one_line(&error.render().to_string())),
    }
}

/// The first paragraph of what clap says; the others are about how to get help.
fn in_one_line(text: &str) -> String {
    let text = text.strip_prefix("error: ").unwrap_or(text);
    let lines: Vec<_> = text.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
    lines.join(" ")
}
