//! The dependencies that `--deps` finds, and those that it does not.

use modutils::{Cause, ModuleFile, ModuleName, System};

/// Modules that `--deps` would have loaded first, if it had known from where.
pub(crate) fn not_found(system: &System, names: &[ModuleName]) -> Option<String> {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    (!names.is_empty()).then(|| {
        format!(
            "it depends on {}, which was not found in its directory or in /lib/modules/{}",
            names.join(", "),
            system.release()
        )
    })
}

/// Whether all that is missing are symbols of modules that `--deps` would load first.
pub(crate) fn resolve(system: &System, file: &ModuleFile, cause: &Cause) -> bool {
    let Cause::MissingSymbol { symbols, .. } = cause else { return false };
    let dependencies = system.dependencies(file);
    symbols.iter().all(|symbol| {
        let provider = symbol.provider.as_ref();
        provider.is_some_and(|name| dependencies.to_load.iter().any(|one| one.name == *name))
    })
}
