//! Files that could not be opened: what people may have meant.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::Diagnosis;
use super::cause::Cause;
use crate::depmod::ModuleTree;
use crate::errno::Errno;
use crate::file::ModuleFile;
use crate::name::ModuleName;
use crate::remedy::{Change, Remedy};
use crate::system::System;

impl System {
    /// Explains why a module file could not be opened: a name in place of a file, a file with
    /// another suffix beside it, a link that leads nowhere.
    pub fn explain_unopened(&self, path: &Path, errno: Errno) -> Diagnosis {
        explain(self, path, errno)
    }
}

fn explain(system: &System, path: &Path, errno: Errno) -> Diagnosis {
    if !matches!(errno, Errno::ENOENT | Errno::ENOTDIR) {
        let mut diagnosis = Diagnosis::new(Cause::FileNotReadable { path: path.into(), errno });
        if errno == Errno::EACCES {
            diagnosis.remedies.push(Remedy::Repeat(Change::AsRoot));
        }
        return diagnosis;
    }
    let mut note = dangling(path).or_else(|| quoted(path));
    let mut remedies = Vec::new();
    if let Some(file) = beside(path) {
        remedies.push(Remedy::Instead(file));
    }
    let is_bare = !path.as_os_str().as_bytes().contains(&b'/');
    if is_bare && let Ok(name) = ModuleName::from_file_name(path) {
        let tree = ModuleTree::of(system, &system.release());
        let is_installed = tree.file_of(&name).is_some();
        let named = path.file_name() == Some(path.as_os_str()) && !ModuleFile::is_named(path);
        if named && (is_installed || !remedies.is_empty()) {
            note = Some("insmod takes a file; modprobe takes a name".to_owned());
        }
        if is_installed {
            remedies.push(Remedy::InstalledInstead(name));
        } else if system.is_builtin(&name) {
            note = Some(format!("{name} is built into the kernel and needs no loading"));
        }
    }
    let mut diagnosis = Diagnosis::new(Cause::FileNotFound { path: path.into(), note });
    diagnosis.remedies = remedies;
    diagnosis
}

fn dangling(path: &Path) -> Option<String> {
    let target = fs::read_link(path).ok()?;
    Some(format!("it is a symbolic link to {}, which does not exist", target.display()))
}

/// Quotation marks of books and word processors, which shells take for letters.
pub(super) fn is_typographic(letter: char) -> bool {
    matches!(letter, '\u{2018}'..='\u{201f}' | '\u{ab}' | '\u{bb}')
}

fn quoted(path: &Path) -> Option<String> {
    path.to_str()?.contains(is_typographic).then(|| {
        "the name has typographic quotation marks in it, which a shell does not remove".to_owned()
    })
}

/// A file beside the one that is not there that has another suffix, or dashes for underscores.
pub(super) fn beside(path: &Path) -> Option<PathBuf> {
    // No module's name has a dot: x.mod.o and x.ko.debug belong to x.ko.
    let file = path.file_name()?.to_str()?.split('.').next()?.replace('-', "_");
    let stems = [file.replace('_', "-"), file];
    let suffixes = ["", ".xz", ".zst", ".gz"];
    let names = stems
        .iter()
        .rev()
        .flat_map(|stem| suffixes.iter().map(move |suffix| format!("{stem}.ko{suffix}")));
    let mut files = names.map(|name| path.with_file_name(name));
    let found = files.find(|file| file.as_path() != path && file.is_file())?;
    // As it has to be typed where a name alone is a name.
    Some(if found.parent() == Some(Path::new("")) { Path::new(".").join(found) } else { found })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::captured::Captured;

    #[test]
    fn what_was_meant() {
        let root = Captured::with(&[
            ("proc/sys/kernel/osrelease", "6.1\n"),
            ("lib/modules/6.1/modules.dep", "kernel/net/dummy.ko:\n"),
            ("work/my-driver.ko.xz", ""),
        ]);
        root.link("/none/x.ko", "work/link.ko");
        let (dir, system) = (root.join("work"), root.system());
        let explained = |path: &Path| explain(&system, path, Errno::ENOENT);
        let found = explained(&dir.join("my_driver.ko"));
        assert_eq!(found.remedies, [Remedy::Instead(dir.join("my-driver.ko.xz"))]);
        let found = explained(Path::new("dummy"));
        let name = ModuleName::new("dummy").unwrap();
        assert_eq!(found.remedies, [Remedy::InstalledInstead(name)]);
        assert!(found.cause.to_string().contains("modprobe takes a name"), "{}", found.cause);
        let found = explained(&dir.join("link.ko"));
        assert!(found.cause.to_string().contains("link to /none/x.ko"), "{}", found.cause);
        let found = explained(Path::new("\u{201c}x.ko\u{201d}"));
        assert!(found.cause.to_string().contains("typographic"), "{}", found.cause);
    }
}
