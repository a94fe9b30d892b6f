//! The error for a module that was not removed.

use std::fmt;
use std::io;

use super::RemoveMode;
use super::reason::{Findings, reason};
use super::refusal::Refusal;
use crate::caller::Caller;
use crate::crash;
use crate::errno::Errno;
use crate::error::Error;
use crate::holders::Holders;
use crate::lasting;
use crate::loaded::{LoadedModule, Snapshot, State};
use crate::name::ModuleName;
use crate::system::{self, System};

/// A module was not removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoveError {
    name: ModuleName,
    refusal: Refusal,
    errno: Errno,
    module: Option<Box<LoadedModule>>,
}

impl RemoveError {
    /// The reason for an answer of `delete_module`, from what the kernel shows of the module.
    pub(super) fn find(system: &System, name: &ModuleName, errno: Errno, mode: RemoveMode) -> Self {
        let snapshot = Snapshot::take(system);
        let lasting = match &snapshot {
            Ok(snapshot) if errno == Errno::EAGAIN => {
                lasting::user(system, snapshot, name, mode == RemoveMode::Force)
            }
            _ => None,
        };
        let listed = snapshot.map(|snapshot| snapshot.get(name).cloned());
        let shows_permanent = listed.is_ok();
        let loadable = !(listed.as_ref().is_err_and(Error::is_absent) && system.has_proc());
        let module = match listed {
            Ok(module) => Ok(module),
            Err(_) if system.has_module_dirs() => Ok(LoadedModule::from_sysfs(system, name)),
            Err(_) => Err(()),
        };
        let findings = Findings {
            name,
            mode,
            module: module.as_ref().map(Option::as_ref).map_err(|&()| ()),
            shows_permanent,
            built_in: matches!(errno, Errno::ENOENT | Errno::EPERM | Errno::ENOSYS)
                && system.is_builtin(name),
            modules_disabled: errno == Errno::EPERM && modules_disabled(system),
            loadable,
            crash: if errno == Errno::EBUSY { crash::of(system, name) } else { None },
            lasting,
            caller: match errno {
                Errno::EPERM | Errno::ENOSYS => Caller::read(system),
                _ => Caller::default(),
            },
        };
        let refusal = reason(errno, &findings);
        let module = module.ok().flatten().map(Box::new);
        Self { name: name.clone(), refusal, errno, module }
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
        let findings = Findings {
            name,
            mode,
            module: Ok(module.as_ref()),
            shows_permanent: true,
            built_in: matches!(errno, Errno::ENOENT | Errno::EPERM) && system.is_builtin(name),
            modules_disabled,
            loadable: true,
            crash: if errno == Errno::EBUSY { crash::of(system, name) } else { None },
            lasting: lasting::user(system, snapshot, name, mode == RemoveMode::Force),
            caller: Caller::default(),
        };
        let refusal = reason(errno, &findings);
        Some(Self { name: name.clone(), refusal, errno, module: module.map(Box::new) })
    }

    /// The same answer in the light of how things are now.
    pub(super) fn again(&self, system: &System, mode: RemoveMode) -> Self {
        Self::find(system, &self.name, self.errno, mode)
    }

    pub(super) fn timed_out(self) -> Self {
        Self { refusal: Refusal::TimedOut { obstacle: Box::new(self.refusal) }, ..self }
    }

    pub(super) fn interrupted(self) -> Self {
        let obstacle = Some(Box::new(self.refusal));
        Self { refusal: Refusal::Interrupted { obstacle }, ..self }
    }

    /// Returns the failure of a removal that a signal came before: the kernel was not asked.
    pub fn untried(name: &ModuleName) -> Self {
        Self {
            name: name.clone(),
            refusal: Refusal::Interrupted { obstacle: None },
            errno: Errno::EINTR,
            module: None,
        }
    }

    /// Returns whether anything else than modules and the loader holds the module: a search for
    /// [holders](System::holders) then shows more.
    pub fn is_held(&self) -> bool {
        let is_free = self.module().and_then(LoadedModule::anonymous_references) == Some(0);
        matches!(self.obstacle(), Refusal::InUse { .. }) && self.module.is_some() && !is_free
    }

    /// Returns the reason as one sentence that names who holds the module: eight holders at most.
    pub fn sentence(&self, holders: &Holders) -> String {
        let reason = self.refusal.to_string();
        match (self.obstacle(), holders.chain()) {
            _ if self.is_held() => holders.complete(&reason),
            (Refusal::UsedByModules { .. }, Some(chain)) => format!("{reason} ({chain})"),
            _ => reason,
        }
    }

    /// Returns the module that was to be removed.
    pub fn name(&self) -> &ModuleName {
        &self.name
    }

    /// Returns the reason.
    pub fn refusal(&self) -> &Refusal {
        &self.refusal
    }

    /// Returns what kept the module from being removed at the end of a wait; see
    /// [`Refusal::obstacle`].
    pub fn obstacle(&self) -> &Refusal {
        self.refusal.obstacle()
    }

    /// Returns the kernel's answer; `EINTR` if the wait was ended before the first attempt.
    pub fn errno(&self) -> Errno {
        self.errno
    }

    /// Returns the module as it was right after the answer, if it was loaded.
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

impl std::error::Error for RemoveError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.errno)
    }
}

impl From<RemoveError> for io::Error {
    fn from(error: RemoveError) -> Self {
        Self::new(Self::from(error.errno).kind(), error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::captured::Captured;

    #[test]
    fn predictions() {
        let root = Captured::new();
        let system = root.system();
        let snapshot = Snapshot::parse(
            b"free 1 0 - Live 0x0\nheld 1 2 - Live 0x0\nuncounted 1 - - Live 0x0\n",
        )
        .unwrap();
        let foreseen = |name, mode| {
            let name = ModuleName::new(name).unwrap();
            let error = RemoveError::foresee(&system, &snapshot, &name, mode, &[])?;
            Some((error.refusal().kind(), error.errno()))
        };
        for (disabled, name, mode, expected) in [
            ("0", "free", RemoveMode::Refuse, None),
            ("0", "held", RemoveMode::Refuse, Some(("in-use", Errno::EAGAIN))),
            ("0", "held", RemoveMode::Force, None),
            ("0", "gone", RemoveMode::Refuse, Some(("not-loaded", Errno::ENOENT))),
            ("0", "uncounted", RemoveMode::Force, Some(("no-unload-support", Errno::ENOSYS))),
            ("1", "free", RemoveMode::Refuse, Some(("modules-disabled", Errno::EPERM))),
            ("1", "held", RemoveMode::Force, Some(("modules-disabled", Errno::EPERM))),
            ("1", "gone", RemoveMode::Force, Some(("not-loaded", Errno::EPERM))),
        ] {
            root.write("proc/sys/kernel/modules_disabled", format!("{disabled}\n"));
            assert_eq!(foreseen(name, mode), expected, "{disabled} {name} {mode:?}");
        }
    }
}
