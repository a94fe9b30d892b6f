//! Which symbols the kernel and the loaded modules export.
//!
//! `/proc/kallsyms` has a line `ADDRESS TYPE __ksymtab_NAME [MODULE]` for each on kernels built
//! with `CONFIG_KALLSYMS_ALL`, as those of distributions are. The tables for everybody and for
//! modules under the GPL lie apart; which one a symbol of the kernel proper is in shows by its
//! address, where the reader may see addresses.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use crate::errno;
use crate::error::{Error, ErrorKind};
use crate::name::ModuleName;
use crate::symbols::{self, Symbol, Wanted};
use crate::system::System;

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
    /// Those of the symbols that the kernel itself has, exported or not.
    pub(crate) internal: HashSet<String>,
}

const PREFIX: &[u8] = b"__ksymtab_";

impl Exports {
    /// Looks up symbols in `/proc/kallsyms`.
    ///
    /// # Errors
    /// The error of reading it; [`ErrorKind::Malformed`] if it does not tell exported symbols.
    pub(crate) fn read(system: &System, wanted: &[&str]) -> Result<Self, Error> {
        let path = system.kallsyms();
        let mut search = Search::new(wanted);
        symbols::each(&path, |symbol| search.see(symbol))
            .map_err(|error| Error::io(&path, errno::from_io(&error)))?;
        search.end(&path)
    }
}

struct Search<'a> {
    wanted: Wanted<'a>,
    rows: Vec<(String, Option<u64>, Option<ModuleName>)>,
    internal: HashSet<String>,
    /// Where the table begins and ends that is for modules under the GPL.
    gpl: (u64, u64),
    /// Whether any symbol is about an export.
    tells: bool,
}

impl<'a> Search<'a> {
    fn new(wanted: &[&'a str]) -> Self {
        let wanted = Wanted::new(wanted.iter().copied());
        Self { wanted, rows: Vec::new(), internal: HashSet::new(), gpl: (0, 0), tells: false }
    }

    fn see(&mut self, symbol: Symbol<'_>) {
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        if let Some(name) = symbol.name.strip_prefix(PREFIX) {
            self.tells = true;
            if self.wanted.contains(name) {
                let owner = symbol.owner.map(ModuleName::from_kernel);
                self.rows.push((text(name), symbol.address(), owner));
            }
        } else if symbol.owner.is_none() && self.wanted.contains(symbol.name) {
            self.internal.insert(text(symbol.name));
        }
        match symbol.name {
            b"__start___ksymtab_gpl" => self.gpl.0 = symbol.address().unwrap_or(0),
            b"__stop___ksymtab_gpl" => self.gpl.1 = symbol.address().unwrap_or(0),
            _ => {}
        }
    }

    fn end(self, path: &Path) -> Result<Exports, Error> {
        if !self.tells {
            let text = "it does not tell which symbols are exported";
            return Err(Error::new(ErrorKind::Malformed, text).at(path));
        }
        let gpl = self.gpl.0..self.gpl.1;
        let found = self.rows.into_iter().map(|(name, address, owner)| {
            let known = address.filter(|_| owner.is_none() && !gpl.is_empty());
            let gpl_only = known.map(|address| gpl.contains(&address));
            (name, Exported { owner, gpl_only })
        });
        Ok(Exports { found: found.collect(), internal: self.internal })
    }
}

/// Returns the symbols that the kernel itself has, of some.
pub(super) fn internal(system: &System, names: &HashSet<&str>) -> HashSet<String> {
    let mut search = Search::new(&names.iter().copied().collect::<Vec<_>>());
    match symbols::each(&system.kallsyms(), |symbol| search.see(symbol)) {
        Ok(()) => search.internal,
        Err(_) => HashSet::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Option<Exports> {
        let mut search = Search::new(&["a", "b", "c", "d"]);
        symbols::each_of(&mut text.as_bytes(), &mut |symbol| search.see(symbol)).unwrap();
        search.end(Path::new("kallsyms")).ok()
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
        let text = "0 T e\n0 t a\n0 t a\n0 T b\t[m]\n0 r __ksymtab_c\n0 T c\n";
        let internal = parsed(text).unwrap().internal;
        assert_eq!(internal, HashSet::from(["a".to_owned(), "c".to_owned()]));
    }

    #[test]
    fn a_list_without_tables_tells_nothing() {
        assert_eq!(parsed("10 T a\n20 T b\n"), None);
    }
}
