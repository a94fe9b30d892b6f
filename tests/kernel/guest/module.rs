//! The modules that are loaded, and test modules that are loaded for a while.
//! Everything here works without the tools under test.

use std::ffi::CString;
use std::fs::{self, File};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::kmod::{DeleteModuleFlags, ModuleInitFlags, delete_module, finit_module};

/// The lines of `/proc/modules`.
pub(crate) fn loaded() -> Vec<String> {
    let modules = fs::read_to_string("/proc/modules").expect("cannot read /proc/modules");
    modules.lines().map(str::to_owned).collect()
}

/// The names of all loaded modules, the last loaded first.
pub(crate) fn loaded_names() -> Vec<String> {
    loaded().iter().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

pub(crate) fn is_loaded(name: &str) -> bool {
    loaded_names().iter().any(|loaded| loaded == name)
}

/// The taint letters of a loaded module, without those that all test modules have:
/// O, out of the kernel's tree, and E, unsigned.
pub(crate) fn taints_of(name: &str) -> String {
    let taints = fs::read_to_string(format!("/sys/module/{name}/taint")).expect("no taint file");
    taints.trim().replace(['O', 'E'], "")
}

/// A test module that is loaded; removed, if it still is there, when this goes.
/// Several go in the reverse order of their declarations, users before the used.
pub(crate) struct Loaded(&'static str);

impl Loaded {
    /// Loads `/modules/NAME.ko`.
    pub(crate) fn new(name: &'static str, parameters: &str) -> Loaded {
        let file = File::open(format!("/modules/{name}.ko")).expect("cannot open the module");
        let parameters = CString::new(parameters).expect("a NUL in the parameters");
        finit_module(file, &parameters, ModuleInitFlags::empty())
            .unwrap_or_else(|error| panic!("cannot load {name}: {error}"));
        Loaded(name)
    }

    /// Takes care of a module that the tool under test has loaded.
    pub(crate) fn adopt(name: &'static str) -> Loaded {
        assert!(is_loaded(name), "{name} is not loaded");
        Loaded(name)
    }
}

impl Drop for Loaded {
    fn drop(&mut self) {
        if is_loaded(self.0)
            && let Err(error) = remove(self.0)
        {
            // The guest half finds modules that are left behind, and fails the test.
            eprintln!("cannot remove {}: {error}", self.0);
        }
    }
}

/// How long a module may stay in use after its test.
const PATIENCE: Duration = Duration::from_secs(5);

/// Removes a module. A permanent one is removed by force, which is safe for
/// `t_noexit`: it is not in use.
pub(crate) fn remove(name: &str) -> Result<(), Errno> {
    let name = CString::new(name).map_err(|_| Errno::EINVAL)?;
    let start = Instant::now();
    loop {
        match delete_module(&name, DeleteModuleFlags::O_NONBLOCK) {
            Err(Errno::EAGAIN) if start.elapsed() < PATIENCE => sleep(Duration::from_millis(10)),
            Err(Errno::EBUSY) => {
                let forced = DeleteModuleFlags::O_NONBLOCK | DeleteModuleFlags::O_TRUNC;
                return delete_module(&name, forced);
            }
            result => return result,
        }
    }
}
