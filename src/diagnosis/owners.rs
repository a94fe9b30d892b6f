//! Whose symbols they are of which the kernel's log speaks.
//!
//! The kernel's list of all symbols says it, and takes tens of milliseconds. What depmod(8) noted
//! of the modules of the release does in a few, as long as no other module is loaded.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use crate::depmod::{self, ModuleTree};
use crate::loaded::{Attributes, Snapshot};
use crate::name::ModuleName;
use crate::system::System;

/// The loaded module that exports each symbol, `None` where it is the kernel itself.
pub(super) type Owners = HashMap<String, Option<ModuleName>>;

/// Looks up who exports symbols that the kernel has found; `None` where only its list can tell.
pub(super) fn of(
    system: &System,
    tree: &ModuleTree,
    path: &Path,
    symbols: &HashSet<&str>,
) -> Option<Owners> {
    if !tree.is_indexed() {
        return None;
    }
    let loaded = Snapshot::take(system).ok()?;
    let mut owners = Owners::new();
    let mut elsewhere = Vec::new();
    for (symbol, module) in tree.exporters(symbols) {
        if loaded.get(&module).is_some() {
            owners.insert(symbol, Some(module));
        } else {
            elsewhere.push(symbol);
        }
    }
    // A module under another name has it.
    if elsewhere.iter().any(|symbol| !owners.contains_key(symbol)) {
        return None;
    }
    let installed: HashSet<ModuleName> = tree.names().collect();
    for module in loaded.modules() {
        if owners.len() == symbols.len() {
            break;
        }
        if module.taints.letters().contains('O') || !installed.contains(&module.name) {
            let exports = own_exports(system, path, &module.name)?;
            let exports = exports.into_iter().filter(|symbol| symbols.contains(symbol.as_str()));
            owners.extend(exports.map(|symbol| (symbol, Some(module.name.clone()))));
        }
    }
    for symbol in symbols {
        owners.entry((*symbol).to_owned()).or_default();
    }
    Some(owners)
}

/// What a loaded module exports, from the file beside another one if it is of the same build.
fn own_exports(system: &System, path: &Path, name: &ModuleName) -> Option<Vec<String>> {
    let build = Attributes::new(system, name).build_id().ok()??;
    let (_, image) = depmod::sibling(path, name)?;
    let exports = image.exports().ok().filter(|_| image.build_id() == Some(&build))?;
    Some(exports.into_iter().map(|export| export.name).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::captured::Captured;

    const RELEASE: &str = "6.12.0";
    const MII: &str = "mii 1 0 - Live 0x0\n";
    const FOREIGN: &str = "foreign 1 0 - Live 0x0\n";

    fn owners(rows: &[&str], symbols: &[&str]) -> Option<Vec<(String, Option<String>)>> {
        let root = Captured::new();
        let modules = format!("lib/modules/{RELEASE}");
        root.write(format!("{modules}/modules.dep"), "kernel/mii.ko:\nkernel/xfs.ko: mii.ko\n");
        root.write(
            format!("{modules}/modules.symbols"),
            "# header\nalias symbol:mii_check mii\nalias symbol:twice other\nalias symbol:twice mii\n",
        );
        root.write("proc/modules", rows.concat());
        let system = root.system();
        let tree = ModuleTree::of(&system, RELEASE);
        let symbols = symbols.iter().copied().collect();
        let owners = of(&system, &tree, Path::new("/nowhere/x.ko"), &symbols)?;
        let name = |name: ModuleName| name.to_string();
        let mut rows: Vec<_> =
            owners.into_iter().map(|(symbol, owner)| (symbol, owner.map(name))).collect();
        rows.sort();
        Some(rows)
    }

    #[test]
    fn of_the_release_or_the_kernel() {
        let found = owners(&[MII], &["kfree", "mii_check", "twice"]).unwrap();
        let expected = [("kfree", None), ("mii_check", Some("mii")), ("twice", Some("mii"))];
        let expected = expected.map(|(symbol, owner)| (symbol.into(), owner.map(Into::into)));
        assert_eq!(found, expected);
    }

    #[test]
    fn another_module_may_have_it() {
        // The exporter is not loaded: some other module has the symbol.
        assert_eq!(owners(&[], &["mii_check"]), None);
        // Not of the release: its symbols are not known without its file.
        assert_eq!(owners(&[MII, FOREIGN], &["kfree"]), None);
        assert_eq!(owners(&["mii 1 0 - Live 0x0 (OE)\n"], &["kfree"]), None);
        // All are known before it matters.
        assert!(owners(&[MII, FOREIGN], &["mii_check"]).is_some());
    }

    #[test]
    fn a_release_without_indexes() {
        let root = Captured::new();
        root.write("proc/modules", "mii 1 0 - Live 0x0\n");
        let tree = ModuleTree::of(&root.system(), RELEASE);
        let symbols = HashSet::from(["kfree"]);
        assert_eq!(of(&root.system(), &tree, Path::new("x.ko"), &symbols), None);
    }
}
