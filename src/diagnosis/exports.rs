//! Which symbols the kernel and the loaded modules export.
//!
//! `/proc/kallsyms` has a line `ADDRESS TYPE __ksymtab_NAME [MODULE]` for each on kernels built
//! with `CONFIG_KALLSYMS_ALL`, as those of distributions are. The tables for everybody and for
//! modules under the GPL lie apart; which one a symbol of the kernel proper is in shows by its
//! address, where the reader may see addresses.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{BufRead, BufReader};

use crate::errno;
use crate::error::{Error, ErrorKind};
use crate::name::ModuleName;
use crate::order;
use crate::system::{self, System};

/// Who exports a symbol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Exported {
    /// The module; `None` for the kernel itself.
    pub(crate) owner: Option<ModuleName>,
    /// Whether it is for GPL-compatible modules only, if known.
    pub(crate) gpl_only: Option<bool>,
}

/// The exporters of some symbols.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Exports {
    pub(crate) found: HashMap<String, Exported>,
}

const PREFIX: &str = "__ksymtab_";

impl Exports {
    /// Looks up symbols in `/proc/kallsyms`.
    ///
    /// # Errors
    /// The error of reading it; [`ErrorKind::Malformed`] if it does not tell exported symbols.
    pub(crate) fn read(system: &System, wanted: &[&str]) -> Result<Self, Error> {
        let path = system.kallsyms();
        let io_error = |error: std::io::Error| Error::io(&path, errno::from_io(&error));
        let file = File::open(&path).map_err(io_error)?;
        let exports = Self::parse(BufReader::with_capacity(1 << 16, file), wanted);
        exports.map_err(io_error)?.ok_or_else(|| {
            Error::new(ErrorKind::Malformed, "it does not tell which symbols are exported")
                .at(&path)
        })
    }

    fn parse(mut input: impl BufRead, wanted: &[&str]) -> std::io::Result<Option<Self>> {
        let wanted: HashSet<&str> = wanted.iter().copied().collect();
        let mut gpl = (0, 0);
        let mut tells = false;
        let mut rows: Vec<(String, u64, Option<ModuleName>)> = Vec::new();
        let mut line = Vec::new();
        loop {
            line.clear();
            if input.read_until(b'\n', &mut line)? == 0 {
                break;
            }
            // Most lines are of no interest: look before taking them apart.
            if !may_be_of_a_table(&line) {
                continue;
            }
            let text = String::from_utf8_lossy(&line);
            let mut words = text.split_ascii_whitespace();
            let (Some(address), Some(_), Some(symbol)) = (words.next(), words.next(), words.next())
            else {
                continue;
            };
            let address = u64::from_str_radix(address, 16).unwrap_or(0);
            match symbol {
                "__start___ksymtab_gpl" => gpl.0 = address,
                "__stop___ksymtab_gpl" => gpl.1 = address,
                _ => {}
            }
            let Some(name) = symbol.strip_prefix(PREFIX) else { continue };
            tells = true;
            if wanted.contains(name) {
                let owner = words.next().map(|word| word.trim_matches(['[', ']']));
                let owner = owner.map(|owner| ModuleName::from_kernel(owner.as_bytes()));
                rows.push((name.to_owned(), address, owner));
            }
        }
        let found = rows
            .into_iter()
            .map(|(name, address, owner)| {
                let known = owner.is_none() && address != 0 && gpl.1 > gpl.0;
                let gpl_only = known.then(|| (gpl.0..gpl.1).contains(&address));
                (name, Exported { owner, gpl_only })
            })
            .collect();
        Ok(tells.then_some(Self { found }))
    }
}

/// Whether the symbol of a row, behind address and type, is about a table of exports.
fn may_be_of_a_table(row: &[u8]) -> bool {
    let Some(at) = row.iter().position(|&byte| byte == b' ') else { return false };
    let symbol = row.get(at + 3..).unwrap_or_default();
    [b"__ksymtab".as_slice(), b"__start___ksymtab", b"__stop___ksymtab"]
        .iter()
        .any(|start| symbol.starts_with(start))
}

/// Returns the symbols that the kernel has, of some that are not exported.
pub(super) fn internal(system: &System, names: &HashSet<&str>) -> Vec<String> {
    let Ok(text) = system::read(&system.kallsyms()) else { return Vec::new() };
    internal_in(&String::from_utf8_lossy(&text), names)
}

fn internal_in(text: &str, names: &HashSet<&str>) -> Vec<String> {
    let name = |line: &str| {
        let mut words = line.split_ascii_whitespace().skip(2);
        let name = words.next().filter(|name| names.contains(name))?;
        // The module in brackets.
        words.next().is_none().then(|| name.to_owned())
    };
    let mut found: Vec<String> = text.lines().filter_map(name).collect();
    order::sort(&mut found);
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Option<Exports> {
        Exports::parse(text.as_bytes(), &["a", "b", "c", "d"]).unwrap()
    }

    #[test]
    fn tables_show_the_license() {
        let exports = parsed(
            "0010 r __ksymtab_a\n0020 r __start___ksymtab_gpl\n0020 r __ksymtab_b\n\
             0030 r __stop___ksymtab_gpl\nff T d\n0100 r __ksymtab_c\t[m]\n",
        )
        .unwrap();
        let owner = |name| exports.found.get(name).map(|found| found.owner.clone());
        let gpl = |name| exports.found.get(name).and_then(|found| found.gpl_only);
        assert_eq!((owner("a"), gpl("a")), (Some(None), Some(false)));
        assert_eq!((owner("b"), gpl("b")), (Some(None), Some(true)));
        assert_eq!((owner("c"), gpl("c")), (Some(Some(ModuleName::new("m").unwrap())), None));
        assert_eq!(owner("d"), None);
    }

    #[test]
    fn hidden_addresses_show_no_license() {
        let exports = parsed("0 r __ksymtab_a\n0 r __start___ksymtab_gpl\n").unwrap();
        assert_eq!(exports.found.get("a").unwrap().gpl_only, None);
    }

    #[test]
    fn symbols_of_the_kernel_itself() {
        let text = "0 T kallsyms_lookup_name\n0 t a\n0 t a\n0 T b\t[m]\n0 T c\n";
        let names = HashSet::from(["a", "b", "kallsyms_lookup_name", "d"]);
        assert_eq!(internal_in(text, &names), ["a", "kallsyms_lookup_name"]);
    }

    #[test]
    fn a_list_without_tables_tells_nothing() {
        assert_eq!(parsed("10 T a\n20 T b\n"), None);
    }
}
