//! Why a module was not removed.

use std::fmt;

use crate::class::{Class, kinds};
use crate::errno::Errno;
use crate::loaded::{self, LoadedModule, Snapshot, State};
use crate::name::ModuleName;
use crate::remove::RemoveMode;
use crate::system::{self, System};

/// A module was not removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoveError {
    name: ModuleName,
    refusal: Refusal,
    end: Option<Refusal>,
    errno: Errno,
    module: Option<Box<LoadedModule>>,
}

/// The reason behind the kernel's answer.
///
/// `delete_module` returns EAGAIN for two of them, EBUSY for three and EPERM for two; see
/// `kernel/module/main.c`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Refusal {
    /// No such module is loaded.
    NotLoaded,
    /// It is part of the kernel.
    BuiltIn,
    /// Loaded modules use its symbols.
    UsedByModules,
    /// Something else holds references.
    InUse,
    /// It has an init function and no exit function.
    Permanent,
    /// Its init function has not returned yet.
    Initializing,
    /// Somebody else is removing it.
    BeingUnloaded,
    /// The kernel cannot unload modules (`CONFIG_MODULE_UNLOAD`).
    NoUnloadSupport,
    /// The kernel cannot unload modules by force (`CONFIG_MODULE_FORCE_UNLOAD`).
    NotForceable,
    /// The caller lacks `CAP_SYS_MODULE` in the first user name space.
    NoPrivilege,
    /// `kernel.modules_disabled` is set: nobody may, until the next boot.
    ModulesDisabled,
    /// The time to wait was up.
    TimedOut,
    /// The caller ended the wait.
    Interrupted,
    /// The answer fits no known reason.
    Unknown,
}

kinds!(Refusal {
    NotLoaded => "not-loaded", Already;
    BuiltIn => "built-in", Failed;
    UsedByModules => "used-by-modules", Busy;
    InUse => "in-use", Busy;
    Permanent => "permanent", Busy;
    Initializing => "initializing", Busy;
    BeingUnloaded => "being-unloaded", Busy;
    NoUnloadSupport => "no-unload-support", Failed;
    NotForceable => "not-forceable", Failed;
    NoPrivilege => "no-privilege", NotPermitted;
    ModulesDisabled => "modules-disabled", NotPermitted;
    TimedOut => "timed-out", TimedOut;
    Interrupted => "interrupted", Interrupted;
    Unknown => "unknown", Failed;
});

impl Refusal {
    /// Returns the class of the failure.
    pub fn class(&self) -> Class {
        self.traits().class
    }

    /// Whether it may pass in time, so that waiting may help.
    pub fn may_pass(self) -> bool {
        matches!(self, Self::UsedByModules | Self::InUse | Self::Initializing | Self::BeingUnloaded)
    }
}

/// What is known beside the kernel's answer.
struct Facts<'a> {
    mode: RemoveMode,
    /// The module; `Err` if nothing shows what is loaded.
    module: Result<Option<&'a LoadedModule>, ()>,
    /// Whether it is known if the module is permanent.
    shows_permanent: bool,
    built_in: bool,
    modules_disabled: bool,
}

/// The kernel may have moved on since it answered: a module that looks free by now was in use when
/// it said so.
fn reason(errno: Errno, facts: &Facts<'_>) -> Refusal {
    let module = facts.module.ok().flatten();
    match errno {
        Errno::ENOENT if facts.built_in => Refusal::BuiltIn,
        Errno::ENOENT => Refusal::NotLoaded,
        // Neither privilege, which is asked for before the name is looked up, nor a kernel that has
        // the call would help here.
        Errno::EPERM | Errno::ENOSYS if facts.module == Ok(None) && facts.built_in => {
            Refusal::BuiltIn
        }
        Errno::EPERM | Errno::ENOSYS if facts.module == Ok(None) => Refusal::NotLoaded,
        Errno::EPERM if facts.modules_disabled => Refusal::ModulesDisabled,
        Errno::EPERM => Refusal::NoPrivilege,
        Errno::ENOSYS => Refusal::NoUnloadSupport,
        Errno::EAGAIN => match module {
            Some(module) if !module.used_by.is_empty() => Refusal::UsedByModules,
            // Force overrides references, where the kernel knows force at all.
            Some(module) if facts.mode == RemoveMode::Force && module.refcnt > Some(0) => {
                Refusal::NotForceable
            }
            _ => Refusal::InUse,
        },
        Errno::EBUSY => match (module, facts.module) {
            (Some(module), _) if module.state == State::Loading => Refusal::Initializing,
            (Some(module), _) if module.state == State::Unloading => Refusal::BeingUnloaded,
            (Some(module), _) if module.permanent && facts.mode == RemoveMode::Force => {
                Refusal::NotForceable
            }
            (Some(module), _) if module.permanent || !facts.shows_permanent => Refusal::Permanent,
            // It was on its way in or out a moment ago, and is gone or ready by now.
            (_, Ok(_)) => Refusal::BeingUnloaded,
            (_, Err(())) => Refusal::Unknown,
        },
        _ => Refusal::Unknown,
    }
}

impl RemoveError {
    /// The reason for an answer of `delete_module`, from what the kernel shows of the module.
    pub(super) fn find(system: &System, name: &ModuleName, errno: Errno, mode: RemoveMode) -> Self {
        let listed = Snapshot::take(system).map(|snapshot| snapshot.get(name).cloned());
        let shows_permanent = listed.is_ok();
        let module = match listed {
            Ok(module) => Ok(module),
            Err(_) if system.has_module_dirs() => Ok(LoadedModule::from_sysfs(system, name)),
            Err(_) => Err(()),
        };
        let facts = Facts {
            mode,
            module: module.as_ref().map(Option::as_ref).map_err(|&()| ()),
            shows_permanent,
            built_in: matches!(errno, Errno::ENOENT | Errno::EPERM | Errno::ENOSYS)
                && loaded::is_builtin(system, name),
            modules_disabled: errno == Errno::EPERM && modules_disabled(system),
        };
        let refusal = reason(errno, &facts);
        let module = module.ok().flatten().map(Box::new);
        Self { name: name.clone(), refusal, end: None, errno, module }
    }

    /// What the kernel would most likely answer, if the modules in `gone` were removed before.
    ///
    /// Privilege is left aside.
    pub(super) fn foresee(
        system: &System,
        snapshot: &Snapshot,
        name: &ModuleName,
        mode: RemoveMode,
        gone: &[ModuleName],
    ) -> Option<Self> {
        let mut module = snapshot.get(name).filter(|_| !gone.contains(name)).cloned();
        if let Some(module) = &mut module {
            let users = module.used_by.len();
            module.used_by.retain(|user| !gone.contains(user));
            let dropped = i64::try_from(users - module.used_by.len()).unwrap_or(0);
            module.refcnt = module.refcnt.map(|references| references - dropped);
        }
        let modules_disabled = modules_disabled(system);
        let errno = match &module {
            Some(module) if module.refcnt.is_none() => Errno::ENOSYS,
            _ if modules_disabled => Errno::EPERM,
            None => Errno::ENOENT,
            Some(module) if !module.used_by.is_empty() => Errno::EAGAIN,
            Some(module) if module.state != State::Live => Errno::EBUSY,
            Some(_) if mode == RemoveMode::Force => return None,
            Some(module) if module.permanent => Errno::EBUSY,
            Some(module) if module.refcnt > Some(0) => Errno::EAGAIN,
            Some(_) => return None,
        };
        let facts = Facts {
            mode,
            module: Ok(module.as_ref()),
            shows_permanent: true,
            built_in: matches!(errno, Errno::ENOENT | Errno::EPERM)
                && loaded::is_builtin(system, name),
            modules_disabled,
        };
        let refusal = reason(errno, &facts);
        Some(Self { name: name.clone(), refusal, end: None, errno, module: module.map(Box::new) })
    }

    /// The same answer in the light of how things are now.
    pub(super) fn again(&self, system: &System, mode: RemoveMode) -> Self {
        Self::find(system, &self.name, self.errno, mode)
    }

    pub(super) fn timed_out(self) -> Self {
        Self { end: Some(Refusal::TimedOut), ..self }
    }

    pub(super) fn interrupted(self) -> Self {
        Self { end: Some(Refusal::Interrupted), ..self }
    }

    /// The wait was ended before the kernel was asked.
    pub(super) fn untried(name: &ModuleName) -> Self {
        Self {
            name: name.clone(),
            refusal: Refusal::Interrupted,
            end: None,
            errno: Errno::EINTR,
            module: None,
        }
    }

    /// The module that was to go.
    pub fn name(&self) -> &ModuleName {
        &self.name
    }

    /// The reason; after a wait that led to nothing, [`Refusal::TimedOut`] or
    /// [`Refusal::Interrupted`].
    pub fn refusal(&self) -> Refusal {
        self.end.unwrap_or(self.refusal)
    }

    /// What stood against it at the end of a wait; else the same as [`refusal`](Self::refusal), and
    /// so after a wait that was ended before the first attempt.
    pub fn obstacle(&self) -> Refusal {
        self.refusal
    }

    /// The kernel's answer; `EINTR` if the wait was ended before the first attempt.
    pub fn errno(&self) -> Errno {
        self.errno
    }

    /// The module as it was right after the answer, if it was loaded.
    pub fn module(&self) -> Option<&LoadedModule> {
        self.module.as_deref()
    }
}

fn modules_disabled(system: &System) -> bool {
    system::read_text(&system.sysctl("kernel/modules_disabled")).is_ok_and(|text| text != "0")
}

impl fmt::Display for RemoveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "could not remove '{}': {}", self.name, self.errno)
    }
}

impl std::error::Error for RemoveError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons() {
        use RemoveMode::{Force, Refuse};
        let snapshot = Snapshot::parse(
            b"free 1 0 - Live 0x0\n\
              held 1 2 - Live 0x0\n\
              used 1 1 user, Live 0x0\n\
              stays 1 0 [permanent], Live 0x0\n\
              comes 1 1 - Loading 0x0\n\
              goes 1 -1 - Unloading 0x0\n",
        )
        .unwrap();
        for (errno, name, mode, expected) in [
            (Errno::ENOENT, "gone", Refuse, Refusal::NotLoaded),
            (Errno::EPERM, "gone", Refuse, Refusal::NotLoaded),
            (Errno::EPERM, "free", Refuse, Refusal::NoPrivilege),
            (Errno::ENOSYS, "free", Refuse, Refusal::NoUnloadSupport),
            (Errno::ENOSYS, "free", Force, Refusal::NoUnloadSupport),
            (Errno::ENOSYS, "gone", Refuse, Refusal::NotLoaded),
            (Errno::EAGAIN, "held", Refuse, Refusal::InUse),
            (Errno::EAGAIN, "free", Refuse, Refusal::InUse),
            (Errno::EAGAIN, "held", Force, Refusal::NotForceable),
            (Errno::EAGAIN, "used", Refuse, Refusal::UsedByModules),
            (Errno::EAGAIN, "used", Force, Refusal::UsedByModules),
            (Errno::EBUSY, "stays", Refuse, Refusal::Permanent),
            (Errno::EBUSY, "stays", Force, Refusal::NotForceable),
            (Errno::EBUSY, "comes", Refuse, Refusal::Initializing),
            (Errno::EBUSY, "goes", Refuse, Refusal::BeingUnloaded),
            (Errno::EBUSY, "goes", Force, Refusal::BeingUnloaded),
            (Errno::EBUSY, "gone", Refuse, Refusal::BeingUnloaded),
            (Errno::EFAULT, "free", Refuse, Refusal::Unknown),
        ] {
            let module = Ok(snapshot.get(&ModuleName::new(name).unwrap()));
            let facts = Facts {
                mode,
                module,
                shows_permanent: true,
                built_in: false,
                modules_disabled: false,
            };
            assert_eq!(reason(errno, &facts), expected, "{errno} {name} {mode:?}");
        }
    }

    #[test]
    fn what_is_foreseen() {
        let root = std::env::temp_dir().join(format!("modutils-foreseen-{}", std::process::id()));
        let kernel = root.join("proc/sys/kernel");
        std::fs::create_dir_all(&kernel).unwrap();
        let system = System::at(&root);
        let snapshot = Snapshot::parse(
            b"free 1 0 - Live 0x0\nheld 1 2 - Live 0x0\nuncounted 1 - - Live 0x0\n",
        )
        .unwrap();
        let foreseen = |name, mode| {
            let name = ModuleName::new(name).unwrap();
            let error = RemoveError::foresee(&system, &snapshot, &name, mode, &[])?;
            Some((error.refusal(), error.errno()))
        };
        for (disabled, name, mode, expected) in [
            ("0", "free", RemoveMode::Refuse, None),
            ("0", "held", RemoveMode::Refuse, Some((Refusal::InUse, Errno::EAGAIN))),
            ("0", "held", RemoveMode::Force, None),
            ("0", "gone", RemoveMode::Refuse, Some((Refusal::NotLoaded, Errno::ENOENT))),
            ("0", "uncounted", RemoveMode::Force, Some((Refusal::NoUnloadSupport, Errno::ENOSYS))),
            ("1", "free", RemoveMode::Refuse, Some((Refusal::ModulesDisabled, Errno::EPERM))),
            ("1", "held", RemoveMode::Force, Some((Refusal::ModulesDisabled, Errno::EPERM))),
            ("1", "gone", RemoveMode::Force, Some((Refusal::NotLoaded, Errno::EPERM))),
        ] {
            std::fs::write(kernel.join("modules_disabled"), format!("{disabled}\n")).unwrap();
            assert_eq!(foreseen(name, mode), expected, "{disabled} {name} {mode:?}");
        }
        std::fs::remove_dir_all(&root).unwrap();
    }

    #[test]
    fn reasons_that_need_more_than_the_list() {
        let facts = |built_in, modules_disabled| Facts {
            mode: RemoveMode::Refuse,
            module: Ok(None),
            shows_permanent: true,
            built_in,
            modules_disabled,
        };
        assert_eq!(reason(Errno::ENOENT, &facts(true, false)), Refusal::BuiltIn);
        assert_eq!(reason(Errno::EPERM, &facts(true, true)), Refusal::BuiltIn);
        let blind = |modules_disabled| Facts { module: Err(()), ..facts(false, modules_disabled) };
        assert_eq!(reason(Errno::EPERM, &blind(true)), Refusal::ModulesDisabled);
        assert_eq!(reason(Errno::EPERM, &blind(false)), Refusal::NoPrivilege);
        assert_eq!(reason(Errno::EBUSY, &blind(false)), Refusal::Unknown);
        assert_eq!(reason(Errno::EAGAIN, &blind(false)), Refusal::InUse);
        // As sysfs shows it.
        let live = Snapshot::parse(b"a 1 0 - Live 0x0").unwrap();
        let module = Ok(live.modules().first());
        let facts = Facts { module, shows_permanent: false, ..facts(false, false) };
        assert_eq!(reason(Errno::EBUSY, &facts), Refusal::Permanent);
    }
}
