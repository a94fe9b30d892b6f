//! A state that the system is not in yet.

use crate::file::{Export, Image};
use crate::name::ModuleName;

/// Changes to the loaded modules that a check assumes.
#[derive(Clone, Copy, Debug, Default)]
#[allow(clippy::exhaustive_structs, reason = "modules that go, and modules that come")]
pub struct Supposed<'a> {
    /// Loaded modules that are gone by then.
    pub removed: &'a [ModuleName],
    /// Modules that are loaded by then.
    pub loaded: &'a [&'a Image],
}

impl Supposed<'_> {
    /// Those of the wanted symbols that the modules loaded by then export, each with its module.
    pub(super) fn exports(&self, wanted: &[&str]) -> Vec<(ModuleName, Export)> {
        let of = |image: &&Image| {
            let exports = image.exports().unwrap_or_default();
            Some((image.name().ok()?, exports))
        };
        self.loaded
            .iter()
            .filter_map(of)
            .flat_map(|(name, exports)| exports.into_iter().map(move |one| (name.clone(), one)))
            .filter(|(_, export)| wanted.contains(&export.name.as_str()))
            .collect()
    }
}
