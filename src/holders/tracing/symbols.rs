//! The module's own symbols, of `/proc/kallsyms`.

use std::collections::{HashMap, HashSet};

use crate::holders::search::Search;
use crate::system;

#[derive(Default)]
pub(super) struct Symbols {
    functions: HashMap<u64, Vec<u8>>,
    trace_points: HashSet<Vec<u8>>,
}

impl Symbols {
    pub(super) fn read(search: &Search<'_>) -> Self {
        let text = system::read(&search.system.kallsyms()).unwrap_or_default();
        Self::parse(&text, search.name())
    }

    /// Lines such as `ffffffffc0a01000 t nbd_open\t[nbd]`; addresses are 0 without privilege.
    fn parse(text: &[u8], module: &[u8]) -> Self {
        const TRACE_POINT: &[u8] = b"__tracepoint_";
        let mut found = Self::default();
        let end = [b"\t[", module, b"]"].concat();
        for line in text.split(|&byte| byte == b'\n') {
            let Some(line) = line.strip_suffix(end.as_slice()) else { continue };
            let mut fields = line.splitn(3, |&byte| byte == b' ');
            let (address, name) = (fields.next(), fields.nth(1).unwrap_or_default());
            if let Some(name) = name.strip_prefix(TRACE_POINT) {
                found.trace_points.insert(name.to_vec());
            }
            let address = address.and_then(|address| std::str::from_utf8(address).ok());
            let address = address.and_then(|address| u64::from_str_radix(address, 16).ok());
            if let Some(address) = address.filter(|&address| address != 0) {
                found.functions.insert(address, name.to_vec());
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
        let text = b"ffffffff81000000 T _stext\nffffffffc0a01000 t nbd_open\t[nbd]\n\
                     ffffffffc0a02000 d __tracepoint_nbd_send_request\t[nbd]\n\
                     ffffffffc0b01000 t other_open\t[other]\nx\t[nbd]\n";
        let symbols = Symbols::parse(text, b"nbd");
        assert!(symbols.has_trace_point(b"nbd_send_request"));
        assert!(!symbols.has_trace_point(b"other"));
        assert_eq!(symbols.function_at(0xffff_ffff_c0a0_1004), Some(b"nbd_open".to_vec()));
        assert_eq!(symbols.function_at(0xffff_ffff_c0b0_1000), None);
    }
}
