//! Why a module was not removed, in a sentence, and what helps.

use modutils::{
    Holders, LoadedModule, ModuleName, Refusal, RemoveError, Snapshot, System, shell_word,
};

use crate::cli::Cli;
use crate::wait_time::{self, WaitTime};
use crate::{absence, holders};

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
        Refusal::TimedOut => format!("the time to wait was up: {cause}"),
        Refusal::Interrupted => format!("the wait was interrupted: {cause}"),
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
    meant.then(|| format!("if a time was meant: rmmod --wait={time} {}", others.join(" ")))
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
        Refusal::NotLoaded => (format!("no module of the name {name} is loaded"), Vec::new()),
        Refusal::BuiltIn => (
            format!("{name} is part of the kernel {}, and not a loaded module", system.release()),
            Vec::new(),
        ),
        Refusal::UsedByModules => (used_by(users), vec![format!("rmmod --recursive {word}")]),
        Refusal::InUse => {
            let mut fix = holders.map(holders::fixes).unwrap_or_default();
            fix.truncate(NAMED_MAX);
            (in_use(error.module(), holders), [fix, wait].concat())
        }
        Refusal::Permanent => (
            format!("{name} has no exit function: it stays until the next boot"),
            Vec::new(),
        ),
        Refusal::Initialising => (format!("the init function of {name} has not returned yet"), wait),
        Refusal::BeingUnloaded => {
            (format!("somebody else is removing {name}, which is not finished yet"), wait)
        }
        Refusal::Interrupted => (format!("a signal came before an attempt to remove {name}"), wait),
        Refusal::NoUnloadSupport => (no_unload_support(system).to_owned(), Vec::new()),
        Refusal::NotForceable => (
            "this kernel was built without removal by force (CONFIG_MODULE_FORCE_UNLOAD)".to_owned(),
            Vec::new(),
        ),
        Refusal::NoPrivilege => (
            "removing a module needs the capability CAP_SYS_MODULE in the first user name space"
                .to_owned(),
            as_root(&word).into_iter().collect(),
        ),
        Refusal::ModulesDisabled => (
            "kernel.modules_disabled is set: no module can be loaded or removed until the next boot"
                .to_owned(),
            Vec::new(),
        ),
        _ => (
            format!("the kernel answered {}, for which no reason is known", error.errno().name()),
            Vec::new(),
        ),
    }
}

/// Root without the capability has no more to gain.
fn as_root(word: &str) -> Option<String> {
    (!nix::unistd::geteuid().is_root()).then(|| format!("sudo rmmod {word}"))
}

fn no_unload_support(system: &System) -> &'static str {
    match Snapshot::take(system) {
        Err(error) if error.is_absent() && system.has_proc() => absence::cause(system),
        _ => "this kernel was built without the removal of modules",
    }
}

fn used_by(users: &[ModuleName]) -> String {
    let names: Vec<_> = users.iter().map(ToString::to_string).collect();
    match names.as_slice() {
        [] => "a module that is gone by now used it".to_owned(),
        [one] => format!("the module {one} uses it"),
        several => format!("{} modules use it: {}", several.len(), several.join(" ")),
    }
}

/// How many holders are named: a person reads no more, and the data has all of them.
const NAMED_MAX: usize = 8;

fn in_use(module: Option<&LoadedModule>, holders: Option<&Holders>) -> String {
    let Some(module) = module else {
        return "it was in use, nothing tells by whom".to_owned();
    };
    if module.anonymous_references() == Some(0) {
        return "it was in use for a moment, and is free by now".to_owned();
    }
    let Some(holders) = holders else { return holders::count(module) };
    if holders.list.is_empty() && holders.hidden_processes == 0 {
        return format!("{} that cannot be attributed", holders::count(module));
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
        _ if module.permanent => "it has no exit function, which force overrode".to_owned(),
        Some(1) => "1 reference to it was held, which force overrode".to_owned(),
        Some(count @ 2..) => format!("{count} references to it were held, which force overrode"),
        _ => return "it was free: force was not needed and changed nothing".to_owned(),
    };
    format!("{overridden}; the kernel is tainted (R), and what used the module may crash it")
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
            "1 reference to it was held, which force overrode;",
            "2 references to it were held, which force overrode;",
            "it has no exit function, which force overrode;",
            "it was free: force was not needed and changed nothing",
        ]) {
            assert!(said.starts_with(expected), "{said}");
        }
    }
}
