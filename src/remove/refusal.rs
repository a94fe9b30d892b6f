//! Why a module is not removed.

use crate::caller::{self, Privilege};
use crate::class::{Class, kinds};
use crate::errno::Errno;
use crate::name::ModuleName;
use crate::remedy::{Change, Remedy};

/// Why a module was not, or would not be, removed.
///
/// `delete_module` returns EAGAIN for two of these reasons, EBUSY for three and EPERM for two; see
/// `kernel/module/main.c`. `Display` gives one sentence. Reasons may gain fields: match them with
/// `..`.
///
/// # Adding a reason
/// A variant here. The compiler then asks for its row in the table below (stable word and class),
/// for its sentence in `text.rs` and for its remedies in `remedies`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Refusal {
    /// No module of this name is loaded.
    #[non_exhaustive]
    NotLoaded {
        /// Name of the module.
        name: ModuleName,
    },
    /// The module is built into the kernel.
    #[non_exhaustive]
    BuiltIn {
        /// Name of the module.
        name: ModuleName,
    },
    /// Loaded modules use its symbols.
    #[non_exhaustive]
    UsedByModules {
        /// These modules.
        users: Vec<ModuleName>,
        /// One of them, or of those that use them, that stays until reboot: it is permanent, or its
        /// init or exit function crashed.
        lasting: Option<ModuleName>,
    },
    /// Something else holds references.
    #[non_exhaustive]
    InUse {
        /// Number of references right after the kernel's answer, those of modules and of the loader
        /// aside; `None` if nothing shows it.
        references: Option<u64>,
    },
    /// It has an init function and no exit function.
    #[non_exhaustive]
    Permanent {
        /// Name of the module.
        name: ModuleName,
    },
    /// Its init function has not returned yet.
    #[non_exhaustive]
    Initializing {
        /// Name of the module.
        name: ModuleName,
    },
    /// Its init function crashed: the module stays half loaded until reboot.
    #[non_exhaustive]
    InitCrashed {
        /// Name of the module.
        name: ModuleName,
    },
    /// Its exit function crashed: the module stays half removed until reboot.
    #[non_exhaustive]
    ExitCrashed {
        /// Name of the module.
        name: ModuleName,
    },
    /// Another process is removing it.
    #[non_exhaustive]
    BeingUnloaded {
        /// Name of the module.
        name: ModuleName,
    },
    /// The kernel cannot unload modules (`CONFIG_MODULE_UNLOAD`).
    #[non_exhaustive]
    NoUnloadSupport {
        /// Whether it can load modules (`CONFIG_MODULES`), as far as `/proc` shows.
        loadable: bool,
    },
    /// The kernel cannot unload modules by force (`CONFIG_MODULE_FORCE_UNLOAD`).
    NotForceable,
    /// The caller lacks `CAP_SYS_MODULE` in the initial user namespace.
    #[non_exhaustive]
    NoPrivilege {
        /// What it lacks.
        lacks: Privilege,
        /// The container that it runs in, if it does.
        container: Option<String>,
    },
    /// Most likely, a filter of the calling process or a security module of the kernel denied it:
    /// nothing else that is known leads to this answer.
    #[non_exhaustive]
    SecurityPolicy {
        /// A filter of seccomp(2), not a security module.
        filter: bool,
        /// The container that the caller runs in, if it does.
        container: Option<String>,
    },
    /// `kernel.modules_disabled` is set: modules cannot be removed until the next boot.
    ModulesDisabled,
    /// The time limit of a wait was reached.
    TimedOut {
        /// What kept the module from being removed at the end.
        obstacle: Box<Refusal>,
    },
    /// The caller stopped a wait.
    Interrupted {
        /// What kept the module from being removed at the end; `None` if the wait was stopped
        /// before the first attempt.
        obstacle: Option<Box<Refusal>>,
    },
    /// The kernel's answer fits no known reason.
    #[non_exhaustive]
    Unknown {
        /// That answer.
        errno: Errno,
    },
}

kinds!(Refusal {
    NotLoaded => "not-loaded", Already;
    BuiltIn => "built-in", Failed;
    UsedByModules => "used-by-modules", Busy;
    InUse => "in-use", Busy;
    Permanent => "permanent", Busy;
    Initializing => "initializing", Busy;
    InitCrashed => "init-crashed", Busy;
    ExitCrashed => "exit-crashed", Busy;
    BeingUnloaded => "being-unloaded", Busy;
    NoUnloadSupport => "no-unload-support", Failed;
    NotForceable => "not-forceable", Failed;
    NoPrivilege => "no-privilege", NotPermitted;
    SecurityPolicy => "security-policy", NotPermitted;
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

    /// Returns whether the reason may pass, so that waiting may help.
    pub fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::UsedByModules { .. }
                | Self::InUse { .. }
                | Self::Initializing { .. }
                | Self::BeingUnloaded { .. }
        )
    }

    /// Returns what kept the module from being removed at the end of a wait; without a wait, the
    /// reason itself.
    pub fn obstacle(&self) -> &Self {
        match self {
            Self::TimedOut { obstacle } | Self::Interrupted { obstacle: Some(obstacle) } => {
                obstacle
            }
            other => other,
        }
    }

    /// Returns what would help; whatever holds the module has ways out of its own.
    pub fn remedies(&self) -> Vec<Remedy> {
        match self.obstacle() {
            Self::UsedByModules { lasting: None, .. } => vec![Remedy::Repeat(Change::Recursive)],
            Self::InUse { .. }
            | Self::Initializing { .. }
            | Self::BeingUnloaded { .. }
            | Self::TimedOut { .. } => vec![Remedy::Repeat(Change::Wait)],
            Self::Interrupted { .. } => vec![Remedy::Repeat(Change::Again)],
            Self::NoPrivilege { lacks: Privilege::Missing, .. } => {
                vec![Remedy::Repeat(Change::AsRoot)]
            }
            Self::NoPrivilege { lacks, container } => {
                caller::for_missing(*lacks, container.as_deref(), "remove")
            }
            Self::SecurityPolicy { filter: true, container } => {
                caller::for_filter(container.as_deref(), "remove", "rmmod")
            }
            Self::InitCrashed { .. } | Self::ExitCrashed { .. } | Self::ModulesDisabled => {
                vec![Remedy::step("reboot")]
            }
            Self::NotLoaded { .. }
            | Self::BuiltIn { .. }
            | Self::UsedByModules { lasting: Some(_), .. }
            | Self::Permanent { .. }
            | Self::NoUnloadSupport { .. }
            | Self::NotForceable
            | Self::SecurityPolicy { filter: false, .. }
            | Self::Unknown { .. } => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_advised_against_what_stays() {
        let name = |name| ModuleName::new(name).unwrap();
        let used = |lasting| Refusal::UsedByModules { users: vec![name("user")], lasting };
        assert_eq!(used(None).remedies(), [Remedy::Repeat(Change::Recursive)]);
        assert_eq!(used(None).to_string(), "used by module user");
        let lasting = used(Some(name("top")));
        assert!(lasting.remedies().is_empty());
        assert_eq!(lasting.to_string(), "used by module user; top cannot be removed until reboot");
        assert_eq!(Refusal::ModulesDisabled.remedies(), [Remedy::step("reboot")]);
    }
}
