//! Which modules export the symbols that a module needs.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::evidence::{Evidence, Finding};
use super::facts::{Facts, Module, Providers};
use super::symbol::{Builds, MissingSymbol};
use super::{Purpose, symvers};
use crate::depmod::{self, ModuleTree};
use crate::diagnosis::exports;
use crate::directory;
use crate::error::Error;
use crate::file::{Export, Image, Import, ModuleFile, is_gpl_compatible};
use crate::loaded::{Attributes, LoadedModule, State};
use crate::name::ModuleName;
use crate::order;
use crate::system::System;

/// How long files are read, one after another: any of them may be a large one.
const PATIENCE: Duration = Duration::from_secs(2);

/// Looks up attributes of symbols in the files of the loaded modules that export them; and, for an
/// explanation only, the modules that could provide missing symbols.
pub(super) fn find(
    system: &System,
    facts: &mut Facts,
    tree: &ModuleTree,
    module: &Module,
    purpose: Purpose,
) {
    let search = Lookup { system, path: &facts.path, tree, late: Instant::now() + PATIENCE };
    let mut owners: HashMap<&ModuleName, HashSet<&str>> = HashMap::new();
    for import in &module.imports {
        let owner = match &facts.exports {
            Some(exports) => exports.found.get(&import.name).and_then(|one| one.owner.as_ref()),
            None => facts.owners.get(&import.name).and_then(Option::as_ref),
        };
        if let Some(owner) = owner {
            owners.entry(owner).or_default().insert(&import.name);
        }
    }
    let wanted = symvers::by_name(&module.versions);
    let found = search.loaded_files(owners, &wanted);
    let missing: Vec<String> = match &facts.exports {
        // Only the kernel's log names missing symbols.
        None => facts.log.iter().flatten().filter_map(unknown_symbol).collect(),
        Some(exports) => {
            let open = |import: &&Import| !import.weak && !exports.found.contains_key(&import.name);
            module.imports.iter().filter(open).map(|import| import.name.clone()).collect()
        }
    };
    facts.details = found.details;
    facts.other_builds = found.other_builds;
    facts.fitting = found.fitting;
    if purpose != Purpose::Explain {
        return;
    }
    let mut missing: HashSet<&str> = missing.iter().map(String::as_str).collect();
    facts.providers = search.providers(missing.clone(), &module.depends);
    facts.stale = search.stale(&facts.providers);
    if !is_gpl_compatible(module.license.as_deref()) {
        facts.reserved = search.reserved(&facts.providers);
        if facts.exports.is_none() {
            let exports = symvers::read(system, &facts.release, missing.iter().copied());
            let reserved = exports.into_iter().filter(|export| export.gpl_only);
            facts.reserved.extend(reserved.map(|export| export.name));
        }
    }
    missing.retain(|name| !facts.providers.contains_key(*name));
    if missing.is_empty() {
        return;
    }
    facts.absent = search.absent(&module.depends);
    let internal = match &facts.exports {
        Some(exports) => exports.internal.clone(),
        None if is_gpl_compatible(module.license.as_deref()) => exports::internal(system, &missing),
        // A symbol that is unknown to a proprietary module may still be exported.
        None => HashSet::new(),
    };
    let missing = internal.into_iter().filter(|name| missing.contains(name.as_str()));
    facts.internal = missing.collect();
    order::sort(&mut facts.internal);
}

fn unknown_symbol(evidence: &Evidence) -> Option<String> {
    match evidence.finding() {
        Some(Finding::UnknownSymbol(name, nix::libc::ENOENT)) => Some(name.clone()),
        _ => None,
    }
}

/// What the files of loaded modules tell.
#[derive(Default)]
struct Found {
    /// Of those that are of the build that is loaded.
    details: HashMap<String, Export>,
    /// Modules none of whose files is.
    other_builds: HashMap<ModuleName, Option<Builds>>,
    /// Files of modules that export the wanted symbols in the wanted versions.
    fitting: HashMap<ModuleName, PathBuf>,
}

struct Lookup<'a> {
    system: &'a System,
    /// The file whose symbols they are.
    path: &'a Path,
    tree: &'a ModuleTree,
    /// When it is time to stop.
    late: Instant,
}

impl Lookup<'_> {
    fn is_late(&self) -> bool {
        Instant::now() > self.late
    }

    /// Attributes of the symbols that are used of each loaded module, from the modules' files. Only
    /// a file with the loaded build ID counts.
    fn loaded_files(
        &self,
        owners: HashMap<&ModuleName, HashSet<&str>>,
        wanted: &HashMap<&str, u32>,
    ) -> Found {
        let mut found = Found::default();
        for (owner, used) in owners {
            if self.is_late() {
                break;
            }
            let loaded = Attributes::new(self.system, owner).build_id().ok().flatten();
            let mut other = None;
            for (file, image) in self.files_of(owner) {
                let exports = image.exports().unwrap_or_default();
                let used: Vec<Export> =
                    exports.into_iter().filter(|one| used.contains(one.name.as_str())).collect();
                let fits = |export: &Export| {
                    let wanted = wanted.get(export.name.as_str());
                    wanted.is_none() || wanted.copied() == export.crc
                };
                if !used.is_empty() && used.iter().all(fits) {
                    found.fitting.entry(owner.clone()).or_insert(file);
                }
                match (&loaded, image.build_id()) {
                    (Some(loaded), Some(id)) if loaded != id => {
                        let hex = crate::file::hexadecimal;
                        other.get_or_insert(Builds { loaded: hex(loaded), file: hex(id) });
                    }
                    _ => {
                        other = None;
                        found
                            .details
                            .extend(used.into_iter().map(|export| (export.name.clone(), export)));
                        break;
                    }
                }
            }
            if let Some(builds) = other {
                found.other_builds.insert(owner.clone(), Some(builds));
            }
        }
        found
    }

    /// The files of a module: beside this one, and in the tree of the release.
    fn files_of(&self, name: &ModuleName) -> impl Iterator<Item = (PathBuf, Image)> {
        let beside = depmod::sibling(self.path, name);
        let beside = beside.map(|(file, image)| (file.path().to_owned(), image));
        let installed = self.tree.file_of(name).into_iter();
        // The tree is walked only if none of these is of the build that is loaded.
        let unlisted = std::iter::once_with(|| self.tree.unlisted_files_of(name)).flatten();
        let rest = installed.chain(unlisted);
        let rest = rest.filter_map(|file| image_of(&file).ok().map(|image| (file, image)));
        beside.into_iter().chain(rest)
    }

    /// The providers that are loaded nevertheless: from another build, then, which lacks the symbol.
    /// Where the build IDs are the same, the provider was loaded in the meantime.
    fn stale(&self, providers: &Providers) -> HashSet<ModuleName> {
        let files = providers.values().filter_map(|one| Some((one.provider.as_ref()?, &one.file)));
        let files: HashMap<&ModuleName, &Option<PathBuf>> = files.collect();
        let is_stale = |name: &ModuleName, file: &Option<PathBuf>| {
            let module = LoadedModule::from_sysfs(self.system, name);
            if module.is_none_or(|module| module.state != State::Live) {
                return false;
            }
            let loaded = Attributes::new(self.system, name).build_id().ok().flatten();
            let image =
                file.as_ref().filter(|_| !self.is_late()).and_then(|file| image_of(file).ok());
            let own = image.as_ref().and_then(Image::build_id);
            loaded.is_none() || own.is_none() || loaded.as_deref() != own
        };
        let stale = files.into_iter().filter(|(name, file)| is_stale(name, file));
        stale.map(|(name, _)| name.clone()).collect()
    }

    /// The symbols that their providers export for modules under the GPL only.
    fn reserved(&self, providers: &Providers) -> HashSet<String> {
        let mut files: HashMap<&Path, HashSet<&str>> = HashMap::new();
        for (symbol, provider) in providers {
            if let Some(file) = &provider.file {
                files.entry(file).or_default().insert(symbol);
            }
        }
        let files = files.into_iter().filter(|_| !self.is_late());
        let reserved = files.flat_map(|(file, symbols)| {
            let exports = exports_of(image_of(file)).into_iter();
            exports.filter(move |one| one.gpl_only && symbols.contains(one.name.as_str()))
        });
        reserved.map(|export| export.name).collect()
    }

    /// The modules of these that are nowhere.
    fn absent(&self, depends: &[ModuleName]) -> Vec<ModuleName> {
        let is_there = |name: &ModuleName| {
            self.system.module_dir(name).exists()
                || self.system.is_builtin(name)
                || self.tree.file_of(name).is_some()
                || depmod::sibling(self.path, name).is_some()
        };
        depends.iter().filter(|name| !is_there(name)).cloned().collect()
    }

    /// The modules that export the missing symbols, as far as they are found.
    fn providers(&self, missing: HashSet<&str>, depends: &[ModuleName]) -> Providers {
        let mut found = Providers::new();
        if missing.is_empty() {
            return found;
        }
        let mut open = missing;
        // Files beside this one come first: modules that are built together belong together.
        for name in depends {
            if open.is_empty() || self.is_late() {
                break;
            }
            if let Some((file, image)) = depmod::sibling(self.path, name) {
                note(&mut open, &mut found, name, file.path(), image);
            }
        }
        let mut files = HashMap::new();
        for (symbol, name) in self.tree.exporters(&open) {
            let file = files.entry(name.clone()).or_insert_with(|| self.tree.file_of(&name));
            open.remove(symbol.as_str());
            let (provider, file) = (Some(name), file.clone());
            found.insert(symbol.clone(), MissingSymbol { name: symbol, provider, file });
        }
        if open.is_empty() {
            return found;
        }
        for file in neighbors(self.path) {
            if self.is_late() {
                break;
            }
            let Ok(image) = image_of(&file) else { continue };
            if let Ok(name) = image.name() {
                note(&mut open, &mut found, &name, &file, image);
            }
        }
        found
    }
}

fn note(
    open: &mut HashSet<&str>,
    found: &mut Providers,
    name: &ModuleName,
    file: &Path,
    image: Image,
) {
    for export in exports_of(Ok(image)) {
        if open.remove(export.name.as_str()) {
            let (provider, file) = (Some(name.clone()), Some(file.to_owned()));
            let symbol = MissingSymbol { name: export.name.clone(), provider, file };
            found.insert(export.name, symbol);
        }
    }
}

fn image_of(file: &Path) -> Result<Image, Error> {
    ModuleFile::open(file).and_then(|file| file.image())
}

fn exports_of(image: Result<Image, Error>) -> Vec<Export> {
    image.and_then(|image| image.exports()).unwrap_or_default()
}

/// The largest number of files of a directory to inspect; a build has fewer.
const NEIGHBOURS: usize = 64;

fn neighbors(path: &Path) -> Vec<PathBuf> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let at = parent.unwrap_or(Path::new("."));
    let is_module = |file: &PathBuf| ModuleFile::is_named(file) && file != path;
    let Ok(entries) = directory::entries(at) else { return Vec::new() };
    let mut files: Vec<PathBuf> = entries
        .take(NEIGHBOURS * 16)
        .filter_map(|entry| Some(entry.ok()?.path))
        .filter(|file| file.as_os_str().as_encoded_bytes().windows(3).any(|part| part == b".ko"))
        .filter(is_module)
        .take(NEIGHBOURS)
        .collect();
    order::sort(&mut files);
    files
}
