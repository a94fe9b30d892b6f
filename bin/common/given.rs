//! The options on a command line with a mistake in it: what they ask for holds for the message, too.

use std::ffi::OsString;

use clap::{Arg, Command};

/// An option that was given, with the value that is in the same word.
pub(super) struct Given<'a> {
    pub(super) arg: &'a Arg,
    pub(super) value: Option<&'a str>,
}

/// Finds the options that the command has, wherever they stand; the others are skipped.
pub(super) fn options<'a>(command: &'a Command, argv: &'a [OsString]) -> Vec<Given<'a>> {
    let mut found = Vec::new();
    let mut words = argv.iter().skip(1).map(|word| word.to_str().unwrap_or_default());
    while let Some(word) = words.next() {
        if word == "--" {
            break;
        }
        let before = found.len();
        if let Some(long) = word.strip_prefix("--") {
            let (name, value) = long.split_once('=').map_or((long, None), |(a, b)| (a, Some(b)));
            found.extend(by_name(command, name).map(|arg| Given { arg, value }));
        } else if let Some(letters) = word.strip_prefix('-') {
            found.extend(by_letters(command, letters));
        }
        let last = found.get(before..).and_then(<[Given<'_>]>::last);
        if last.is_some_and(|last| last.value.is_none() && wants_word(last.arg)) {
            words.next();
        }
    }
    found
}

/// Long options may be abbreviated as far as one is meant.
fn by_name<'a>(command: &'a Command, name: &str) -> Option<&'a Arg> {
    let named = |arg: &&Arg| arg.get_long().is_some_and(|long| long.starts_with(name));
    let mut found = command.get_arguments().filter(named);
    let exact = command.get_arguments().find(|arg| arg.get_long() == Some(name));
    exact.or_else(|| found.next().filter(|_| found.next().is_none()))
}

/// A cluster of letters ends with the first that takes a value.
fn by_letters<'a>(command: &'a Command, letters: &'a str) -> Vec<Given<'a>> {
    let mut found = Vec::new();
    for (at, letter) in letters.char_indices() {
        let Some(arg) = command.get_arguments().find(|arg| arg.get_short() == Some(letter)) else {
            continue;
        };
        let rest = letters.get(at + letter.len_utf8()..).filter(|rest| !rest.is_empty());
        let takes = arg.get_action().takes_values();
        found.push(Given { arg, value: rest.filter(|_| takes) });
        if takes {
            break;
        }
    }
    found
}

/// Whether the value stands in the next word.
fn wants_word(arg: &Arg) -> bool {
    arg.get_action().takes_values() && !arg.is_require_equals_set()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ArgAction;

    #[test]
    fn options_among_mistakes() {
        let command = Command::new("x")
            .arg(Arg::new("json").short('J').long("json").action(ArgAction::SetTrue))
            .arg(Arg::new("quiet").short('q').long("quiet").action(ArgAction::SetTrue))
            .arg(Arg::new("list").short('o').long("output").action(ArgAction::Set))
            .arg(Arg::new("explain").long("explain").require_equals(true))
            .arg(Arg::new("names").action(ArgAction::Append));
        for (words, expected) in [
            ("-zJ", "json"),
            ("--bad --js", "json"),
            ("-Jq --bad=1", "json quiet"),
            ("-o J -q", "list quiet"),
            ("-oJ", "list=J"),
            ("--output --json -q", "list quiet"),
            ("--explain=always", "explain=always"),
            ("--explain --json", "explain json"),
            ("name -J", "json"),
            ("-- -J", ""),
            ("-", ""),
        ] {
            let argv: Vec<OsString> =
                std::iter::once("x").chain(words.split(' ')).map(OsString::from).collect();
            let found: Vec<String> = options(&command, &argv)
                .iter()
                .map(|given| {
                    let value = given.value.map(|value| format!("={value}")).unwrap_or_default();
                    format!("{}{value}", given.arg.get_id())
                })
                .collect();
            assert_eq!(found.join(" "), expected, "{words}");
        }
    }
}
