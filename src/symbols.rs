//! The kernel's symbols, as `/proc/kallsyms` and `System.map` list them.
//!
//! A line is `ADDRESS TYPE NAME`, with a tab and `[MODULE]` behind it for a symbol of a module. The
//! kernel takes tens of milliseconds for its hundreds of thousands of lines, so they are looked at
//! one by one while they come, in far less time.

use std::collections::HashSet;
use std::fs::File;
use std::io::{Read, Result};
use std::ops::ControlFlow;
use std::path::Path;

use memchr::memchr;

use crate::lines::{each_piece, lines};

/// No list of symbols is longer.
const LIMIT: u64 = 256 << 20;

/// A line of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Symbol<'a> {
    address: &'a [u8],
    pub(crate) name: &'a [u8],
    /// The module; `None` for the kernel itself.
    pub(crate) owner: Option<&'a [u8]>,
}

impl Symbol<'_> {
    /// The address, unless it is hidden from the reader, as 0, or no number.
    pub(crate) fn address(&self) -> Option<u64> {
        let text = std::str::from_utf8(self.address).ok()?;
        u64::from_str_radix(text, 16).ok().filter(|&address| address != 0)
    }
}

/// Passes each symbol of a list on.
///
/// # Errors
/// The error of opening or reading the list.
pub(crate) fn each(list: &Path, mut take: impl FnMut(Symbol<'_>)) -> Result<()> {
    each_of(&mut File::open(list)?.take(LIMIT), &mut take)
}

/// A symbol of one module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OwnSymbol {
    pub(crate) address: Option<u64>,
    pub(crate) name: Vec<u8>,
}

/// The symbols of a module; none from a list that cannot be read.
pub(crate) fn of_module(list: &Path, module: &[u8]) -> Vec<OwnSymbol> {
    let mut own = Vec::new();
    let _ = each(list, |symbol| {
        if symbol.owner == Some(module) {
            own.push(OwnSymbol { address: symbol.address(), name: symbol.name.to_vec() });
        }
    });
    own
}

pub(crate) fn each_of(list: &mut dyn Read, take: &mut dyn FnMut(Symbol<'_>)) -> Result<()> {
    each_piece(list, &mut |piece| {
        lines(piece).filter_map(parse).for_each(&mut *take);
        ControlFlow::Continue(())
    })
}

fn parse(line: &[u8]) -> Option<Symbol<'_>> {
    let (address, rest) = line.split_at_checked(memchr(b' ', line)?)?;
    let rest = rest.strip_prefix(b" ")?.get(1..)?.strip_prefix(b" ")?;
    let Some(tab) = memchr(b'\t', rest) else {
        return Some(Symbol { address, name: rest, owner: None });
    };
    let (name, owner) = rest.split_at_checked(tab)?;
    let owner = owner.strip_prefix(b"\t[")?.strip_suffix(b"]")?;
    Some(Symbol { address, name, owner: Some(owner) })
}

/// Names that are looked for in a long list: the length of most others shows that they are not.
pub(crate) struct Wanted<'a> {
    names: HashSet<&'a [u8]>,
    /// A bit for each length that is among them.
    lengths: u128,
}

impl<'a> Wanted<'a> {
    pub(crate) fn new(names: impl IntoIterator<Item = &'a str>) -> Self {
        let names: HashSet<&[u8]> = names.into_iter().map(str::as_bytes).collect();
        let lengths = names.iter().fold(0, |lengths, name| lengths | bit_of(name));
        Self { names, lengths }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &'a [u8]> {
        self.names.iter().copied()
    }

    pub(crate) fn contains(&self, name: &[u8]) -> bool {
        self.lengths & bit_of(name) != 0 && self.names.contains(name)
    }
}

fn bit_of(name: &[u8]) -> u128 {
    1 << name.len().min(127)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::captured::Captured;

    use crate::lines::PIECE;
    use std::io::ErrorKind;

    /// The addresses, names and owners in a list that comes so many bytes at a time.
    fn listed(text: &[u8], step: usize) -> Vec<String> {
        struct Slow<'a>(&'a [u8], usize, bool);
        impl Read for Slow<'_> {
            /// Each second time, a signal interrupts it.
            fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
                self.2 = !self.2;
                if self.2 {
                    return Err(ErrorKind::Interrupted.into());
                }
                let size = self.1.min(buffer.len());
                self.0.read(&mut buffer[..size])
            }
        }
        let mut found = Vec::new();
        each_of(&mut Slow(text, step, false), &mut |symbol| {
            let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
            let (address, owner) = (symbol.address(), symbol.owner.map(text));
            found.push(format!("{address:x?} {} {owner:?}", text(symbol.name)));
        })
        .unwrap();
        found
    }

    #[test]
    fn lines_in_any_pieces() {
        let text = b"ffffffff81000000 T _stext\n0000000000000000 t nbd_open\t[nbd]\n\n\
                     no line\n10 d x\ty\n00000020 b last";
        let expected = [
            "Some(ffffffff81000000) _stext None",
            "None nbd_open Some(\"nbd\")",
            "Some(20) last None",
        ];
        for step in [1, 2, 7, 30, 1000] {
            assert_eq!(listed(text, step), expected, "{step}");
        }
    }

    #[test]
    fn a_line_without_end() {
        let long = [b"10 T a\n20 T ".as_slice(), &vec![b'x'; 3 * PIECE], b"\n30 T b\n"].concat();
        let found = listed(&long, 1000);
        assert_eq!(found.first().unwrap(), "Some(10) a None");
        assert_eq!(found.last().unwrap(), "Some(30) b None");
        assert!(listed(b"", 10).is_empty());
    }

    #[test]
    fn symbols_of_one_module() {
        let text = "ffffffff81000000 T _stext\nffffffffc0a01000 t nbd_open\t[nbd]\n\
                    0000000000000000 d hidden\t[nbd]\nffffffffc0b01000 t other_open\t[other]\n\
                    x\t[nbd]\nffffffffc0c01000 t longer\t[xnbd]\n";
        let root = Captured::with(&[("proc/kallsyms", text)]);
        let found = of_module(&root.system().kallsyms(), b"nbd");
        let own = |address, name: &[u8]| OwnSymbol { address, name: name.to_vec() };
        assert_eq!(found, [own(Some(0xffff_ffff_c0a0_1000), b"nbd_open"), own(None, b"hidden")]);
        assert!(of_module(&Captured::new().system().kallsyms(), b"nbd").is_empty());
    }

    #[test]
    fn wanted_names() {
        let long = "y".repeat(300);
        let wanted = Wanted::new(["a", "bcd", &long]);
        let all = ["a", "b", "bcd", "bce", "", &long, &"z".repeat(299)];
        let found: Vec<_> = all.iter().filter(|name| wanted.contains(name.as_bytes())).collect();
        assert_eq!(found, [&"a", &"bcd", &long.as_str()]);
    }
}
