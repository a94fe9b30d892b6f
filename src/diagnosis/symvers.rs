//! What the kernel itself exports, as its build tree lists it.
//!
//! Who builds a module has `/lib/modules/RELEASE/build/Module.symvers`, with a row for each symbol:
//! `CRC SYMBOL OWNER EXPORT_SYMBOL[_GPL] [NAMESPACE]` (`write_dump` in `scripts/mod/modpost.c`).

use std::collections::HashMap;
use std::io::Read;
use std::ops::ControlFlow;

use memchr::memchr;

use crate::file::{Export, SymbolVersion};
use crate::lines::each_piece;
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
    let mut search = Search::new(wanted);
    if search.left == 0 {
        return Vec::new();
    }
    let opened = system.module_symvers(release).and_then(|path| system::open_regular(&path).ok());
    if let Some((file, _)) = opened {
        // A list that breaks off says what it said so far.
        let _ = each_piece(&mut file.take(LIMIT), &mut |piece| search.see(piece));
    }
    search.found
}

/// No list is longer.
const LIMIT: u64 = 64 << 20;

/// Where the name begins: `0x%08x` and a tab are before it.
const NAME: usize = 11;

/// A row with names of one letter has that many bytes.
const SHORTEST: usize = NAME + "a\tb\tEXPORT_SYMBOL".len();

/// There are tens of thousands of rows. Eight bytes show of nearly all that they are not wanted.
struct Search<'a> {
    wanted: Wanted<'a>,
    /// How many are still to be found.
    left: usize,
    /// A bit for each hash of how a wanted row goes on at its name.
    heads: [u64; 16],
    found: Vec<Export>,
}

impl<'a> Search<'a> {
    fn new(wanted: impl IntoIterator<Item = &'a str>) -> Self {
        let wanted = Wanted::new(wanted);
        let mut heads = [0; 16];
        for name in wanted.iter() {
            let row = [name, b"\t", KERNEL.as_bytes(), b"\t"].concat();
            if let Some((word, bit)) = row.first_chunk().map(|head| place(*head))
                && let Some(word) = heads.get_mut(word)
            {
                *word |= bit;
            }
        }
        Self { left: wanted.iter().count(), wanted, heads, found: Vec::new() }
    }

    fn see(&mut self, piece: &[u8]) -> ControlFlow<()> {
        let mut left = piece;
        while self.left > 0 {
            let Some(rest) = left.get(SHORTEST..) else { break };
            let end = SHORTEST + memchr(b'\n', rest).unwrap_or(rest.len());
            let (row, rest) = left.split_at_checked(end).unwrap_or((left, b""));
            left = rest.get(1..).unwrap_or_default();
            if self.may_be_wanted(row)
                && name_in(row).is_some_and(|name| self.wanted.contains(name))
                && let Some(export) = std::str::from_utf8(row).ok().and_then(export)
            {
                self.left -= 1;
                self.found.push(export);
            }
        }
        if self.left > 0 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }

    fn may_be_wanted(&self, row: &[u8]) -> bool {
        let head = row.get(NAME..).and_then(<[u8]>::first_chunk);
        let (word, bit) = head.map_or((0, 0), |head| place(*head));
        self.heads.get(word).is_some_and(|word| word & bit != 0)
    }
}

/// Where the bit for the first bytes of a name is.
fn place(head: [u8; 8]) -> (usize, u64) {
    // Knuth's multiplier spreads them.
    let hash = u64::from_le_bytes(head).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((hash >> 60) as usize, 1 << (hash >> 54 & 63))
}

fn name_in(row: &[u8]) -> Option<&[u8]> {
    let rest = row.get(NAME..)?;
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

/// The versions that a module was built with.
pub(super) fn by_name(versions: &[SymbolVersion]) -> HashMap<&str, u32> {
    versions.iter().map(|version| (version.name.as_str(), version.crc)).collect()
}

/// The versions of the kernel's symbols that are not the module's. Those that are the same were
/// not those of the running kernel, if it has refused them.
pub(crate) fn differing(exports: Vec<Export>, versions: &[SymbolVersion]) -> HashMap<String, u32> {
    let own = by_name(versions);
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

    fn parse<const COUNT: usize>(wanted: [&str; COUNT]) -> Vec<Export> {
        let mut search = Search::new(wanted);
        let _ = search.see(TEXT.as_bytes());
        search.found
    }

    #[test]
    fn rows_of_the_kernel() {
        let found = parse(["a", "b", "c", "d"]);
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
        assert!(parse(["row"]).is_empty());
    }
}
