//! The modules that must be loaded before another one.

use std::path::PathBuf;

use crate::depmod::{self, ModuleTree};
use crate::loaded::{Snapshot, is_builtin};
use crate::module_file::ModuleFile;
use crate::name::ModuleName;
use crate::system::System;

/// A module that another one depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Dependency {
    /// Its name.
    pub name: ModuleName,
    /// Its file.
    pub file: PathBuf,
}

/// The modules to load before the one in `file`, in order, without those that are loaded or built
/// in already.
///
/// It follows `depends=` of modinfo. The file of a module is looked for in the directory of the
/// file that needs it, and then in that of the running release. One that is found nowhere is left
/// out: whether it is needed, the kernel will say.
pub fn dependencies(system: &System, file: &ModuleFile) -> Vec<Dependency> {
    let mut search = Search {
        system,
        loaded: Snapshot::take(system).ok(),
        tree: ModuleTree::read(system, &system.release()),
        seen: Vec::new(),
        order: Vec::new(),
    };
    search.visit(file, 0);
    search.order
}

struct Search<'a> {
    system: &'a System,
    loaded: Option<Snapshot>,
    tree: ModuleTree,
    seen: Vec<ModuleName>,
    order: Vec<Dependency>,
}

/// A longer chain than any that was ever built: files that name each other end here.
const DEEPEST: usize = 64;

impl Search<'_> {
    fn visit(&mut self, file: &ModuleFile, depth: usize) {
        let depends = file.image().and_then(|image| image.depends()).unwrap_or_default();
        for name in depends {
            if depth == DEEPEST || self.seen.contains(&name) {
                continue;
            }
            self.seen.push(name.clone());
            let is_there = self.loaded.as_ref().is_some_and(|loaded| loaded.get(&name).is_some())
                || is_builtin(self.system, &name);
            if is_there {
                continue;
            }
            let path = depmod::sibling(file.path(), &name).or_else(|| self.tree.file_of(&name));
            let Some(path) = path else { continue };
            if let Ok(file) = ModuleFile::open(path.as_path()) {
                self.visit(&file, depth + 1);
                self.order.push(Dependency { name, file: path });
            }
        }
    }
}
