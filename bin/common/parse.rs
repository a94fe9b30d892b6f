//! From the words of a command line to options, and the words for arguments that make no sense.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use clap::Parser;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use modutils::{Errno, WayOut};

use super::options::Common;
use super::report::{ERROR, Explanation, Reporter};
use super::status::{self, Status};

/// Parses a command line, or says what is wrong with it the way getopt(3) does; help and version
/// go to standard output.
pub(crate) fn parse<P: Parser>(
    tool: &'static str,
    statuses: &[Status],
    argv: Vec<OsString>,
) -> Result<P, Status> {
    let name = argv.first().cloned().unwrap_or_else(|| tool.into());
    // With text of its own for the long help, clap would spread that over four screens.
    let is_long =
        |word: &OsString| word.len() > 2 && "--help".as_bytes().starts_with(word.as_bytes());
    let long = argv.iter().any(is_long);
    let command = P::command().display_name(format!("{tool} (modutils)"));
    let command = if long { command.after_help(status::help(statuses)) } else { command };
    let valued = argv.iter().find_map(|word| short_with_value(word));
    let matches = command.try_get_matches_from(argv);
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
            let line = complaint(&name, &error, valued.as_deref());
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

fn complaint(program: &OsStr, error: &clap::Error, valued: Option<&str>) -> Vec<u8> {
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    let text = match (error.kind(), context(ContextKind::InvalidArg)) {
        (ErrorKind::UnknownArgument, Some(option)) if option.starts_with("--") => {
            format!("unrecognized option '{option}'")
        }
        (ErrorKind::TooManyValues, Some(option)) => {
            format!("option '{option}' doesn't allow an argument")
        }
        (ErrorKind::UnknownArgument, Some("-=")) if valued.is_some() => {
            valued.unwrap_or_default().to_owned()
        }
        (ErrorKind::UnknownArgument, Some(option)) => {
            format!("invalid option -- '{}'", option.trim_start_matches('-'))
        }
        _ => {
            let text = error.render().to_string();
            let first = text.lines().next().unwrap_or_default();
            first.strip_prefix("error: ").unwrap_or(first).to_owned()
        }
    };
    [program.as_bytes(), b": ", text.as_bytes()].concat()
}
