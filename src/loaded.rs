//! What the kernel has loaded.

mod attributes;
mod graph;
mod list;
mod proc_modules;
mod snapshot;
mod sysfs;

pub use crate::pattern::Pattern;
pub use crate::taint::{KernelTaints, Taints};
pub use attributes::{Attributes, ParameterValue};
pub use graph::DependencyGraph;
pub use list::ModuleList;
pub use proc_modules::ModuleRow;
pub use snapshot::Snapshot;

use std::fmt;

use crate::name::ModuleName;
use crate::system::System;

/// A row of `/proc/modules`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoadedModule {
    /// The name.
    pub name: ModuleName,
    /// Memory in bytes, of all kinds; that of the init sections only while it loads.
    pub size: u64,
    /// References to the module; −1 while it unloads. `None` where the kernel keeps no count
    /// (`CONFIG_MODULE_UNLOAD=n`).
    pub refcnt: Option<i64>,
    /// The modules that use its symbols, in the kernel's order. Each holds one reference.
    pub used_by: Vec<ModuleName>,
    /// It can never be removed: it has an init function and no exit function.
    pub permanent: bool,
    /// Lifecycle state.
    pub state: State,
    /// The address of its code; `None` where the kernel hides it (`kptr_restrict`, proc(5)).
    pub address: Option<u64>,
    /// Its taints.
    pub taints: Taints,
}

impl LoadedModule {
    /// The module as `/sys/module` shows it, for systems without `/proc`. Whether it is permanent
    /// is not shown there.
    pub(crate) fn from_sysfs(system: &System, name: &ModuleName) -> Option<Self> {
        sysfs::read(system, name)
    }

    /// References that neither a module nor the loader holds: by open devices, mounts, sockets,
    /// and the kernel itself.
    pub fn anonymous_references(&self) -> Option<i64> {
        let modules = i64::try_from(self.used_by.len()).unwrap_or(i64::MAX);
        self.refcnt.map(|refcnt| (refcnt - modules - self.loader_references()).max(0))
    }

    /// While a module loads, the loader holds one; see `do_init_module` in
    /// `kernel/module/main.c`.
    pub(crate) fn loader_references(&self) -> i64 {
        i64::from(self.state == State::Loading && self.refcnt > Some(0))
    }
}

/// The state of a loaded module.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// `Live`, in sysfs `live`: in use or ready to be.
    Live,
    /// `Loading`, in sysfs `coming`: its init function has not returned yet.
    Loading,
    /// `Unloading`, in sysfs `going`: its exit function has not returned yet.
    Unloading,
    /// A word that this version does not know.
    Other(Box<str>),
}

impl State {
    /// Returns the word of `/proc/modules`, in lower case.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Live => "live",
            Self::Loading => "loading",
            Self::Unloading => "unloading",
            Self::Other(word) => word,
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Whether `/sys/module` has a directory for a part of the kernel. That of a module also lacks most
/// of its files, while it is being set up and taken down; but it has `holders` for as long as it
/// has anything (`mod_sysfs_setup` and `mod_sysfs_teardown` in `kernel/module/sysfs.c`).
pub(crate) fn has_builtin_dir(system: &System, name: &ModuleName) -> bool {
    let dir = system.module_dir(name);
    let has = |entry: &str| dir.join(entry).exists();
    let of_a_module = || ["initstate", "refcnt", "holders"].into_iter().any(has);
    let of_either = || ["parameters", "version", "drivers"].into_iter().any(has);
    // One that is set up meanwhile has the first at the end, one that is taken down at the start.
    !of_a_module() && of_either() && !of_a_module()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::captured::Captured;

    #[test]
    fn parts_of_the_kernel_and_modules_that_come_or_go() {
        let root = Captured::new();
        for (index, (entries, builtin)) in [
            (&["parameters"][..], true),
            (&["version"], true),
            (&["drivers"], true),
            (&[], false),
            (&["holders"], false),
            (&["holders", "parameters"], false),
            (&["holders", "parameters", "refcnt", "initstate", "version"], false),
        ]
        .into_iter()
        .enumerate()
        {
            let dir = root.directory(format!("sys/module/m{index}"));
            for entry in entries {
                root.directory(dir.join(entry));
            }
            let name = ModuleName::new(format!("m{index}").as_bytes()).unwrap();
            assert_eq!(has_builtin_dir(&root.system(), &name), builtin, "{entries:?}");
        }
    }
}
