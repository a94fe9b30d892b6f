//! Why a module was not removed, with its holders, and what helps.

use std::ffi::OsString;

use modutils::availability::{Block, Catalog, Scope};
use modutils::diagnosis::{Change, Remedy, WayOut};
use modutils::holders::Holders;
use modutils::loaded::LoadedModule;
use modutils::remove::RemoveError;
use modutils::{ModuleName, Refusal, System};

use super::holders;
use super::options::Options;
use crate::common::invocation::Invocation;
use crate::common::unprintable::escaped;
use crate::common::wait_time::{self, WaitTime};

/// Returns the explanation of a failure.
#[derive(Default)]
pub(crate) struct Account {
    pub(crate) cause: Option<String>,
    pub(crate) remedies: Vec<Remedy>,
    /// Who holds it, if that is the reason.
    pub(crate) holders: Option<Holders>,
}

/// Looks for the holders of a module that is held.
pub(crate) fn account(system: &System, error: &RemoveError) -> Account {
    let obstacle = error.obstacle();
    let held = matches!(obstacle, Refusal::InUse { .. } | Refusal::UsedByModules { .. });
    let holders = error.module().filter(|_| held).map(|module| system.holders(module));
    let mut remedies = Vec::new();
    if let Some(holders) = holders.as_ref().filter(|_| error.is_held()) {
        remedies.extend(holders::ways_out(holders).into_iter().take(NAMED_MAX).map(Remedy::Other));
    }
    if matches!(obstacle, Refusal::BuiltIn { .. }) {
        let found = Catalog::read(system).look_up(error.name());
        remedies.extend(found.presence.way_to_disable().map(Remedy::Other));
    }
    if let (Refusal::UsedByModules { lasting: None, .. }, Some(holders)) = (obstacle, &holders) {
        let ends = holders::ends(holders).into_iter().take(NAMED_MAX);
        remedies.extend(ends.map(Remedy::Other));
    }
    // Some holds stay until they are taken down: to wait for their end is in vain.
    let stays =
        |holders: &Holders| holders.list.iter().any(|it| it.references > 0 && !it.kind.may_end());
    let in_vain = matches!(obstacle, Refusal::InUse { .. }) && holders.as_ref().is_some_and(stays);
    let helps = |remedy: &Remedy| !in_vain || *remedy != Remedy::Repeat(Change::Wait);
    remedies.extend(error.refusal().remedies().into_iter().filter(helps));
    let cause = match &holders {
        Some(holders) => error.sentence(holders),
        None => error.refusal().to_string(),
    };
    Account { cause: Some(escaped(cause.as_bytes())), remedies, holders }
}

/// What loads a module again that was removed, if that can happen by itself.
pub(crate) fn comeback(system: &System, name: &ModuleName) -> Option<String> {
    let catalog = Catalog::read(system);
    let found = catalog.lists(name).then(|| catalog.look_up(name))?;
    let is_blocked = |block: &Block| block.scope() != Scope::Aliases;
    if found.blocks.iter().any(is_blocked) {
        return None;
    }
    let when: Vec<String> = found.triggers.iter().take(3).map(ToString::to_string).collect();
    let when = (!when.is_empty()).then(|| when.join(", or when "))?;
    Some(format!("{name} will be loaded again when {when}"))
}

/// For `rmmod --wait 5 x`, which waits without end, and for a module 5, too; but there are modules
/// called 8250.
pub(crate) fn time_meant(
    options: &Options,
    error: &RemoveError,
    invocation: &Invocation,
) -> Option<WayOut> {
    let time = error.name().to_string();
    let others: Vec<OsString> =
        options.modules.iter().filter(|module| **module != *time).cloned().collect();
    let meant = matches!(error.refusal(), Refusal::NotLoaded { .. })
        && options.wait == Some(WaitTime::Forever)
        && !others.is_empty()
        && wait_time::parse(&time).is_ok();
    meant.then(|| invocation.waiting(&time, others))
}

/// How many holders are named in text; JSON has all of them.
const NAMED_MAX: usize = 8;

/// What force did to a module that was in this state.
pub(crate) fn forced(module: &LoadedModule) -> String {
    let overridden = match module.refcnt {
        _ if module.permanent => "removed although it has no exit function".to_owned(),
        Some(1) => "removed although 1 reference was held".to_owned(),
        Some(count @ 2..) => format!("removed although {count} references were held"),
        _ => return "it was not in use; --force made no difference".to_owned(),
    };
    format!("{overridden}: the kernel is tainted (R) and may crash when the holder uses the module")
}

#[cfg(test)]
mod tests {
    use super::*;
    use modutils::Snapshot;

    #[test]
    fn what_force_overrode() {
        let snapshot = Snapshot::parse(
            b"one 1 1 - Live 0x0\n\
              two 1 2 - Live 0x0\n\
              stays 1 0 [permanent], Live 0x0\n\
              free 1 0 - Live 0x0\n",
        )
        .unwrap();
        let said = snapshot.modules().iter().map(forced);
        for (said, expected) in said.zip([
            "removed although 1 reference was held: ",
            "removed although 2 references were held: ",
            "removed although it has no exit function: ",
            "it was not in use; --force made no difference",
        ]) {
            assert!(said.starts_with(expected), "{said}");
        }
    }
}
