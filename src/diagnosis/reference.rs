//! What modules that fit the running kernel look like.
//!
//! The kernel does not show its version magic, its symbol versions, the size of its
//! `struct module` or its signing key. The modules that came with it have all of these.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::depmod::ModuleTree;
use crate::diagnosis::exports::{Exported, Exports};
use crate::file::{ElfHeader, Image, ModuleFile, Signature, Signer};
use crate::system::{self, System};

/// Facts about the running kernel, taken from modules of its release.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reference {
    /// The file that the next five are from.
    pub(crate) file: Option<PathBuf>,
    /// For which machine it is.
    pub(crate) header: Option<ElfHeader>,
    pub(crate) vermagic: Option<String>,
    pub(crate) struct_size: Option<u64>,
    /// The key that the release's modules are signed with.
    pub(crate) signer: Option<Signer>,
    /// The descriptions of the kernel's keys that can be seen; `None` if none can.
    pub(crate) keys: Option<Vec<String>>,
    /// Checksums of the types of symbols, as those modules expect them of the kernel.
    pub(crate) crcs: HashMap<String, u32>,
}

/// How long symbol versions are looked for. All modules of a release take seconds to read, and a
/// few tens of them use most of what there is to use.
const PATIENCE: Duration = Duration::from_secs(2);

/// As many bytes of files are enough to tell the versions that most modules expect.
pub(super) const FEW: u64 = 64 << 10;

/// Where so many modules are of another release, most likely all are.
const OTHERS: u32 = 16;

/// Asymmetric keys in `/proc/keys`, where root sees those that modules are checked with: `ID FLAGS
/// USES EXPIRY PERMISSIONS UID GID asymmetri NAME: KEY: X509.rsa …`.
pub(crate) fn keys(system: &System) -> Option<Vec<String>> {
    let text = system::read(&system.file("proc/keys")).ok()?;
    let text = String::from_utf8_lossy(&text).into_owned();
    let description = |line: &str| Some(line.split_once(" asymmetri ")?.1.trim_start().to_owned());
    let keys: Vec<String> = text.lines().filter_map(description).collect();
    (!keys.is_empty()).then_some(keys)
}

/// What stands for the types that all modules share with the kernel; the second up to 2.6.27.
pub(super) fn is_layout(symbol: &str) -> bool {
    matches!(symbol, "module_layout" | "struct_module")
}

/// Whether a module of the release may have the version of a symbol: not where nothing exports it,
/// and not where the exporter comes from elsewhere. To find it missing takes seconds.
pub(super) fn may_have_version(exports: Option<&Exports>, tree: &ModuleTree, name: &str) -> bool {
    let Some(exports) = exports else { return true };
    match exports.found.get(name) {
        Some(Exported { owner: Some(owner), .. }) => tree.file_of(owner).is_some(),
        Some(_) => true,
        None => is_layout(name),
    }
}

impl Reference {
    /// Whether the kernel has the key of a signer. A description has the name of the key's owner,
    /// which is the signer's where a key is signed with itself, and the identifier of the key.
    pub(crate) fn has_key(&self, signer: &Signer) -> Option<bool> {
        if self.signer.as_ref() == Some(signer) {
            return Some(true);
        }
        let keys = self.keys.as_ref()?;
        let named = |key: &String| {
            let name = signer.name.as_ref().is_some_and(|name| key.contains(name.as_str()));
            name || !signer.key.is_empty() && key.contains(signer.key.as_str())
        };
        // The name may be that of an authority, whose keys are not listed under it.
        if keys.iter().any(named) { None } else { Some(false) }
    }

    /// Takes modules of the release until each wanted symbol's version was seen, or so many bytes of
    /// files were read.
    pub(crate) fn read(
        modules: impl Iterator<Item = (ModuleFile, Image)>,
        wanted: HashSet<&str>,
        most: u64,
    ) -> Self {
        let mut reference = Self::default();
        let mut missing = wanted;
        let mut read = 0;
        for (file, image) in modules {
            if reference.file.is_none() && image.check().is_ok() {
                reference.describe(file.path().to_owned(), &image);
            }
            reference.learn(&image, &mut missing);
            read += file.metadata().map_or(0, |metadata| metadata.len());
            if reference.file.is_some() && (missing.is_empty() || read > most) {
                break;
            }
        }
        reference
    }

    fn describe(&mut self, file: PathBuf, image: &Image) {
        let modinfo = image.modinfo().ok();
        let vermagic = modinfo.and_then(|modinfo| modinfo.value("vermagic"));
        self.header = ElfHeader::read(image.bytes()).ok();
        self.vermagic = vermagic.map(|text| String::from_utf8_lossy(text).into_owned());
        self.struct_size = image.struct_size();
        self.signer = match image.signature() {
            Signature::Present(signer) => Some(signer),
            _ => None,
        };
        self.file = Some(file);
    }

    fn learn(&mut self, image: &Image, missing: &mut HashSet<&str>) {
        if missing.is_empty() {
            return;
        }
        for version in image.versions().unwrap_or_default() {
            if missing.remove(version.name.as_str()) {
                self.crcs.insert(version.name, version.crc);
            }
        }
    }
}

/// The modules of a release, for as long as it makes sense to read them. In its directory, those of
/// another one say nothing about it: links to what fits it, too, or what was copied there by mistake.
pub(super) fn modules(
    tree: &ModuleTree,
    release: &str,
) -> impl Iterator<Item = (ModuleFile, Image)> {
    let mut start = None;
    let mut others = 0;
    let read = |file: PathBuf| {
        let file = ModuleFile::open(file).ok()?;
        let image = file.image().ok()?;
        Some((file, image))
    };
    let mut files = tree.files();
    std::iter::from_fn(move || {
        let start = start.get_or_insert_with(Instant::now);
        loop {
            if others > OTHERS || start.elapsed() > PATIENCE {
                return None;
            }
            match read(files.next()?) {
                Some((file, image)) if is_of(&image, release) => return Some((file, image)),
                Some(_) => others += 1,
                None => {}
            }
        }
    })
}

/// Whether a module was built for this release.
fn is_of(image: &Image, release: &str) -> bool {
    let vermagic = image.modinfo().ok().and_then(|modinfo| modinfo.value("vermagic"));
    let built_for = vermagic.and_then(|text| text.split(|&byte| byte == b' ').next());
    built_for == Some(release.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::captured::Captured;

    fn hello() -> Vec<u8> {
        std::fs::read("tests/fixtures/hello.ko").unwrap()
    }

    #[test]
    fn modules_of_another_release_do_not_count() {
        for (release, counts) in [("6.12.0", true), ("6.12.1", false)] {
            let root = Captured::new();
            root.write(format!("lib/modules/{release}/modules.dep"), "kernel/hello.ko:\n");
            root.write(format!("lib/modules/{release}/kernel/hello.ko"), hello());
            let tree = ModuleTree::of(&root.system(), release);
            let reference = Reference::read(modules(&tree, release), HashSet::new(), FEW);
            assert_eq!(reference.vermagic.is_some(), counts, "{release}");
            assert_eq!(reference.file.is_some(), counts, "{release}");
        }
    }
}
