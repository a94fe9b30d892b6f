//! The module's own symbols.

use std::cell::OnceCell;
use std::collections::HashSet;

use crate::holders::constants::Constants;
use crate::holders::search::Search;

/// The symbols of the module that has the search, as soon as they are needed.
pub(super) struct Symbols<'a> {
    search: &'a Search<'a>,
    trace_points: OnceCell<HashSet<Vec<u8>>>,
}

impl<'a> Symbols<'a> {
    pub(super) fn new(search: &'a Search<'_>) -> Self {
        Self { search, trace_points: OnceCell::new() }
    }

    /// Whether the module has a trace point.
    pub(super) fn has_trace_point(&self, name: &[u8]) -> bool {
        self.trace_points.get_or_init(|| trace_points(self.search)).contains(name)
    }

    /// The function of the module at an address, or shortly before it: behind the instruction for
    /// tracing.
    pub(super) fn function_at(&self, address: u64) -> Option<Vec<u8>> {
        // To list symbols takes the kernel tens of milliseconds.
        let module = self.search.module;
        let start = module.address.filter(|&start| start <= address);
        start.filter(|start| address - start < module.size)?;
        [0, 4].iter().find_map(|offset| {
            let address = Some(address.checked_sub(*offset)?);
            let mut symbols = self.search.symbols().iter();
            symbols.find(|symbol| symbol.address == address).map(|symbol| symbol.name.clone())
        })
    }
}

/// The names of the trace points, as the kernel's memory has them, or else its list of symbols.
fn trace_points(search: &Search<'_>) -> HashSet<Vec<u8>> {
    let found = Constants::open(search.system)
        .map(|memory| memory.texts(search.module, "__tracepoints_strings"))
        .filter(|found| !found.is_empty());
    let listed = || {
        let symbols = search.symbols().iter();
        let names = symbols.filter_map(|symbol| symbol.name.strip_prefix(b"__tracepoint_"));
        names.map(<[u8]>::to_vec).collect()
    };
    found.map_or_else(listed, |found| found.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::captured::Captured;
    use crate::loaded::Snapshot;

    #[test]
    fn symbols_of_a_module() {
        let list = "ffffffffc0a01000 t nbd_open\t[nbd]\n\
            ffffffffc0a02000 t __tracepoint_nbd_send_request\t[nbd]\n\
            ffffffffc0b01000 t other_open\t[other]\n\
            0000000000000000 d hidden\t[nbd]\n";
        let root = Captured::with(&[("proc/kallsyms", list)]);
        let snapshot = Snapshot::parse(b"nbd 8192 1 - Live 0xffffffffc0a01000\n").unwrap();
        let system = root.system();
        let search = Search::until(Instant::now(), &system, &snapshot.modules()[0]);
        let symbols = Symbols::new(&search);
        assert!(symbols.has_trace_point(b"nbd_send_request"));
        assert!(!symbols.has_trace_point(b"other"));
        assert_eq!(symbols.function_at(0xffff_ffff_c0a0_1004), Some(b"nbd_open".to_vec()));
        assert_eq!(symbols.function_at(0xffff_ffff_c0b0_1000), None);
    }
}
