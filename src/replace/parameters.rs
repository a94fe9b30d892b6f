//! The parameters of a loaded module, as arguments that would give them to it again.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use super::survey::Resident;
use crate::file::{Parameter, same_name};
use crate::insert::Arguments;

/// A parameter whose value is lost when its module is removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unusable {
    /// Its name; sysfs shows it for writing only, or to others only.
    Unreadable(String),
    /// `NAME=VALUE`, and why the kernel cannot be given it.
    Inexpressible(String, &'static str),
}

/// The values that a loaded module has now, as arguments; without those in `except`.
pub(super) fn restored(resident: &Resident, except: &[Vec<u8>]) -> Result<Arguments, Unusable> {
    joined(&current(resident, except)?, &[])
}

/// The values that a loaded module has now, without those that cannot be read or passed.
pub(super) fn as_far_as_possible(resident: &Resident) -> Arguments {
    let mut except = Vec::new();
    loop {
        let name = match restored(resident, &except) {
            Ok(arguments) => return arguments,
            Err(Unusable::Unreadable(name)) => name,
            Err(Unusable::Inexpressible(argument, _)) => {
                argument.split('=').next().unwrap_or_default().to_owned()
            }
        };
        if names(&except, name.as_bytes()) {
            return Arguments::default();
        }
        except.push(name.into_bytes());
    }
}

/// The values that the old module has, for a new one that declares `declared`, with `given` over
/// them; and the names of those that the new one does not have.
pub(super) fn kept(
    old: &Resident,
    given: &Arguments,
    declared: &[Parameter],
) -> Result<(Arguments, Vec<String>), Unusable> {
    let except: Vec<Vec<u8>> = given.iter().map(|(name, _)| name).collect();
    let is_declared = |name: &[u8]| declared.iter().any(|known| same_name(&known.name, name));
    let dropped: Vec<Vec<u8>> = old
        .parameters
        .iter()
        .map(|parameter| parameter.name.clone())
        .filter(|name| !is_declared(name) && !names(&except, name))
        .collect();
    let current = current(old, &[except, dropped.clone()].concat())?;
    let given: Vec<_> = given.iter().collect();
    let dropped = dropped.iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect();
    Ok((joined(&current, &given)?, dropped))
}

type Pair = (Vec<u8>, Option<Vec<u8>>);

fn names(names: &[Vec<u8>], name: &[u8]) -> bool {
    names.iter().any(|known| same_name(known, name))
}

fn current(resident: &Resident, except: &[Vec<u8>]) -> Result<Vec<Pair>, Unusable> {
    let mut pairs = Vec::new();
    for parameter in &resident.parameters {
        if names(except, &parameter.name) {
            continue;
        }
        let name = String::from_utf8_lossy(&parameter.name).into_owned();
        let value = parameter.value.as_ref().ok_or(Unusable::Unreadable(name))?;
        let declared =
            resident.declared.iter().find(|known| same_name(&known.name, &parameter.name));
        let kind = declared.and_then(|known| known.kind.as_deref()).unwrap_or_default();
        let is_text = matches!(kind, b"charp" | b"string");
        // A pointer that was never set, or an array without elements: neither can be passed, and
        // each is the value that a module starts with.
        if kind == b"charp" && value == b"(null)" || value.is_empty() && !is_text {
            continue;
        }
        pairs.push((parameter.name.clone(), Some(value.clone())));
    }
    Ok(pairs)
}

/// Both lists as one string, from which the kernel must read the same values.
fn joined(current: &[Pair], given: &[Pair]) -> Result<Arguments, Unusable> {
    let word = |(name, value): &Pair| {
        let value = value.as_ref().map(|value| [b"=", value.as_slice()].concat());
        OsString::from_vec([name.as_slice(), &value.unwrap_or_default()].concat())
    };
    for pair in current {
        let text = word(pair);
        let shown = text.to_string_lossy().into_owned();
        match Arguments::new([&text]) {
            Ok(alone) if alone.iter().eq([pair.clone()]) => {}
            Ok(_) => {
                let reason = "the kernel would read another value";
                return Err(Unusable::Inexpressible(shown, reason));
            }
            Err(bad) => return Err(Unusable::Inexpressible(shown, bad.reason())),
        }
    }
    let words = current.iter().chain(given).map(word);
    Arguments::new(words).map_err(|bad| {
        Unusable::Inexpressible(bad.argument().to_string_lossy().into_owned(), bad.reason())
    })
}
