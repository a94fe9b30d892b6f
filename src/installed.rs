//! The module files of the running release, and which loaded modules came from them.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::depmod::ModuleTree;
use crate::error::Error;
use crate::file::ModuleFile;
use crate::loaded::Attributes;
use crate::name::ModuleName;
use crate::system::System;

/// The files below `/lib/modules/RELEASE`.
#[derive(Debug)]
pub struct Installed<'a> {
    system: &'a System,
    tree: OnceCell<ModuleTree>,
    files: OnceCell<HashMap<ModuleName, PathBuf>>,
}

/// Where a loaded module came from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Origin {
    /// The file it was loaded from, or one that is the same.
    pub file: Option<PathBuf>,
    /// Whether the file that would be loaded now is another build. `None` if the file does not
    /// exist, or if the kernel or the file has no identifier of its build.
    pub stale: Option<bool>,
}

impl<'a> Installed<'a> {
    /// Returns the modules of the running release, without reading anything yet.
    pub fn new(system: &'a System) -> Self {
        Self { system, tree: OnceCell::new(), files: OnceCell::new() }
    }

    /// Returns the file that modprobe(8) would load for this name.
    pub fn file_of(&self, name: &ModuleName) -> Option<&Path> {
        let files = self.files.get_or_init(|| self.system.installed_modules());
        files.get(name).map(PathBuf::as_path)
    }

    /// Compares a loaded module with `file`, or else with the one that modprobe(8) would load: by
    /// build ID; on kernels without, by the checksum of the source, which can only tell that it is
    /// another one.
    pub fn origin(&self, name: &ModuleName, file: Option<&Path>) -> Origin {
        let Some(file) = file.or_else(|| self.file_of(name)) else { return Origin::default() };
        let attributes = Attributes::new(self.system, name);
        match attributes.build_id().ok().flatten() {
            Some(id) => match is_build(file, &id) {
                Ok(true) => Origin { file: Some(file.to_owned()), stale: Some(false) },
                Ok(false) => Origin { file: self.other_file(name, &id), stale: Some(true) },
                Err(_) => Origin::default(),
            },
            None => match has_same_source(file, &attributes) {
                Some(true) => Origin { file: Some(file.to_owned()), stale: None },
                Some(false) => Origin { file: None, stale: Some(true) },
                None => Origin::default(),
            },
        }
    }

    /// A file that depmod(8) does not list, or lists another one before.
    fn other_file(&self, name: &ModuleName, id: &[u8]) -> Option<PathBuf> {
        let read = || ModuleTree::of(self.system, &self.system.release());
        let files = self.tree.get_or_init(read).unlisted_files_of(name).into_iter();
        let listed = self.file_of(name).map(Path::to_owned);
        files.chain(listed).find(|file| is_build(file, id) == Ok(true))
    }
}

fn is_build(file: &Path, id: &[u8]) -> Result<bool, Error> {
    ModuleFile::open(file)?.is_build(id)
}

fn has_same_source(file: &Path, attributes: &Attributes) -> Option<bool> {
    let loaded = attributes.srcversion().ok()??;
    let image = ModuleFile::open(file).and_then(|file| file.image()).ok()?;
    Some(image.modinfo().ok()?.value("srcversion")? == loaded)
}
