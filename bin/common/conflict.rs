//! Options that cannot be used together, or only together: all of them.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{Arg, Command};

use super::given::Given;

/// Describes every conflict on a command line. clap stops at the first option that has one, and
/// which one that is depends on their order.
pub(super) fn describe(command: &Command, argv: &[OsString]) -> Option<String> {
    let mut command = command.clone().ignore_errors(true);
    let matches = command.try_get_matches_from_mut(argv).ok()?;
    let given: Vec<&Arg> = command
        .get_arguments()
        .filter(|arg| matches.value_source(arg.get_id().as_str()) == Some(ValueSource::CommandLine))
        .collect();
    let mut pairs: Vec<(usize, usize)> = Vec::new();
    for (index, one) in given.iter().enumerate() {
        for (other_index, other) in given.iter().enumerate().skip(index + 1) {
            if conflict(&command, one, other) {
                pairs.push((index, other_index));
            }
        }
    }
    // The option with the most conflicts is the one that explains them.
    let mut phrases = Vec::new();
    while !pairs.is_empty() {
        let count = |index: usize| pairs.iter().filter(|(a, b)| *a == index || *b == index).count();
        let most = (0..given.len()).rev().max_by_key(|&index| count(index))?;
        let (its, rest) = pairs.iter().partition(|(a, b)| *a == most || *b == most);
        pairs = rest;
        let its: Vec<(usize, usize)> = its;
        let others = its.iter().map(|&(a, b)| if a == most { b } else { a });
        let others: Vec<_> =
            others.filter_map(|index| given.get(index).map(|arg| spelled(arg))).collect();
        let one = given.get(most).map(|arg| spelled(arg))?;
        phrases.push(format!("option {one} cannot be used with {}", others.join(", ")));
    }
    (!phrases.is_empty()).then(|| phrases.join("; "))
}

/// Describes which of the options that were given need another one beside them.
pub(super) fn requirements(command: &Command, given: &[Given<'_>]) -> Option<String> {
    let mut phrases: Vec<String> = Vec::new();
    for Given { arg, .. } in given {
        let Some(missing) = missing_beside(command, arg) else { continue };
        let phrase = format!("option {} requires {}", spelled(arg), missing.join(", "));
        if !phrases.contains(&phrase) {
            phrases.push(phrase);
        }
    }
    (!phrases.is_empty()).then(|| phrases.join("; "))
}

/// What clap misses if this option stands alone: it does not show what an option requires.
fn missing_beside(command: &Command, arg: &Arg) -> Option<Vec<String>> {
    let word = format!("--{}", arg.get_long()?);
    let alone = command.clone().try_get_matches_from([command.get_name(), word.as_str()]);
    let error = alone.err().filter(|error| error.kind() == ErrorKind::MissingRequiredArgument)?;
    match error.get(ContextKind::InvalidArg)? {
        ContextValue::Strings(missing) => {
            Some(missing.iter().map(|option| format!("'{option}'")).collect())
        }
        _ => None,
    }
}

fn spelled(arg: &Arg) -> String {
    match (arg.get_long(), arg.get_short()) {
        (Some(long), _) => format!("'--{long}'"),
        (None, Some(short)) => format!("'-{short}'"),
        (None, None) => format!("'{}'", arg.get_id()),
    }
}

fn conflict(command: &Command, one: &Arg, other: &Arg) -> bool {
    let names = |arg: &Arg, of: &Arg| {
        command.get_arg_conflicts_with(arg).iter().any(|found| found.get_id() == of.get_id())
    };
    // An option of a group excludes the others in it.
    let share_a_group = command.get_groups().any(|group| {
        let has = |arg: &Arg| group.get_args().any(|id| id == arg.get_id());
        !group.clone().is_multiple() && has(one) && has(other)
    });
    share_a_group || names(one, other) || names(other, one)
}
