//! Each refusal as a sentence, and as data.

use std::fmt;

use super::refusal::Refusal;
use crate::caller::write_lack;
use crate::crash::{self, Crash};

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotLoaded { name } => write!(f, "no module named {name} is loaded"),
            Self::BuiltIn { name } => {
                write!(f, "{name} is built into the kernel and cannot be removed")
            }
            Self::UsedByModules { users, lasting } => {
                let names: Vec<_> = users.iter().map(ToString::to_string).collect();
                match names.as_slice() {
                    [one] => write!(f, "used by module {one}"),
                    several => {
                        write!(f, "used by {} modules: {}", several.len(), several.join(" "))
                    }
                }?;
                match lasting {
                    Some(name) => write!(f, "; {name} cannot be removed until reboot"),
                    None => Ok(()),
                }
            }
            Self::InUse { references: None } => f.write_str("in use, holder unknown"),
            Self::InUse { references: Some(0) } => {
                f.write_str("it was briefly in use and is free now; try again")
            }
            Self::InUse { references: Some(1) } => f.write_str("1 reference"),
            Self::InUse { references: Some(count) } => write!(f, "{count} references"),
            Self::Permanent { name } => {
                write!(f, "{name} has no exit function and cannot be removed until reboot")
            }
            Self::Initializing { name } => write!(f, "{name} is still initializing"),
            Self::InitCrashed { name } => f.write_str(&crash::text(Crash::Init, name)),
            Self::ExitCrashed { name } => f.write_str(&crash::text(Crash::Exit, name)),
            Self::BeingUnloaded { name } => {
                write!(f, "another process is already removing {name}")
            }
            Self::NoUnloadSupport { loadable: true } => f.write_str(
                "this kernel was built without module unloading (CONFIG_MODULE_UNLOAD)",
            ),
            Self::NoUnloadSupport { loadable: false } => {
                f.write_str("this kernel was built without loadable modules (CONFIG_MODULES)")
            }
            Self::NotForceable => f.write_str(
                "this kernel was built without forced removal (CONFIG_MODULE_FORCE_UNLOAD)",
            ),
            Self::NoPrivilege { lacks, container } => {
                let words = ("removing", "removed");
                let missing = "in the initial user namespace";
                write_lack(f, (*lacks, container.as_deref()), words, missing)
            }
            Self::SecurityPolicy { filter: true, .. } => f.write_str(
                "most likely, a seccomp filter of this process blocks the system call",
            ),
            Self::SecurityPolicy { filter: false, .. } => {
                f.write_str("most likely, blocked by a kernel security module")
            }
            Self::ModulesDisabled => f.write_str(
                "module loading and removal are disabled until reboot (kernel.modules_disabled = 1)",
            ),
            Self::TimedOut { obstacle } => write!(f, "timed out: {obstacle}"),
            Self::Interrupted { obstacle: Some(obstacle) } => write!(f, "interrupted: {obstacle}"),
            Self::Interrupted { obstacle: None } => {
                f.write_str("interrupted before the first attempt")
            }
            Self::Unknown { errno } => write!(f, "unknown; the kernel returned {}", errno.name()),
        }
    }
}

/// `kind`, `text`, and for [`Refusal::UsedByModules`] the names of `modules`.
#[cfg(feature = "serde")]
impl serde::Serialize for Refusal {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;

        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("kind", self.kind())?;
        map.serialize_entry("text", &self.to_string())?;
        if let Self::UsedByModules { users, .. } = self.obstacle() {
            let users: Vec<_> = users.iter().map(ToString::to_string).collect();
            map.serialize_entry("modules", &users)?;
        }
        map.end()
    }
}
