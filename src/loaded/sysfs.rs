//! A loaded module as `/sys/module` shows it, for systems without `/proc`.

use std::os::unix::ffi::OsStrExt;

use super::{LoadedModule, State};
use crate::directory;
use crate::name::ModuleName;
use crate::system::{self, System};
use crate::taint::Taints;

/// The module, unless it is not loaded: built-in ones have a directory, too, and no state. Whether
/// it is permanent is not shown there.
pub(super) fn read(system: &System, name: &ModuleName) -> Option<LoadedModule> {
    let dir = system.module_dir(name);
    let attribute = |file: &str| system::read_text(&dir.join(file)).ok();
    let state = match attribute("initstate")?.as_str() {
        "live" => State::Live,
        "coming" => State::Loading,
        "going" => State::Unloading,
        other => State::Other(other.into()),
    };
    let users = directory::entries(&dir.join("holders")).into_iter().flatten().flatten();
    Some(LoadedModule {
        name: name.clone(),
        size: attribute("coresize").and_then(|size| size.parse().ok()).unwrap_or(0),
        refcnt: attribute("refcnt").and_then(|count| count.parse().ok()),
        used_by: users.map(|user| ModuleName::from_kernel(user.name.as_bytes())).collect(),
        permanent: false,
        state,
        address: None,
        taints: Taints::from_field(&attribute("taint").unwrap_or_default()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::captured::Captured;

    #[test]
    fn a_captured_directory() {
        let root = Captured::with(&[
            ("sys/module/t_base/initstate", "live\n"),
            ("sys/module/t_base/refcnt", "1\n"),
            ("sys/module/t_base/coresize", "4096\n"),
        ]);
        root.directory("sys/module/t_base/holders/t_user");
        root.directory("sys/module/printk");
        let system = root.system();
        let module = read(&system, &ModuleName::new("t_base").unwrap()).unwrap();
        let builtin = read(&system, &ModuleName::new("printk").unwrap());
        assert_eq!((module.refcnt, module.size, &module.state), (Some(1), 4096, &State::Live));
        assert_eq!(module.used_by, [ModuleName::new("t_user").unwrap()]);
        assert_eq!(builtin, None);
    }
}
