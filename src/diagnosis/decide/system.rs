//! What there is already, and what the parameters are.

use super::{log_decides, logged};
use crate::diagnosis::cause::Cause;
use crate::diagnosis::evidence::Finding;
use crate::diagnosis::facts::{Facts, Module};
use crate::diagnosis::parameter::{self, lossy};
use crate::errno::Errno;
use crate::file::same_name;
use crate::loaded::State;

/// A module of this name has not left its init function: the kernel waits for it.
pub(super) fn initializing(facts: &Facts) -> Option<Cause> {
    let name = facts.module.as_ref()?.name.clone()?;
    (facts.namesake == Some(State::Loading)).then_some(match facts.crash {
        Some(_) => Cause::InitCrashed { name },
        None => Cause::Initializing { name, crashed: facts.has_crashed },
    })
}

pub(super) fn already_loaded(facts: &Facts) -> Option<Cause> {
    let live = match facts.namesake {
        Some(State::Live | State::Loading) => true,
        // It was loaded when the kernel answered; since then, another process began to remove it.
        Some(State::Unloading) => facts.answer == Some(Errno::EEXIST),
        _ => false,
    };
    let name = facts.module.as_ref()?.name.clone()?;
    live.then(|| Cause::AlreadyLoaded { name, builds: facts.builds.clone() })
}

pub(super) fn being_unloaded(facts: &Facts) -> Option<Cause> {
    let name = facts.module.as_ref()?.name.clone()?;
    (facts.namesake == Some(State::Unloading)).then_some(match facts.crash {
        Some(_) => Cause::ExitCrashed { name },
        None => Cause::BeingUnloaded { name },
    })
}

pub(super) fn built_in(facts: &Facts) -> Option<Cause> {
    let name_taken = logged(facts, |finding| (*finding == Finding::NameTaken).then_some(()));
    let name = facts.valid_module()?.name.clone()?;
    let taken = name_taken.is_some() || facts.built_in && !log_decides(facts);
    taken.then_some(Cause::BuiltIn { name })
}

pub(super) fn bad_parameter(facts: &Facts) -> Option<Cause> {
    let said = logged(facts, |finding| match finding {
        Finding::BadParameter(name, value) => Some((name.clone(), Some(value.clone()))),
        Finding::UnknownParameter(name) => Some((name.clone(), None)),
        _ => None,
    });
    let Some((name, shown)) = said else {
        // A value too long for the log's lines is not logged whole; but what a type does not take,
        // the kernel has refused.
        return foreseen(facts);
    };
    let same = |other: &[u8]| same_name(other, name.as_bytes());
    let given = facts.arguments.iter().rev().find(|argument| same(&argument.name));
    let parameters = facts.module.iter().flat_map(|module| &module.parameters);
    let kind = parameters
        .filter(|parameter| same(&parameter.name))
        .find_map(|parameter| parameter.kind.as_deref().map(lossy));
    let unknown = shown.is_none();
    // The kernel shows only the part of a list that it got to: what was given tells more.
    let value = match (given, shown) {
        (Some(argument), _) => argument.value.as_deref().map(lossy),
        (None, shown) => shown,
    };
    let limit = logged(facts, |finding| match finding {
        Finding::Limit(limited, takes) if same(limited.as_bytes()) => Some(takes.clone()),
        _ => None,
    });
    Some(Cause::BadParameter {
        takes: limit.or_else(|| kind.as_deref().and_then(|kind| takes(facts, kind))),
        name,
        value,
        kind,
        unknown,
        errno: facts.answer.unwrap_or(Errno::EINVAL),
    })
}

/// Lockdown permits no parameter that is an address, an interrupt or the like
/// (`module_param_hw`): the kernel calls the value invalid.
pub(super) fn locked_parameter(facts: &Facts) -> Option<Cause> {
    let mode = facts.policy.lockdown.clone().filter(|mode| mode != "none");
    let said = logged(facts, |finding| (*finding == Finding::LockdownParameter).then_some(()));
    let name = logged(facts, |finding| match finding {
        Finding::BadParameter(name, _) => Some(name.clone()),
        _ => None,
    })?;
    let certain = said.is_some();
    (certain || mode.is_some()).then_some(Cause::LockedParameter { name, certain })
}

/// What the values themselves tell, where the log does not.
fn foreseen(facts: &Facts) -> Option<Cause> {
    let bad = parameter::bad(facts)?;
    // An answer that this value does not lead to has another reason.
    if facts.answer.is_some_and(|errno| errno != bad.errno) {
        return None;
    }
    let kind = bad.parameter.kind.as_deref().map(lossy);
    Some(Cause::BadParameter {
        name: lossy(&bad.argument.name),
        value: bad.argument.value.as_deref().map(lossy),
        takes: kind.as_deref().and_then(|kind| takes(facts, kind)),
        kind,
        unknown: false,
        errno: bad.errno,
    })
}

fn takes(facts: &Facts, kind: &str) -> Option<String> {
    let is_64 = facts.module.as_ref().is_none_or(Module::is_64);
    parameter::takes(kind, is_64).map(str::to_owned)
}

pub(super) fn out_of_memory(facts: &Facts) -> Option<Cause> {
    // The kernel logs what it cannot allocate; without a line, it was rather the init function.
    let room = logged(facts, |finding| match finding {
        Finding::NoRoom(size) => Some(*size),
        _ => None,
    });
    let said = logged(facts, |finding| (*finding == Finding::OutOfMemory).then_some(()));
    (said.is_some() || room.is_some()).then_some(Cause::OutOfMemory { room })
}
