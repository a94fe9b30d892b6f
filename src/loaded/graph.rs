//! Which loaded module uses which.

use std::collections::HashMap;

use super::{LoadedModule, Snapshot};
use crate::name::ModuleName;

/// The loaded modules and who uses whose symbols, in both directions.
///
/// The kernel tells only the users of each module; the modules that one uses follow from that.
/// Where the kernel keeps no count of users (`CONFIG_MODULE_UNLOAD=n`), nothing is known either
/// way, and every module stands alone.
#[derive(Clone, Debug)]
pub struct DependencyGraph<'a> {
    modules: &'a [LoadedModule],
    positions: HashMap<&'a ModuleName, usize>,
    uses: Vec<Vec<usize>>,
}

impl<'a> DependencyGraph<'a> {
    /// Builds the graph of these modules.
    pub fn new(snapshot: &'a Snapshot) -> Self {
        let modules = snapshot.modules();
        let positions: HashMap<_, _> =
            modules.iter().enumerate().map(|(position, module)| (&module.name, position)).collect();
        let mut uses = vec![Vec::new(); modules.len()];
        for (position, module) in modules.iter().enumerate() {
            for user in &module.used_by {
                if let Some(used) = positions.get(user).and_then(|&user| uses.get_mut(user)) {
                    used.push(position);
                }
            }
        }
        Self { modules, positions, uses }
    }

    /// Returns the modules that use this one, in the kernel's order.
    pub fn users(&self, name: &ModuleName) -> impl Iterator<Item = &'a LoadedModule> {
        self.get(name)
            .into_iter()
            .flat_map(|module| &module.used_by)
            .filter_map(|user| self.get(user))
    }

    /// Returns the modules that this one uses, newest first.
    pub fn uses(&self, name: &ModuleName) -> impl Iterator<Item = &'a LoadedModule> {
        self.positions
            .get(name)
            .and_then(|&position| self.uses.get(position))
            .into_iter()
            .flatten()
            .filter_map(|&position| self.modules.get(position))
    }

    fn get(&self, name: &ModuleName) -> Option<&'a LoadedModule> {
        self.positions.get(name).and_then(|&position| self.modules.get(position))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> ModuleName {
        ModuleName::new(text).unwrap()
    }

    fn names<'a>(modules: impl Iterator<Item = &'a LoadedModule>) -> Vec<String> {
        modules.map(|module| module.name.to_string()).collect()
    }

    #[test]
    fn both_directions() {
        let snapshot = Snapshot::parse(
            b"top 1 0 - Live 0x0\n\
              left 1 1 top, Live 0x0\n\
              right 1 1 top, Live 0x0\n\
              base 1 2 left,right, Live 0x0\n",
        )
        .unwrap();
        let graph = DependencyGraph::new(&snapshot);
        assert_eq!(names(graph.users(&name("base"))), ["left", "right"]);
        assert_eq!(names(graph.uses(&name("top"))), ["left", "right"]);
        assert_eq!(names(graph.uses(&name("left"))), ["base"]);
        assert!(names(graph.uses(&name("base"))).is_empty());
        assert!(names(graph.users(&name("top"))).is_empty());
    }

    #[test]
    fn absent_modules_have_no_users() {
        let snapshot = Snapshot::parse(b"a 1 1 gone, Live 0x0\nb 1 - - Live 0x0\n").unwrap();
        let graph = DependencyGraph::new(&snapshot);
        assert!(names(graph.users(&name("a"))).is_empty());
        assert!(names(graph.users(&name("b"))).is_empty());
        assert!(names(graph.uses(&name("gone"))).is_empty());
    }
}
