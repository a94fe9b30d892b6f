//! The modules of a release, and depmod(8)'s indexes of them.

mod index;
mod lists;

pub(crate) use lists::{Alias, AliasList};

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::fs::Metadata;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use memchr::memchr;

use crate::compression::file_suffixes;
use crate::directory;
use crate::file::{Image, ModuleFile};
use crate::lines::lines;
use crate::loaded::has_builtin_dir;
use crate::name::ModuleName;
use crate::order;
use crate::system::{self, System};

/// The modules below `/lib/modules/RELEASE`.
///
/// The text files are read, which every version of depmod writes, and in their absence the binary
/// ones; without either, the answers are "none".
#[derive(Clone, Debug)]
pub(crate) struct ModuleTree {
    root: PathBuf,
    /// `modules.dep`: `PATH: PATH…`, relative to the root. Read when it is needed.
    dependencies: OnceLock<Vec<u8>>,
}

impl ModuleTree {
    pub(crate) fn of(system: &System, release: &str) -> Self {
        Self { root: system.release_dir(release), dependencies: OnceLock::new() }
    }

    fn dependencies(&self) -> &[u8] {
        self.dependencies.get_or_init(|| lists::dependencies(&self.root))
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
        let text = lists::symbols(&self.root);
        let exporter = |line: &[u8]| {
            let mut words = line.strip_prefix(b"alias symbol:")?.split(|&byte| byte == b' ');
            let symbol = str::from_utf8(words.next()?).ok()?;
            let module = ModuleName::new(words.next()?).ok()?;
            symbols.contains(symbol).then(|| (symbol.to_owned(), module))
        };
        lines(&text).filter_map(exporter).collect()
    }

    /// Whether depmod(8) listed any module here.
    pub(crate) fn is_indexed(&self) -> bool {
        !self.dependencies().is_empty()
    }

    /// The list of dependencies as a file, and when it was written.
    pub(crate) fn list_metadata(&self) -> Option<Metadata> {
        std::fs::metadata(self.root.join("modules.dep")).ok()
    }

    /// The names of all modules, by their files.
    pub(crate) fn names(&self) -> impl Iterator<Item = ModuleName> {
        self.relative_files()
            .filter_map(|file| ModuleName::from_file_name(Path::new(OsStr::from_bytes(file))).ok())
    }

    /// The modules that have to be loaded before this one.
    pub(crate) fn dependencies_of(&self, name: &ModuleName) -> Vec<(ModuleName, PathBuf)> {
        let line = lines(self.dependencies()).find_map(|line| {
            let end = memchr(b':', line)?;
            system::names_file_of(line.get(..end)?, name).then_some(line.get(end + 1..)?)
        });
        let named = |file: &[u8]| {
            let path = self.path(file);
            Some((ModuleName::from_file_name(&path).ok()?, path))
        };
        let words = line.unwrap_or_default().split(|&byte| byte == b' ');
        words.filter(|word| !word.is_empty()).filter_map(named).collect()
    }

    /// The modules that this one has to be loaded before.
    pub(crate) fn dependents_of(&self, name: &ModuleName) -> Vec<ModuleName> {
        let lines = lines(self.dependencies()).filter_map(|line| {
            let end = memchr(b':', line)?;
            let (file, rest) = (line.get(..end)?, line.get(end + 1..)?);
            let mut words = rest.split(|&byte| byte == b' ').filter(|word| !word.is_empty());
            words.any(|word| system::names_file_of(word, name)).then_some(file)
        });
        lines
            .filter_map(|file| ModuleName::from_file_name(Path::new(OsStr::from_bytes(file))).ok())
            .collect()
    }

    /// The names by which modules are asked for.
    pub(crate) fn aliases(&self) -> AliasList {
        AliasList::read(&self.root)
    }

    /// The names by which parts of the kernel are asked for, as far as name and part are wanted.
    pub(crate) fn builtin_aliases(&self, wanted: &dyn Fn(&[u8], &[u8]) -> bool) -> Vec<Alias> {
        lists::builtin_aliases(&self.root, wanted)
    }

    /// The modules that are part of the kernel.
    pub(crate) fn builtin_names(&self) -> Vec<ModuleName> {
        lists::builtin_names(&self.root)
    }

    /// Module files of this name that depmod(8) did not list: it has not run since they came, or it
    /// prefers another one. Directories are read one by one, but for `kernel`, the distribution's
    /// own, where that is listed.
    pub(crate) fn unlisted_files_of(&self, name: &ModuleName) -> Vec<PathBuf> {
        let own = self.root.join("kernel");
        let skip = |directory: &Path| self.is_indexed() && directory == own;
        let listed: HashSet<PathBuf> = self.files().collect();
        let mut found = files_below(&self.root, name, &skip);
        found.retain(|file| !listed.contains(file));
        order::sort(&mut found);
        found
    }

    fn relative_files(&self) -> impl Iterator<Item = &[u8]> {
        lines(self.dependencies()).filter_map(|line| {
            let end = memchr(b':', line)?;
            line.get(..end)
        })
    }

    fn path(&self, relative: &[u8]) -> PathBuf {
        self.root.join(OsStr::from_bytes(relative))
    }
}

/// As many directories of a release are looked at: one with all drivers has some seven hundred.
const DIRECTORIES_MAX: usize = 4096;

fn files_below(root: &Path, name: &ModuleName, skip: &dyn Fn(&Path) -> bool) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut waiting = vec![root.to_owned()];
    for _ in 0..DIRECTORIES_MAX {
        let Some(directory) = waiting.pop() else { break };
        for entry in directory::entries(&directory).into_iter().flatten().flatten() {
            let file = entry.name.as_bytes();
            let is_module = file.windows(3).any(|part| part == b".ko");
            if is_module && system::names_file_of(file, name) {
                found.push(entry.path);
            } else if entry.is_directory && !skip(&entry.path) {
                waiting.push(entry.path);
            }
        }
    }
    found
}

/// The releases that have a directory of modules, whether they run or not.
pub(crate) fn releases(system: &System) -> Vec<String> {
    let entries = directory::entries(&system.releases_dir()).into_iter().flatten().flatten();
    // A release that is a symbolic link counts, too.
    let mut releases: Vec<String> =
        entries.filter_map(|entry| entry.name.into_string().ok()).collect();
    order::sort(&mut releases);
    releases
}

impl System {
    /// Returns whether the kernel has this module built in.
    ///
    /// `modules.builtin` of its release lists them all; where that is missing, `/sys/module` shows
    /// those that have a parameter, a version or a driver.
    pub fn is_builtin(&self, name: &ModuleName) -> bool {
        let root = self.release_dir(&self.release());
        lists::is_listed_as_builtin(&root, name) || has_builtin_dir(self, name)
    }

    /// Returns the files of all modules below `/lib/modules/RELEASE`, by the names that they have
    /// by convention; none without depmod(8)'s `modules.dep`.
    ///
    /// That a module of a name is loaded does not mean that it was loaded from the file of that
    /// name.
    pub fn installed_modules(&self) -> HashMap<ModuleName, PathBuf> {
        let tree = ModuleTree::of(self, &self.release());
        let named = |file: PathBuf| Some((ModuleName::from_file_name(&file).ok()?, file));
        tree.files().filter_map(named).collect()
    }
}

/// Finds and reads the file of a module that lies beside another one, such as after a build. Only
/// the data in a file shows the module's name.
pub(crate) fn sibling(file: &Path, name: &ModuleName) -> Option<(ModuleFile, Image)> {
    siblings(file, name).find_map(|file| {
        let image = file.image().ok()?;
        image.name().is_ok_and(|found| found == *name).then_some((file, image))
    })
}

/// The file of a module that lies beside another one, which may be that very file: then it is
/// not read again.
pub(crate) fn sibling_or_same(file: &ModuleFile, name: &ModuleName) -> Option<(PathBuf, Image)> {
    let place = |file: &ModuleFile| file.metadata().map(|it| (it.dev(), it.ino())).ok();
    let own = place(file);
    siblings(file.path(), name).find_map(|found| {
        let is_same = own.is_some() && place(&found) == own;
        let image = if is_same { file.image() } else { found.image() }.ok()?;
        image.name().is_ok_and(|it| it == *name).then(|| (found.path().to_owned(), image))
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
    // A file name may have a dash where the module has an underscore; few have both.
    let stems = [text.replace('_', "-"), text];
    let names = stems
        .into_iter()
        .rev()
        .flat_map(|stem| file_suffixes().map(move |suffix| format!("{stem}{suffix}")));
    names.filter_map(move |name| ModuleFile::open(directory.join(name)).ok())
}
