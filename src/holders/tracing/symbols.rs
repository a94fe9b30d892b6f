//! The module's own symbols, of `/proc/kallsyms`.

use std::collections::{HashMap, HashSet};

use crate::holders::search::Search;
use crate::symbols::{self, Symbol};

#[derive(Default)]
pub(super) struct Symbols {
    functions: HashMap<u64, Vec<u8>>,
    pub(super) trace_points: HashSet<Vec<u8>>,
}

impl Symbols {
    pub(super) fn read(search: &Search<'_>) -> Self {
        let mut found = Self::default();
        let _ = symbols::each(&search.system.kallsyms(), |symbol| {
            if symbol.owner == Some(search.name()) {
                found.add(symbol);
            }
        });
        found
    }

    fn add(&mut self, symbol: Symbol<'_>) {
        if let Some(name) = symbol.name.strip_prefix(b"__tracepoint_") {
            self.trace_points.insert(name.to_vec());
        }
        if let Some(address) = symbol.address() {
            self.functions.insert(address, symbol.name.to_vec());
        }
    }

    pub(super) fn has_trace_point(&self, name: &[u8]) -> bool {
        self.trace_points.contains(name)
    }

    /// The function at an address, or shortly before it: behind the instruction for tracing.
    pub(super) fn function_at(&self, address: u64) -> Option<Vec<u8>> {
        [0, 4].iter().find_map(|offset| self.functions.get(&address.checked_sub(*offset)?)).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_of_a_module() {
        let text = b"ffffffffc0a01000 t nbd_open\t[nbd]\n\
                     ffffffffc0a02000 d __tracepoint_nbd_send_request\t[nbd]\n";
        let mut found = Symbols::default();
        symbols::each_of(&mut text.as_slice(), &mut |symbol| found.add(symbol)).unwrap();
        assert!(found.has_trace_point(b"nbd_send_request"));
        assert!(!found.has_trace_point(b"other"));
        assert_eq!(found.function_at(0xffff_ffff_c0a0_1004), Some(b"nbd_open".to_vec()));
        assert_eq!(found.function_at(0xffff_ffff_c0b0_1000), None);
    }
}
