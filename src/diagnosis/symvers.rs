//! What the kernel itself exports, as its build tree lists it.
//!
//! Who builds a module has `/lib/modules/RELEASE/build/Module.symvers`, with a row for each symbol:
//! `CRC SYMBOL OWNER EXPORT_SYMBOL[_GPL] [NAMESPACE]` (`write_dump` in `scripts/mod/modpost.c`).

use std::collections::HashMap;

use memchr::memchr;

use crate::file::{Export, SymbolVersion};
use crate::lines::lines;
use crate::symbols::Wanted;
use crate::system::{self, System};

/// The owner of the symbols that no module exports.
const KERNEL: &str = "vmlinux";

/// Returns those of the wanted symbols that the kernel exports; none without a build tree.
pub(crate) fn read<'a>(
    system: &System,
    release: &str,
    wanted: impl IntoIterator<Item = &'a str>,
) -> Vec<Export> {
    let Some(path) = system.module_symvers(release) else { return Vec::new() };
    let text = system::read_regular(&path).unwrap_or_default();
    parse(&text, &Wanted::new(wanted))
}

/// There are tens of thousands of rows: they are taken apart only where their name is wanted.
fn parse(text: &[u8], wanted: &Wanted<'_>) -> Vec<Export> {
    lines(text)
        .filter(|row| name_in(row).is_some_and(|name| wanted.contains(name)))
        .filter_map(|row| std::str::from_utf8(row).ok().and_then(export))
        .collect()
}

fn name_in(row: &[u8]) -> Option<&[u8]> {
    let rest = row.get(memchr(b'\t', row)? + 1..)?;
    rest.get(..memchr(b'\t', rest)?)
}

fn export(row: &str) -> Option<Export> {
    let mut fields = row.split('\t');
    let (crc, name, owner) = (fields.next()?, fields.next()?, fields.next()?);
    if owner != KERNEL {
        return None;
    }
    let crc = u32::from_str_radix(crc.strip_prefix("0x")?, 16).ok()?;
    let gpl_only = match fields.next()? {
        "EXPORT_SYMBOL" => false,
        "EXPORT_SYMBOL_GPL" => true,
        _ => return None,
    };
    let namespace = fields.next().filter(|namespace| !namespace.is_empty()).map(str::to_owned);
    Some(Export { name: name.to_owned(), gpl_only, namespace, crc: (crc != 0).then_some(crc) })
}

/// Those of the exports whose types are the ones that a module was built with.
pub(crate) fn agreeing(exports: Vec<Export>, versions: &[SymbolVersion]) -> Vec<Export> {
    let versions: HashMap<&str, u32> =
        versions.iter().map(|version| (version.name.as_str(), version.crc)).collect();
    let agrees = |export: &Export| versions.get(export.name.as_str()).copied() == export.crc;
    exports.into_iter().filter(agrees).collect()
}

/// The versions of the kernel's symbols that are not the module's. Those that are the same were
/// not those of the running kernel, if it has refused them.
pub(crate) fn differing(exports: Vec<Export>, versions: &[SymbolVersion]) -> HashMap<String, u32> {
    let own: HashMap<&str, u32> =
        versions.iter().map(|version| (version.name.as_str(), version.crc)).collect();
    let differing = exports.into_iter().filter_map(|export| {
        let crc = export.crc.filter(|crc| own.get(export.name.as_str()) != Some(crc))?;
        Some((export.name, crc))
    });
    differing.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "0x0000000b\tb\tvmlinux\tEXPORT_SYMBOL_GPL\tUSB\n\
                        0x00000000\tc\tvmlinux\tEXPORT_SYMBOL\n\
                        0x0000000d\td\tdrivers/net/mii\tEXPORT_SYMBOL\t\n\
                        0x0000000a\ta\tvmlinux\tEXPORT_SYMBOL\t\n\
                        half a\trow\n0x\ta\n";

    #[test]
    fn rows_of_the_kernel() {
        let found = parse(TEXT.as_bytes(), &Wanted::new(["a", "b", "c", "d"]));
        let found: Vec<_> = found
            .iter()
            .map(|one| (one.name.as_str(), one.crc, one.gpl_only, one.namespace.as_deref()))
            .collect();
        let expected = [
            ("b", Some(11), true, Some("USB")),
            ("c", None, false, None),
            ("a", Some(10), false, None),
        ];
        assert_eq!(found, expected);
        assert!(parse(TEXT.as_bytes(), &Wanted::new(["row"])).is_empty());
    }

    #[test]
    fn other_types_do_not_agree() {
        let all = || parse(TEXT.as_bytes(), &Wanted::new(["a", "b", "c"]));
        let version = |name: &str, crc| SymbolVersion { name: name.to_owned(), crc };
        let agree = |versions: &[SymbolVersion]| {
            let agreeing = agreeing(all(), versions);
            agreeing.iter().map(|one| one.name.clone()).collect::<String>()
        };
        assert_eq!(agree(&[version("a", 10), version("b", 12)]), "ca");
        // A module without versions agrees with a kernel without, and with no other.
        assert_eq!(agree(&[]), "c");
    }
}
