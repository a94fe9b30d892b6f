//! What depmod(8) lists that a module depends on, where the list is about the very files.

use std::collections::HashSet;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::{Dependencies, Dependency};
use crate::depmod::ModuleTree;
use crate::directory;
use crate::file::ModuleFile;
use crate::loaded::Snapshot;
use crate::name::ModuleName;
use crate::system::System;

impl System {
    /// Returns the modules to load before the one in `file`, in order, as `modules.dep` of the
    /// running release lists them: no module is read. The kernel has the last word: where it lacks a
    /// symbol, [`dependencies`](Self::dependencies) may find more.
    ///
    /// Returns `None` unless the list names `file`, and is newer than all of these files; and where
    /// another file of such a module lies beside one of them.
    pub fn listed_dependencies(&self, file: &ModuleFile) -> Option<Dependencies> {
        let tree = ModuleTree::of(self, &self.release());
        let name = ModuleName::from_file_name(file.path()).ok()?;
        let list = tree.list_metadata()?;
        let own = file.metadata().ok().filter(|own| is_older(own, &list))?;
        let listed = tree.file_of(&name)?;
        let is_it = place(&std::fs::metadata(&listed).ok()?) == place(&own);
        let all = tree.dependencies_of(&name);
        if !is_it || has_double(&listed, &all) {
            return None;
        }
        let loaded = Snapshot::take(self).ok()?;
        // The list has those that others need behind these.
        let missing = all.into_iter().rev().filter(|(name, _)| loaded.get(name).is_none());
        let dependency = |(name, path): (ModuleName, PathBuf)| {
            let file = ModuleFile::open(path).ok()?;
            let is_as_listed = is_older(&file.metadata().ok()?, &list);
            is_as_listed.then_some(Dependency { name, file })
        };
        let to_load = missing.map(dependency).collect::<Option<Vec<_>>>()?;
        Some(Dependencies { to_load, not_found: Vec::new() })
    }
}

/// Whether a file is as it was when a list was written: neither its data nor its place has changed
/// since.
fn is_older(file: &Metadata, list: &Metadata) -> bool {
    let data = |it: &Metadata| (it.mtime(), it.mtime_nsec());
    let place = |it: &Metadata| (it.ctime(), it.ctime_nsec());
    data(file) <= data(list) && place(file) <= place(list)
}

fn place(file: &Metadata) -> (u64, u64) {
    (file.dev(), file.ino())
}

/// Whether the directory of one of these files has another file of one of the modules: the one that
/// is beside goes first.
fn has_double(file: &Path, dependencies: &[(ModuleName, PathBuf)]) -> bool {
    let paths = dependencies.iter().map(|(_, path)| path.as_path());
    let directories: HashSet<&Path> = paths.chain([file]).filter_map(Path::parent).collect();
    directories.into_iter().any(|directory| {
        let Ok(entries) = directory::entries(directory) else { return true };
        entries.flatten().any(|entry| {
            let found = Path::new(&entry.name);
            let name = ModuleFile::is_named(found).then(|| ModuleName::from_file_name(found).ok());
            name.flatten().is_some_and(|name| {
                dependencies.iter().any(|(it, path)| *it == name && *path != entry.path)
            })
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::captured::Captured;

    const KERNEL: &str = "lib/modules/6.12.0/kernel";

    fn root(list: &str) -> Captured {
        let root = Captured::with(&[
            ("proc/sys/kernel/osrelease", "6.12.0\n"),
            ("proc/modules", "b 4096 0 - Live 0x0000000000000000\n"),
        ]);
        for file in ["net/a.ko.xz", "lib/b.ko.xz", "lib/c-d.ko.xz", "lib/e.ko.xz"] {
            root.write(format!("{KERNEL}/{file}"), "");
        }
        root.write("lib/modules/6.12.0/modules.dep", list);
        root
    }

    fn listed(root: &Captured, file: &str) -> Option<String> {
        let system = root.system();
        let file = ModuleFile::open(system.file(file)).unwrap();
        let listed = system.listed_dependencies(&file)?.to_load;
        let names = listed.into_iter().map(|one| one.name.to_string());
        Some(names.collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn only_of_the_very_files() {
        let file = format!("{KERNEL}/net/a.ko.xz");
        let list = "kernel/net/a.ko.xz: kernel/lib/e.ko.xz kernel/lib/b.ko.xz \
                    kernel/lib/c-d.ko.xz\nkernel/lib/b.ko.xz:\n";
        let fresh = root(list);
        assert_eq!(listed(&fresh, &file).unwrap(), "c_d e");
        assert_eq!(listed(&fresh, &format!("{KERNEL}/lib/b.ko.xz")).unwrap(), "");
        // Not in the list; another file of this name; a list that names a missing file.
        assert_eq!(listed(&fresh, &format!("{KERNEL}/lib/e.ko.xz")), None);
        fresh.write("tmp/a.ko.xz", "");
        assert_eq!(listed(&fresh, "tmp/a.ko.xz"), None);
        let gone = "kernel/net/a.ko.xz: kernel/lib/gone.ko.xz\n";
        assert_eq!(listed(&root(gone), &file), None);
        // Beside one of them is another build.
        fresh.write(format!("{KERNEL}/lib/c_d.ko"), "");
        assert_eq!(listed(&fresh, &file), None);
        // A dependency was written after the list.
        let changed = root(list);
        std::thread::sleep(std::time::Duration::from_millis(20));
        changed.write(format!("{KERNEL}/lib/e.ko.xz"), "x");
        assert_eq!(listed(&changed, &file), None);
    }
}
