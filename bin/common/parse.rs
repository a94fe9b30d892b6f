//! From the words of a command line to options, and the words for arguments that make no sense.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, Parser};
use modutils::Errno;
use modutils::diagnosis::WayOut;

use super::conflict;
use super::options::Common;
use super::report::{ERROR, Explanation, Reporter};
use super::status::{self, Meanings, Status};

/// Parses a command line, or reports a mistake in the way of getopt(3); help and version
/// go to standard output.
pub(crate) fn parse<P: Parser>(
    tool: &'static str,
    statuses: Meanings,
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
    matches.and_then(|matches| P::from_arg_matches(&matches)).map_err(|error| match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => match error.print() {
            Err(failure) if failure.kind() != std::io::ErrorKind::BrokenPipe => {
                let errno =
                    failure.raw_os_error().map(|number| Errno::from_raw(number).to_string());
                let text = errno.unwrap_or_else(|| failure.to_string());
                let line = format!("could not write: {text}");
                Reporter::new(tool, &Common::default())
                    .error(line.as_bytes(), &Explanation::default());
                Status::Failed
            }
            _ => Status::Done,
        },
        _ => {
            let fix = vec![WayOut::Command(format!("{tool} --help"))];
            let help = Explanation { fix, ..Explanation::default() };
            let line = complaint(&name, &error, &command, argv);
            Reporter::new(tool, &Common::default()).line(ERROR, &line, &help);
            Status::Usage
        }
    })
}

/// `-w=2`: a letter takes no value, as it is for kmod's `-w`; the long option does.
fn short_with_value(word: &OsStr) -> Option<String> {
    let (letter, value) = word.to_str()?.strip_prefix('-')?.split_once('=')?;
    (letter == "w").then(|| format!("option '-w' takes no value: use '--wait={value}'"))
}

/// One line, whatever the mistake is.
fn complaint(
    program: &OsStr,
    error: &clap::Error,
    command: &Command,
    argv: &[OsString],
) -> Vec<u8> {
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    let conflict = || conflict::describe(command, argv);
    let conflict = (error.kind() == ErrorKind::ArgumentConflict).then(conflict).flatten();
    let text = match (error.kind(), context(ContextKind::InvalidArg)) {
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
    };
    [program.as_bytes(), b": ", text.as_bytes()].concat()
}

/// The first paragraph of what clap says; the others are about how to get help.
fn in_one_line(text: &str) -> String {
    let text = text.strip_prefix("error: ").unwrap_or(text);
    let lines: Vec<_> = text.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
    lines.join(" ")
}
