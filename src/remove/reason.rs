//! From the kernel's answer and what it shows to the reason. Pure: nothing is read here.

use super::RemoveMode;
use super::refusal::Refusal;
use crate::caller::{Caller, Privilege};
use crate::crash::Crash;
use crate::errno::Errno;
use crate::loaded::{LoadedModule, State};
use crate::name::ModuleName;

/// Facts beside the kernel's answer.
pub(super) struct Findings<'a> {
    pub(super) name: &'a ModuleName,
    pub(super) mode: RemoveMode,
    /// The module; `Err` if the list of modules is unreadable.
    pub(super) module: Result<Option<&'a LoadedModule>, ()>,
    /// Whether it is known if the module is permanent.
    pub(super) shows_permanent: bool,
    pub(super) built_in: bool,
    pub(super) modules_disabled: bool,
    /// Whether the kernel can load modules at all.
    pub(super) loadable: bool,
    /// The function of the module that crashed.
    pub(super) crash: Option<Crash>,
    /// A module that uses it, directly or through others, and stays until reboot.
    pub(super) lasting: Option<ModuleName>,
    /// The calling process, for the answers that depend on it.
    pub(super) caller: Caller,
}

impl Findings<'_> {
    /// The caller may not, or something between it and the kernel does not let it.
    fn denied(&self, errno: Errno) -> Refusal {
        let Caller { lacks, container, .. } = self.caller.clone();
        match (lacks, self.caller.seccomp) {
            // The kernel checks this before anything else.
            (Some(lacks), _) if errno == Errno::EPERM => Refusal::NoPrivilege { lacks, container },
            // Without /proc, root may lack it, too.
            (_, None) if errno == Errno::EPERM => {
                Refusal::NoPrivilege { lacks: Privilege::Missing, container }
            }
            (_, Some(true)) => Refusal::SecurityPolicy { filter: true, container },
            // A tracer may give any answer.
            (_, Some(false)) if errno == Errno::EPERM && !self.caller.traced => {
                Refusal::SecurityPolicy { filter: false, container }
            }
            _ => Refusal::Unknown { errno },
        }
    }
}

/// Finds the reason behind the kernel's answer.
///
/// The kernel may have moved on since it answered: a module that looks free by now was in use when
/// it said so.
pub(super) fn reason(errno: Errno, findings: &Findings<'_>) -> Refusal {
    let module = findings.module.ok().flatten();
    let name = findings.name.clone();
    match errno {
        Errno::ENOENT if findings.built_in => Refusal::BuiltIn { name },
        Errno::ENOENT => Refusal::NotLoaded { name },
        // The kernel checks privileges before it looks up the name: neither they nor a kernel with
        // this call would help here.
        Errno::EPERM | Errno::ENOSYS if findings.module == Ok(None) && findings.built_in => {
            Refusal::BuiltIn { name }
        }
        Errno::EPERM | Errno::ENOSYS if findings.module == Ok(None) => Refusal::NotLoaded { name },
        Errno::EPERM if findings.modules_disabled => Refusal::ModulesDisabled,
        Errno::EPERM => findings.denied(errno),
        // A kernel that counts references can unload.
        Errno::ENOSYS if module.is_some_and(|module| module.refcnt.is_some()) => {
            findings.denied(errno)
        }
        Errno::ENOSYS => Refusal::NoUnloadSupport { loadable: findings.loadable },
        Errno::EAGAIN => match module {
            Some(module) if !module.used_by.is_empty() => {
                let lasting = findings.lasting.clone();
                Refusal::UsedByModules { users: module.used_by.clone(), lasting }
            }
            // Force overrides references, where the kernel knows force at all.
            Some(module) if findings.mode == RemoveMode::Force && module.refcnt > Some(0) => {
                Refusal::NotForceable
            }
            _ => Refusal::InUse { references: module.and_then(references) },
        },
        Errno::EBUSY => match (module, findings.module) {
            (Some(module), _) if findings.crash.is_some_and(|it| it.explains(&module.state)) => {
                match findings.crash {
                    Some(Crash::Exit) => Refusal::ExitCrashed { name },
                    _ => Refusal::InitCrashed { name },
                }
            }
            (Some(module), _) if module.state == State::Loading => Refusal::Initializing { name },
            (Some(module), _) if module.state == State::Unloading => {
                Refusal::BeingUnloaded { name }
            }
            (Some(module), _) if module.permanent && findings.mode == RemoveMode::Force => {
                Refusal::NotForceable
            }
            (Some(module), _) if module.permanent || !findings.shows_permanent => {
                Refusal::Permanent { name }
            }
            // It was on its way in or out a moment ago, and is gone or ready by now.
            (_, Ok(_)) => Refusal::BeingUnloaded { name },
            (_, Err(())) => Refusal::Unknown { errno },
        },
        _ => Refusal::Unknown { errno },
    }
}

fn references(module: &LoadedModule) -> Option<u64> {
    module.anonymous_references().map(|count| u64::try_from(count).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loaded::Snapshot;

    #[test]
    fn reasons() {
        use RemoveMode::{Force, Refuse};
        let snapshot = Snapshot::parse(
            b"free 1 0 - Live 0x0\n\
              held 1 2 - Live 0x0\n\
              used 1 1 user, Live 0x0\n\
              stays 1 0 [permanent], Live 0x0\n\
              comes 1 1 - Loading 0x0\n\
              goes 1 -1 - Unloading 0x0\n\
              uncounted 1 - - Live 0x0\n",
        )
        .unwrap();
        for (errno, name, mode, expected) in [
            (Errno::ENOENT, "gone", Refuse, "not-loaded"),
            (Errno::EPERM, "gone", Refuse, "not-loaded"),
            (Errno::EPERM, "free", Refuse, "no-privilege"),
            (Errno::ENOSYS, "uncounted", Refuse, "no-unload-support"),
            (Errno::ENOSYS, "uncounted", Force, "no-unload-support"),
            (Errno::ENOSYS, "free", Refuse, "unknown"),
            (Errno::ENOSYS, "gone", Refuse, "not-loaded"),
            (Errno::EAGAIN, "held", Refuse, "in-use"),
            (Errno::EAGAIN, "free", Refuse, "in-use"),
            (Errno::EAGAIN, "held", Force, "not-forceable"),
            (Errno::EAGAIN, "used", Refuse, "used-by-modules"),
            (Errno::EAGAIN, "used", Force, "used-by-modules"),
            (Errno::EBUSY, "stays", Refuse, "permanent"),
            (Errno::EBUSY, "stays", Force, "not-forceable"),
            (Errno::EBUSY, "comes", Refuse, "initializing"),
            (Errno::EBUSY, "goes", Refuse, "being-unloaded"),
            (Errno::EBUSY, "goes", Force, "being-unloaded"),
            (Errno::EBUSY, "gone", Refuse, "being-unloaded"),
            (Errno::EFAULT, "free", Refuse, "unknown"),
        ] {
            let name = ModuleName::new(name).unwrap();
            let module = Ok(snapshot.get(&name));
            let caller = Caller { lacks: Some(Privilege::Missing), ..Caller::default() };
            let findings = Findings { mode, module, caller, ..findings(&name, false, false) };
            assert_eq!(reason(errno, &findings).kind(), expected, "{errno} {name} {mode:?}");
        }
    }

    /// Of a module that is not loaded.
    fn findings(name: &ModuleName, built_in: bool, modules_disabled: bool) -> Findings<'_> {
        Findings {
            name,
            mode: RemoveMode::Refuse,
            module: Ok(None),
            shows_permanent: true,
            built_in,
            modules_disabled,
            loadable: true,
            crash: None,
            lasting: None,
            caller: Caller::default(),
        }
    }

    #[test]
    fn reasons_that_need_more_than_the_list() {
        let name = ModuleName::new("a").unwrap();
        let findings = |built_in, disabled| findings(&name, built_in, disabled);
        assert_eq!(reason(Errno::ENOENT, &findings(true, false)).kind(), "built-in");
        assert_eq!(reason(Errno::EPERM, &findings(true, true)).kind(), "built-in");
        let blind =
            |modules_disabled| Findings { module: Err(()), ..findings(false, modules_disabled) };
        assert_eq!(reason(Errno::EPERM, &blind(true)).kind(), "modules-disabled");
        assert_eq!(reason(Errno::EPERM, &blind(false)).kind(), "no-privilege");
        assert_eq!(reason(Errno::EBUSY, &blind(false)).kind(), "unknown");
        assert_eq!(reason(Errno::EAGAIN, &blind(false)).kind(), "in-use");
        // As sysfs shows it.
        let live = Snapshot::parse(b"a 1 0 - Live 0x0").unwrap();
        let module = Ok(live.modules().first());
        let findings = Findings { module, shows_permanent: false, ..findings(false, false) };
        assert_eq!(reason(Errno::EBUSY, &findings).kind(), "permanent");
    }

    /// Containers, services and sandboxes, each by what shows it.
    #[test]
    fn what_keeps_a_process_from_it() {
        let name = ModuleName::new("free").unwrap();
        let snapshot = Snapshot::parse(b"free 1 0 - Live 0x0\n").unwrap();
        let caller =
            |lacks, seccomp, traced| Caller { lacks, seccomp, traced, ..Caller::default() };
        let dropped = Some(Privilege::Dropped);
        for (errno, caller, kind, words) in [
            (Errno::EPERM, caller(dropped, Some(true), false), "no-privilege", "bounding set"),
            (
                Errno::EPERM,
                caller(Some(Privilege::Namespace), Some(false), false),
                "no-privilege",
                "user namespace",
            ),
            (Errno::EPERM, caller(None, Some(true), false), "security-policy", "seccomp"),
            (Errno::EPERM, caller(None, Some(false), false), "security-policy", "security module"),
            (Errno::EPERM, caller(None, Some(false), true), "unknown", "EPERM"),
            (Errno::EPERM, caller(None, None, false), "no-privilege", "CAP_SYS_MODULE"),
            (Errno::ENOSYS, caller(None, Some(true), false), "security-policy", "seccomp"),
            (Errno::ENOSYS, caller(dropped, Some(true), false), "security-policy", "seccomp"),
            (Errno::ENOSYS, caller(None, Some(false), false), "unknown", "ENOSYS"),
        ] {
            let module = Ok(snapshot.get(&name));
            let findings = Findings { module, caller, ..findings(&name, false, false) };
            let refusal = reason(errno, &findings);
            assert_eq!(refusal.kind(), kind, "{errno} {:?}", findings.caller);
            assert!(refusal.to_string().contains(words), "{refusal}");
        }
    }
}
