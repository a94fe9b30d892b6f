//! The kernel's exports without its own list of symbols, which takes it tens of milliseconds: what a
//! module of the release shows of them, and what the build tree says.

use std::collections::HashSet;

use super::facts::Module;
use super::symvers;
use crate::file::{Export, Image, SymbolVersion, is_gpl_compatible};
use crate::system::System;

/// Returns those of the symbols that a module needs which the kernel exports with the types that it
/// was built with. `other` is a module of the release.
pub(super) fn exports(
    system: &System,
    release: &str,
    other: Option<&Image>,
    module: &Module,
) -> Vec<Export> {
    let other = other.filter(|_| is_gpl_compatible(module.license.as_deref()));
    let shown = other.map(|image| shown_by(image, &module.namespaces)).unwrap_or_default();
    let mut vouched = agreeing(shown, &module.versions);
    let known: HashSet<&str> = vouched.iter().map(|export| export.name.as_str()).collect();
    let imports = module.imports.iter().map(|import| import.name.as_str());
    let versions = module.versions.iter().map(|version| version.name.as_str());
    let rest = imports.chain(versions).filter(|name| !known.contains(name));
    let listed = agreeing(symvers::read(system, release, rest), &module.versions);
    vouched.extend(listed);
    vouched
}

/// What the kernel exports, as a module shows that needs no other module: its own symbols, for a
/// module under the GPL that imports these namespaces. Whether others may use them does not show.
fn shown_by(image: &Image, namespaces: &HashSet<String>) -> Vec<Export> {
    let Ok(modinfo) = image.modinfo() else { return Vec::new() };
    let is_known = |name: &[u8]| namespaces.iter().any(|known| known.as_bytes() == name);
    if modinfo.value("depends") != Some(b"") || !modinfo.values("import_ns").all(is_known) {
        return Vec::new();
    }
    let imports = image.imports().unwrap_or_default();
    let (weak, strong): (Vec<_>, Vec<_>) = imports.into_iter().partition(|import| import.weak);
    let export = |name, crc| Export { name, gpl_only: true, namespace: None, crc };
    let versions = image.versions().unwrap_or_default();
    if versions.is_empty() {
        return strong.into_iter().map(|import| export(import.name, None)).collect();
    }
    let versions = versions.into_iter();
    let versions = versions.filter(|one| !weak.iter().any(|import| import.name == one.name));
    versions.map(|version| export(version.name, Some(version.crc))).collect()
}

/// Those of the exports whose types are the ones that a module was built with.
fn agreeing(exports: Vec<Export>, versions: &[SymbolVersion]) -> Vec<Export> {
    let versions = symvers::by_name(versions);
    let agrees = |export: &Export| versions.get(export.name.as_str()).copied() == export.crc;
    exports.into_iter().filter(agrees).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn export(name: &str, crc: Option<u32>) -> Export {
        Export { name: name.to_owned(), gpl_only: false, namespace: None, crc }
    }

    fn version(name: &str, crc: u32) -> SymbolVersion {
        SymbolVersion { name: name.to_owned(), crc }
    }

    #[test]
    fn other_types_do_not_agree() {
        let all = || vec![export("b", Some(11)), export("c", None), export("a", Some(10))];
        let agree = |versions: &[SymbolVersion]| {
            let agreeing = agreeing(all(), versions);
            agreeing.iter().map(|one| one.name.clone()).collect::<String>()
        };
        assert_eq!(agree(&[version("a", 10), version("b", 12)]), "ca");
        // A module without versions agrees with a kernel without, and with no other.
        assert_eq!(agree(&[]), "c");
    }

    #[test]
    fn a_module_shows_what_the_kernel_exports() {
        let mut bytes = std::fs::read("tests/fixtures/hello.ko").unwrap();
        let shown = |bytes: &[u8]| {
            let found = shown_by(&Image::new(bytes.to_vec()), &HashSet::new());
            found.into_iter().map(|export| export.name).collect::<Vec<_>>()
        };
        // What another module exports is not the kernel's.
        assert!(shown(&bytes).is_empty());
        let (from, to) = (b"depends=voice\0", b"depends=\0x=yz\0");
        let at = bytes.windows(from.len()).position(|part| part == from).unwrap();
        bytes[at..at + to.len()].copy_from_slice(to);
        assert!(shown(&bytes).contains(&"voice_say".to_owned()));
    }
}
