//! The modules of a release, and what depmod(8) wrote about them.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use crate::module_file::{Image, ModuleFile};
use crate::name::ModuleName;
use crate::system::{self, System};

/// The modules below `/lib/modules/RELEASE`.
///
/// The text files are read, which every version of depmod writes; without them the answers are
/// "none".
#[derive(Clone, Debug)]
pub(crate) struct ModuleTree {
    root: PathBuf,
    /// `modules.dep`: `PATH: PATH…`, relative to the root.
    dependencies: Vec<u8>,
}

impl ModuleTree {
    pub(crate) fn read(system: &System, release: &str) -> Self {
        let root = system.release_dir(release);
        let dependencies = system::read(&root.join("modules.dep")).unwrap_or_default();
        Self { root, dependencies }
    }

    /// The files of all modules.
    pub(crate) fn files(&self) -> impl Iterator<Item = PathBuf> {
        self.relative_files().map(|file| self.path(file))
    }

    /// The file of a module.
    pub(crate) fn file_of(&self, name: &ModuleName) -> Option<PathBuf> {
        let file = self.relative_files().find(|file| system::names_file_of(file, name))?;
        Some(self.path(file))
    }

    /// The modules that export these symbols, as far as one does.
    pub(crate) fn exporters(&self, symbols: &HashSet<&str>) -> Vec<(String, ModuleName)> {
        let text = system::read(&self.root.join("modules.symbols")).unwrap_or_default();
        let exporter = |line: &[u8]| {
            let mut words = line.strip_prefix(b"alias symbol:")?.split(|&byte| byte == b' ');
            let symbol = str::from_utf8(words.next()?).ok()?;
            let module = ModuleName::new(words.next()?).ok()?;
            symbols.contains(symbol).then(|| (symbol.to_owned(), module))
        };
        text.split(|&byte| byte == b'\n').filter_map(exporter).collect()
    }

    fn relative_files(&self) -> impl Iterator<Item = &[u8]> {
        self.dependencies.split(|&byte| byte == b'\n').filter_map(|line| {
            let end = line.iter().position(|&byte| byte == b':')?;
            line.get(..end)
        })
    }

    fn path(&self, relative: &[u8]) -> PathBuf {
        use std::os::unix::ffi::OsStrExt;
        self.root.join(std::ffi::OsStr::from_bytes(relative))
    }
}

/// The files of all modules below `/lib/modules/RELEASE` of the running kernel, by the names that
/// they have by convention; none without depmod(8)'s `modules.dep`.
///
/// That a module of a name is loaded does not mean that it was loaded from the file of that name.
pub fn installed_modules(system: &System) -> HashMap<ModuleName, PathBuf> {
    let tree = ModuleTree::read(system, &system.release());
    let named = |file: PathBuf| Some((ModuleName::from_file_name(&file).ok()?, file));
    tree.files().filter_map(named).collect()
}

/// The file of a module that lies beside another one, such as after a build, and what is in it: its
/// name is known by nothing else.
pub(crate) fn sibling(file: &Path, name: &ModuleName) -> Option<(ModuleFile, Image)> {
    siblings(file, name).find_map(|file| {
        let image = file.image().ok()?;
        image.name().is_ok_and(|found| found == *name).then_some((file, image))
    })
}

/// A file beside another one that only its own name makes a certain module: it is damaged.
pub(crate) fn damaged_sibling(file: &Path, name: &ModuleName) -> Option<ModuleFile> {
    siblings(file, name).find(|file| file.name().is_err())
}

/// The files beside another one that have a module's name.
fn siblings(file: &Path, name: &ModuleName) -> impl Iterator<Item = ModuleFile> {
    let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty());
    let directory = parent.unwrap_or(Path::new(".")).to_owned();
    let text = String::from_utf8_lossy(name.as_bytes()).into_owned();
    let suffixes = ["", ".xz", ".zst", ".gz"];
    // A file name may have a dash where the module has an underscore; few have both.
    let stems = [text.replace('_', "-"), text];
    let names = stems
        .into_iter()
        .rev()
        .flat_map(move |stem| suffixes.map(|suffix| format!("{stem}.ko{suffix}")));
    names.filter_map(move |name| ModuleFile::open(directory.join(name)).ok())
}
