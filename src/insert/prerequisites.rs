//! The modules that must be loaded before another one.

use std::collections::HashSet;
use std::path::Path;

use crate::depmod::{self, ModuleTree};
use crate::error::Error;
use crate::file::{Image, ModuleFile};
use crate::loaded::Snapshot;
use crate::name::ModuleName;
use crate::system::System;

/// A module that another one depends on.
#[derive(Debug)]
#[non_exhaustive]
pub struct Dependency {
    /// Its name.
    pub name: ModuleName,
    /// Its file, open since it was looked at.
    pub file: ModuleFile,
}

/// The modules that another one depends on, without those that are loaded or built in already.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Dependencies {
    /// Those to load before it, in order.
    pub to_load: Vec<Dependency>,
    /// Those that no file was found of. Whether they are needed, the kernel will say.
    pub not_found: Vec<ModuleName>,
}

impl System {
    /// Returns the modules to load before the one in `file`, by `depends=` of modinfo.
    ///
    /// The file of a module is searched for in the directory of the file that needs it, then in
    /// that of the kernel's release.
    pub fn dependencies(&self, file: &ModuleFile) -> Dependencies {
        dependencies(self, file)
    }
}

fn dependencies(system: &System, file: &ModuleFile) -> Dependencies {
    let mut search = Walk {
        system,
        loaded: Snapshot::take(system).ok(),
        tree: ModuleTree::of(system, &system.release()),
        seen: HashSet::new(),
        found: Dependencies::default(),
    };
    search.visit(file.path(), depends(file.image()), 0);
    search.found
}

struct Walk<'a> {
    system: &'a System,
    loaded: Option<Snapshot>,
    tree: ModuleTree,
    seen: HashSet<ModuleName>,
    found: Dependencies,
}

/// A longer chain than any that was ever built: files that name each other end here.
const DEEPEST: usize = 64;

/// More than any module needs, and few enough to have their files open: a file that names thousands
/// ends here.
const MOST: usize = 256;

impl Walk<'_> {
    fn visit(&mut self, file: &Path, needed: Vec<ModuleName>, depth: usize) {
        for name in needed {
            if depth == DEEPEST || self.seen.len() == MOST || !self.seen.insert(name.clone()) {
                continue;
            }
            let is_there = self.loaded.as_ref().is_some_and(|loaded| loaded.get(&name).is_some())
                || self.system.is_builtin(&name);
            if is_there {
                continue;
            }
            let beside =
                depmod::sibling(file, &name).map(|(file, image)| (file, depends(Ok(image))));
            // The load will report what a damaged one lacks.
            let damaged = || Some((depmod::damaged_sibling(file, &name)?, Vec::new()));
            let found = beside.or_else(|| self.of_the_release(&name)).or_else(damaged);
            if let Some((file, further)) = found {
                self.visit(file.path(), further, depth + 1);
                self.found.to_load.push(Dependency { name, file });
            } else {
                self.found.not_found.push(name);
            }
        }
    }

    /// Its file, and the modules that it depends on.
    fn of_the_release(&self, name: &ModuleName) -> Option<(ModuleFile, Vec<ModuleName>)> {
        let file = ModuleFile::open(self.tree.file_of(name)?).ok()?;
        let further = depends(file.image());
        Some((file, further))
    }
}

/// Nothing for an unreadable file: the load will report why.
fn depends(image: Result<Image, Error>) -> Vec<ModuleName> {
    image.and_then(|image| image.depends()).unwrap_or_default()
}
