//! The module's own symbols, of `/proc/kallsyms`.

use std::collections::{HashMap, HashSet};

use crate::symbols::OwnSymbol;

#[derive(Default)]
pub(super) struct Symbols {
    functions: HashMap<u64, Vec<u8>>,
    pub(super) trace_points: HashSet<Vec<u8>>,
}

impl Symbols {
    pub(super) fn new(list: &[OwnSymbol]) -> Self {
        let mut found = Self::default();
        for OwnSymbol { address, name } in list {
            if let Some(name) = name.strip_prefix(b"__tracepoint_") {
                found.trace_points.insert(name.to_vec());
            }
            if let Some(address) = address {
                found.functions.insert(*address, name.clone());
            }
        }
        found
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
        let own = |address, name: &[u8]| OwnSymbol { address, name: name.to_vec() };
        let symbols = Symbols::new(&[
            own(Some(0xffff_ffff_c0a0_1000), b"nbd_open"),
            own(Some(0xffff_ffff_c0a0_2000), b"__tracepoint_nbd_send_request"),
            own(None, b"hidden"),
        ]);
        assert!(symbols.has_trace_point(b"nbd_send_request"));
        assert!(!symbols.has_trace_point(b"other"));
        assert_eq!(symbols.function_at(0xffff_ffff_c0a0_1004), Some(b"nbd_open".to_vec()));
        assert_eq!(symbols.function_at(0xffff_ffff_c0b0_1000), None);
    }
}
