//! The first line of a removal that failed, byte for byte as kmod's rmmod writes it.

use modutils::remove::RemoveError;
use modutils::{ModuleName, Refusal, RemoveMode};

pub(crate) fn not_loaded(name: &[u8]) -> Vec<u8> {
    [b"Module ", name, b" is not currently loaded"].concat()
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
        _ if !users.is_empty() => {
            let names: Vec<_> = users.iter().map(ModuleName::as_bytes).collect();
            [b"Module ", name, b" is in use by: ", &*names.join(&b' ')].concat()
        }
        Refusal::UsedByModules { .. } | Refusal::InUse { .. } => {
            [b"Module ", name, b" is in use"].concat()
        }
        // Also by the loader, until the init function returns.
        _ if held => [b"Module ", name, b" is in use"].concat(),
        _ => refused(error),
    }
}

fn refused(error: &RemoveError) -> Vec<u8> {
    let text = error.errno().to_string();
    [b"could not remove '", error.name().as_bytes(), b"': ", text.as_bytes()].concat()
}
