//! The first line of a failure, byte for byte as kmod's rmmod writes it.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use modutils::remove::RemoveError;
use modutils::{Error, ModuleName, Refusal, RemoveMode};

use crate::rmmod::targets::Unusable;

pub(crate) fn unusable(argument: &Unusable<'_>) -> Vec<u8> {
    match argument {
        Unusable::Name(argument, error) => {
            let detail = error.detail().as_bytes();
            [b"could not use module ", argument.as_bytes(), b": ", detail].concat()
        }
        Unusable::NoMatch(pattern) => not_loaded(pattern.as_bytes()),
    }
}

fn not_loaded(name: &[u8]) -> Vec<u8> {
    [b"Module ", name, b" is not currently loaded"].concat()
}

/// The list of modules, which has the users and the names, is missing.
pub(crate) fn no_list(error: &Error) -> Vec<u8> {
    let path = error.path().map_or(OsStr::new(""), |path| path.as_os_str());
    [b"could not open ", path.as_bytes(), b": ", error.detail().as_bytes()].concat()
}

/// kmod looks at the module before it asks the kernel, so that a module in use is called that
/// whatever else would be wrong. By force, it does not look.
pub(crate) fn not_removed(error: &RemoveError, mode: RemoveMode) -> Vec<u8> {
    let name = error.name().as_bytes();
    let module = error.module();
    let users = module.map_or(&[][..], |module| &module.used_by);
    let held = module.is_some_and(|module| module.refcnt > Some(0));
    match error.obstacle() {
        _ if mode == RemoveMode::Force => refused(error),
        Refusal::NotLoaded { .. } => not_loaded(name),
        Refusal::BuiltIn { .. } => [b"Module ", name, b" is builtin."].concat(),
        Refusal::NoUnloadSupport { .. } => b"Module unloading is not supported".to_vec(),
        Refusal::UsedByModules { .. }
        | Refusal::InUse { .. }
        | Refusal::NoPrivilege
        | Refusal::ModulesDisabled
            if !users.is_empty() =>
        {
            let names: Vec<_> = users.iter().map(ModuleName::as_bytes).collect();
            [b"Module ", name, b" is in use by: ", &*names.join(&b' ')].concat()
        }
        Refusal::UsedByModules { .. } | Refusal::InUse { .. } => {
            [b"Module ", name, b" is in use"].concat()
        }
        Refusal::NoPrivilege | Refusal::ModulesDisabled if held => {
            [b"Module ", name, b" is in use"].concat()
        }
        _ => refused(error),
    }
}

fn refused(error: &RemoveError) -> Vec<u8> {
    let text = error.errno().to_string();
    [b"could not remove '", error.name().as_bytes(), b"': ", text.as_bytes()].concat()
}
