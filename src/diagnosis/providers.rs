//! Which modules export the symbols that a module needs.

use std::path::{Path, PathBuf};

use super::cause::MissingSymbol;
use super::evidence::{Evidence, Finding};
use super::facts::{Facts, Module};
use crate::depmod::{self, ModuleTree};
use crate::directory;
use crate::error::Error;
use crate::module_file::{Export, Image, ModuleFile};
use crate::name::ModuleName;

/// Looks up, for the symbols that a loaded module exports, what its file says about them; and for
/// those that nobody exports, who would.
pub(super) fn find(facts: &mut Facts, tree: &ModuleTree, module: &Module) {
    let Some(exports) = &facts.exports else {
        // Without CONFIG_KALLSYMS_ALL, only the kernel's own complaints tell what is missing.
        let unknown: Vec<&str> = facts.log.iter().flatten().filter_map(unknown_symbol).collect();
        if !unknown.is_empty() {
            facts.providers = providers(&facts.path, tree, &unknown, &module.depends);
        }
        return;
    };
    let mut owners: Vec<ModuleName> = Vec::new();
    let mut missing: Vec<&str> = Vec::new();
    for import in &module.imports {
        match exports.found.get(&import.name) {
            Some(exported) => owners.extend(exported.owner.clone()),
            None if !import.weak => missing.push(&import.name),
            None => {}
        }
    }
    owners.sort_unstable();
    owners.dedup();
    for owner in &owners {
        let beside = depmod::sibling(&facts.path, owner).map(|(_, image)| Ok(image));
        let image = beside.or_else(|| tree.file_of(owner).map(|file| image_of(&file)));
        let Some(image) = image else { continue };
        for export in exports_of(image) {
            let ours = module.imports.iter().any(|import| import.name == export.name);
            if ours
                && exports
                    .found
                    .get(&export.name)
                    .is_some_and(|it| it.owner.as_ref() == Some(owner))
            {
                facts.details.insert(export.name.clone(), export);
            }
        }
    }
    if !missing.is_empty() {
        let found = providers(&facts.path, tree, &missing, &module.depends);
        facts.providers = found;
    }
}

fn unknown_symbol(evidence: &Evidence) -> Option<&str> {
    match &evidence.finding {
        Some(Finding::UnknownSymbol(name, _)) => Some(name),
        _ => None,
    }
}

fn providers(
    path: &Path,
    tree: &ModuleTree,
    missing: &[&str],
    depends: &[ModuleName],
) -> Vec<MissingSymbol> {
    let mut found: Vec<MissingSymbol> = missing
        .iter()
        .map(|name| MissingSymbol { name: (*name).to_owned(), provider: None, file: None })
        .collect();
    // Files beside this one come first: what is built together belongs together.
    for name in depends {
        if let Some((file, image)) = depmod::sibling(path, name) {
            note(&mut found, name, &file, image);
        }
    }
    let exporters = tree.exporters(missing);
    for (symbol, exporter) in found.iter_mut().zip(exporters) {
        if symbol.provider.is_none()
            && let Some(name) = exporter
        {
            symbol.file = tree.file_of(&name);
            symbol.provider = Some(name);
        }
    }
    if found.iter().any(|symbol| symbol.provider.is_none()) {
        for file in neighbours(path) {
            let Ok(image) = image_of(&file) else { continue };
            if let Ok(name) = image.name() {
                note(&mut found, &name, &file, image);
            }
        }
    }
    found
}

fn note(found: &mut [MissingSymbol], name: &ModuleName, file: &Path, image: Image) {
    for export in exports_of(Ok(image)) {
        let open = found.iter_mut().filter(|symbol| symbol.provider.is_none());
        for symbol in open.filter(|symbol| symbol.name == export.name) {
            symbol.provider = Some(name.clone());
            symbol.file = Some(file.to_owned());
        }
    }
}

fn image_of(file: &Path) -> Result<Image, Error> {
    ModuleFile::open(file).and_then(|file| file.image())
}

fn exports_of(image: Result<Image, Error>) -> Vec<Export> {
    image.and_then(|image| image.exports()).unwrap_or_default()
}

/// As many files of a directory are looked at; a build has fewer, a collection is no build.
const NEIGHBOURS: usize = 64;

fn neighbours(path: &Path) -> Vec<PathBuf> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let at = parent.unwrap_or(Path::new("."));
    let is_module = |file: &PathBuf| crate::name::is_path(file.as_os_str()) && file != path;
    let Ok(entries) = directory::entries(at) else { return Vec::new() };
    let mut files: Vec<PathBuf> = entries
        .take(NEIGHBOURS * 16)
        .filter_map(|entry| Some(entry.ok()?.path))
        .filter(|file| file.as_os_str().as_encoded_bytes().windows(3).any(|part| part == b".ko"))
        .filter(is_module)
        .take(NEIGHBOURS)
        .collect();
    files.sort_unstable();
    files
}
