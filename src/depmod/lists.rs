//! The lists of a release: as text, or from the binary indexes where only these are there.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use memchr::memrchr;

use super::index;
use crate::file::ModInfo;
use crate::lines::lines;
use crate::name::ModuleName;
use crate::system;

/// A name by which the kernel or udev(7) asks for a module; it may be a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Alias {
    pub(crate) alias: Vec<u8>,
    pub(crate) module: ModuleName,
}

/// `modules.dep`: `PATH: PATH…`, a module a line.
pub(super) fn dependencies(root: &Path) -> Vec<u8> {
    text(root, "modules.dep", |_, value| value.to_vec())
}

/// `modules.symbols`: `alias symbol:NAME MODULE`.
pub(super) fn symbols(root: &Path) -> Vec<u8> {
    text(root, "modules.symbols", alias_line)
}

/// `modules.alias`: lines of the form `alias NAME MODULE`, see depmod(8).
#[derive(Clone, Debug)]
pub(crate) struct AliasList(Vec<u8>);

impl AliasList {
    pub(super) fn read(root: &Path) -> Self {
        Self(text(root, "modules.alias", alias_line))
    }

    /// The aliases that are wanted, by their name and module: of tens of thousands, no other is
    /// copied. A name may have blanks: the last word is the module.
    pub(crate) fn select(&self, wanted: &dyn Fn(&[u8], &[u8]) -> bool) -> Vec<Alias> {
        let pair = |line| {
            let rest: &[u8] = <[u8]>::strip_prefix(line, b"alias ")?;
            let blank = memrchr(b' ', rest)?;
            Some((rest.get(..blank)?, rest.get(blank + 1..)?))
        };
        let pairs = lines(&self.0).filter_map(pair);
        pairs
            .filter(|(alias, module)| wanted(alias, module))
            .filter_map(|(alias, module)| alias_of(alias, module))
            .collect()
    }
}

/// The aliases in `modules.builtin.modinfo`, which the build of the kernel writes since Linux 5.2,
/// or in the index that depmod makes of them; those that are wanted.
pub(super) fn builtin_aliases(root: &Path, wanted: &dyn Fn(&[u8], &[u8]) -> bool) -> Vec<Alias> {
    if let Ok(texts) = system::read(&root.join("modules.builtin.modinfo")) {
        return parse_builtin_aliases(&texts, wanted);
    }
    let index = system::read(&root.join("modules.builtin.alias.bin")).unwrap_or_default();
    let entries = index::entries(&index).into_iter();
    let entries = entries.filter(|(alias, name)| wanted(alias, name));
    entries.filter_map(|(alias, name)| alias_of(&alias, &name)).collect()
}

/// The names in `modules.builtin`.
pub(super) fn builtin_names(root: &Path) -> Vec<ModuleName> {
    let text = builtin(root);
    lines(&text)
        .filter(|line| !line.is_empty())
        .filter_map(|line| ModuleName::from_file_name(Path::new(OsStr::from_bytes(line))).ok())
        .collect()
}

pub(super) fn is_listed_as_builtin(root: &Path, name: &ModuleName) -> bool {
    let text = builtin(root);
    lines(&text).any(|line| system::names_file_of(line, name))
}

/// `modules.builtin`, a path a line. The index has the names only.
fn builtin(root: &Path) -> Vec<u8> {
    text(root, "modules.builtin", |key, _| key.to_vec())
}

/// A list as text, with a line for each entry of its index where the text is not there.
fn text(root: &Path, name: &str, line: fn(&[u8], &[u8]) -> Vec<u8>) -> Vec<u8> {
    system::read_regular(&root.join(name)).unwrap_or_else(|_| {
        let index = system::read(&root.join(format!("{name}.bin"))).unwrap_or_default();
        let mut text = Vec::new();
        for (key, value) in index::entries(&index) {
            text.extend(line(&key, &value));
            text.push(b'\n');
        }
        text
    })
}

fn alias_line(key: &[u8], value: &[u8]) -> Vec<u8> {
    [b"alias ", key, b" ", value].concat()
}

/// Texts of the form `MODULE.alias=NAME`, each ended by a NUL (`scripts/Makefile.vmlinux_o`).
fn parse_builtin_aliases(texts: &[u8], wanted: &dyn Fn(&[u8], &[u8]) -> bool) -> Vec<Alias> {
    let found = ModInfo::new(texts).entries().filter_map(|(tag, alias)| {
        let module = tag.strip_suffix(b".alias")?;
        wanted(alias, module).then(|| alias_of(alias, module))?
    });
    let mut seen = BTreeSet::new();
    found.filter(|found| seen.insert((found.alias.clone(), found.module.clone()))).collect()
}

fn alias_of(alias: &[u8], module: &[u8]) -> Option<Alias> {
    let module = ModuleName::new(module).ok()?;
    (!alias.is_empty()).then(|| Alias { alias: alias.to_vec(), module })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(aliases: Vec<Alias>) -> Vec<(String, String)> {
        aliases
            .into_iter()
            .map(|Alias { alias, module }| {
                (String::from_utf8_lossy(&alias).into_owned(), module.to_string())
            })
            .collect()
    }

    #[test]
    fn lines_of_aliases() {
        let text =
            b"# Aliases\nalias fs-nfs4 nfs\nalias pci:v*sd a b e1000\nalias\nalias x\nalias x y\n";
        let found = pairs(AliasList(text.to_vec()).select(&|alias, _| alias != b"x"));
        let expected = [("fs-nfs4", "nfs"), ("pci:v*sd a b", "e1000")];
        assert_eq!(found, expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
    }

    #[test]
    fn aliases_of_the_kernel_itself() {
        let texts = b"fuse.alias=devname:fuse\0fuse.license=GPL\0pci.parm=alias:x\0x.alias=\0\
                      fuse.alias=devname:fuse\0other.alias=z\0";
        let found = pairs(parse_builtin_aliases(texts, &|_, module| module != b"other"));
        assert_eq!(found, [("devname:fuse".to_owned(), "fuse".to_owned())]);
    }
}
