//! Why a module was not removed, in a sentence, and what helps.

use modutils::{
    Holders, LoadedModule, ModuleName, Refusal, RemoveError, Snapshot, System, shell_word,
};

use crate::common::absence;
use crate::rmmod::cli::Cli;
use crate::rmmod::holders;
use crate::rmmod::wait_time::{self, WaitTime};

/// What is told of a failure beyond its first line.
#[derive(Default)]
pub(crate) struct Account {
    pub(crate) cause: Option<String>,
    pub(crate) fix: Vec<String>,
    /// Who holds it, if that is the reason.
    pub(crate) holders: Option<Holders>,
}

pub(crate) fn account(system: &System, error: &RemoveError) -> Account {
    let held = matches!(error.obstacle(), Refusal::InUse | Refusal::UsedByModules);
    let module = error.module().filter(|_| held);
    let holders = module.map(|module| modutils::holders(system, module));
    let (cause, fix) = reason(system, error, holders.as_ref());
    let cause = match error.refusal() {
        Refusal::TimedOut => format!("timed out: {cause}"),
        Refusal::Interrupted if error.obstacle() != Refusal::Interrupted => {
            format!("interrupted: {cause}")
        }
        _ => cause,
    };
    Account { cause: Some(cause), fix, holders }
}

/// Whether it takes a search for holders to say why, which takes its time.
pub(crate) fn takes_a_search(error: &RemoveError) -> bool {
    let held = |module: &LoadedModule| module.anonymous_references() != Some(0);
    error.obstacle() == Refusal::InUse && error.module().is_some_and(held)
}

/// The reason as far as it is known without a search.
pub(crate) fn at_a_glance(system: &System, error: &RemoveError) -> String {
    reason(system, error, None).0
}

/// For `rmmod --wait 5 x`, which waits without end, and for a module 5, too; but there are modules
/// called 8250.
pub(crate) fn time_meant(cli: &Cli, error: &RemoveError) -> Option<String> {
    let time = error.name().to_string();
    let others = cli.modules.iter().filter(|module| **module != *time);
    let others: Vec<_> = others.map(shell_word).collect();
    let meant = error.refusal() == Refusal::NotLoaded
        && cli.wait() == Some(WaitTime::Forever)
        && !others.is_empty()
        && wait_time::parse(&time).is_ok();
    meant.then(|| format!("rmmod --wait={time} {}    # if {time} is a time", others.join(" ")))
}

fn reason(
    system: &System,
    error: &RemoveError,
    holders: Option<&Holders>,
) -> (String, Vec<String>) {
    let name = error.name();
    let users = error.module().map_or(&[][..], |module| &module.used_by);
    let word = shell_word(name.as_os_str());
    let wait = vec![format!("rmmod --wait {word}")];
    match error.obstacle() {
        Refusal::NotLoaded => (format!("no module named {name} is loaded"), Vec::new()),
        Refusal::BuiltIn => (
            format!("{name} is built into the kernel {} and cannot be removed", system.release()),
            Vec::new(),
        ),
        Refusal::UsedByModules => (used_by(users), vec![format!("rmmod --recursive {word}")]),
        Refusal::InUse => {
            let mut fix = holders.map(holders::fixes).unwrap_or_default();
            fix.truncate(NAMED_MAX);
            (in_use(error.module(), holders), [fix, wait].concat())
        }
        Refusal::Permanent => {
            (format!("{name} has no exit function and cannot be removed until reboot"), Vec::new())
        }
        Refusal::Initializing => (format!("{name} is still initializing"), wait),
        Refusal::BeingUnloaded => (format!("another process is already removing {name}"), wait),
        Refusal::Interrupted => (format!("interrupted before {name} was tried"), wait),
        Refusal::NoUnloadSupport => (no_unload_support(system).to_owned(), Vec::new()),
        Refusal::NotForceable => (
            "this kernel was built without forced removal (CONFIG_MODULE_FORCE_UNLOAD)".to_owned(),
            Vec::new(),
        ),
        Refusal::NoPrivilege => (
            "removing modules requires CAP_SYS_MODULE in the initial user namespace".to_owned(),
            as_root(&word).into_iter().collect(),
        ),
        Refusal::ModulesDisabled => (
            "module loading and removal are disabled until reboot (kernel.modules_disabled = 1)"
                .to_owned(),
            Vec::new(),
        ),
        _ => (format!("unknown: the kernel returned {}", error.errno().name()), Vec::new()),
    }
}

/// Root without the capability has no more to gain.
fn as_root(word: &str) -> Option<String> {
    (!nix::unistd::geteuid().is_root()).then(|| format!("sudo rmmod {word}"))
}

fn no_unload_support(system: &System) -> &'static str {
    match Snapshot::take(system) {
        Err(error) if error.is_absent() && system.has_proc() => absence::cause(system),
        _ => "this kernel was built without module unloading (CONFIG_MODULE_UNLOAD)",
    }
}

fn used_by(users: &[ModuleName]) -> String {
    let names: Vec<_> = users.iter().map(ToString::to_string).collect();
    match names.as_slice() {
        [] => "it was used by a module that has since been removed; try again".to_owned(),
        [one] => format!("used by module {one}"),
        several => format!("used by {} modules: {}", several.len(), several.join(" ")),
    }
}

/// How many holders are named: a person reads no more, and the data has all of them.
const NAMED_MAX: usize = 8;

fn in_use(module: Option<&LoadedModule>, holders: Option<&Holders>) -> String {
    let Some(module) = module else {
        return "in use, holder unknown".to_owned();
    };
    if module.anonymous_references() == Some(0) {
        return "it was briefly in use and is free now; try again".to_owned();
    }
    let Some(holders) = holders else { return holders::count(module) };
    if holders.list.is_empty() && holders.omissions.is_empty() {
        return format!("{} of unknown origin", holders::count(module));
    }
    let mut phrases = holders::phrases(module, holders);
    let more = phrases.len().saturating_sub(NAMED_MAX);
    if more > 0 {
        // The last one is about what is not known.
        phrases.drain(NAMED_MAX - 1..phrases.len() - 1);
        phrases.insert(NAMED_MAX - 1, format!("{more} more"));
    }
    format!("{}: {}", holders::count(module), phrases.join("; "))
}

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
