//! Why a module was not removed.

use std::fmt;

use crate::errno::Errno;
use crate::loaded::{self, LoadedModule, Snapshot, State};
use crate::name::ModuleName;
use crate::remove::RemoveMode;
use crate::system::System;

/// A module was not removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoveError {
    name: ModuleName,
    refusal: Refusal,
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
    /// It has no exit function.
    Permanent,
    /// Its init function has not returned yet.
    Initialising,
    /// Somebody else is removing it.
    BeingUnloaded,
    /// The kernel cannot unload modules.
    NoUnloadSupport,
    /// The caller may not.
    NotPermitted,
    /// The time to wait was up.
    TimedOut,
    /// The answer fits no known reason.
    Unknown,
}

impl Refusal {
    /// Whether waiting may help.
    pub(super) fn may_pass(self) -> bool {
        matches!(self, Self::UsedByModules | Self::InUse | Self::Initialising | Self::BeingUnloaded)
    }
}

impl RemoveError {
    /// The reason for an answer of `delete_module`, from what the kernel shows of the module.
    ///
    /// The kernel may have moved on since it answered; a module that looks free by now was in use
    /// when it said so.
    pub(super) fn find(system: &System, name: &ModuleName, errno: Errno, mode: RemoveMode) -> Self {
        let snapshot = Snapshot::take(system).ok();
        let module = snapshot.as_ref().and_then(|snapshot| snapshot.get(name)).cloned();
        let absent = snapshot.is_some() && module.is_none();
        let refusal = match errno {
            Errno::EPERM if !absent => Refusal::NotPermitted,
            Errno::ENOENT | Errno::EPERM if loaded::is_builtin(system, name) => Refusal::BuiltIn,
            Errno::ENOENT | Errno::EPERM => Refusal::NotLoaded,
            Errno::ENOSYS => Refusal::NoUnloadSupport,
            Errno::EAGAIN => match &module {
                Some(module) if !module.used_by.is_empty() => Refusal::UsedByModules,
                _ => Refusal::InUse,
            },
            Errno::EBUSY => match &module {
                Some(module) if module.state == State::Loading => Refusal::Initialising,
                Some(module) if module.permanent && mode == RemoveMode::Refuse => {
                    Refusal::Permanent
                }
                _ => Refusal::BeingUnloaded,
            },
            _ => Refusal::Unknown,
        };
        Self { name: name.clone(), refusal, errno, module: module.map(Box::new) }
    }

    pub(super) fn timed_out(self) -> Self {
        Self { refusal: Refusal::TimedOut, ..self }
    }

    /// The module that was to go.
    pub fn name(&self) -> &ModuleName {
        &self.name
    }

    /// The reason.
    pub fn refusal(&self) -> Refusal {
        self.refusal
    }

    /// The kernel's answer.
    pub fn errno(&self) -> Errno {
        self.errno
    }

    /// The module as it was right after the answer, if it was loaded.
    pub fn module(&self) -> Option<&LoadedModule> {
        self.module.as_deref()
    }
}

impl fmt::Display for RemoveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "could not remove '{}': {}", self.name, self.errno)
    }
}

impl std::error::Error for RemoveError {}
