//! The order in which modules are shown.

use std::cmp::Ordering;

use modutils::loaded::LoadedModule;

use crate::lsmod::columns::SortKey;
use crate::lsmod::facts::{Fact, Facts};

/// Sorts by the first column, then by the next, and so on; equal modules stay in the kernel's
/// order.
pub(crate) fn sort<'a>(
    modules: impl Iterator<Item = &'a LoadedModule>,
    keys: &[SortKey],
    facts: &Facts<'_>,
) -> Vec<&'a LoadedModule> {
    if keys.is_empty() {
        return modules.collect();
    }
    let mut keyed: Vec<(Vec<Fact<'_>>, &LoadedModule)> = modules
        .map(|module| {
            let key = keys.iter().map(|key| facts.fact(module, key.column)).collect();
            (key, module)
        })
        .collect();
    keyed.sort_by(|(one, _), (other, _)| {
        let pairs = one.iter().zip(other).zip(keys);
        let orders = pairs.map(|((one, other), key)| one.order(other, key.direction));
        orders.fold(Ordering::Equal, Ordering::then)
    });
    keyed.into_iter().map(|(_, module)| module).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lsmod::columns::SortKeys;
    use modutils::{Snapshot, System};
    use std::collections::HashMap;

    fn sorted(keys: &str) -> Vec<String> {
        let snapshot = Snapshot::parse(
            b"b 9 - - Live 0x0\na 10 2 - Live 0x0\nd 9 1 - Loading 0x0\nc 100 -1 - Live 0x0\n",
        )
        .unwrap();
        let system = System::at("/nonexistent");
        let facts = Facts::new(&system, &snapshot, HashMap::new());
        let keys = if keys.is_empty() { Vec::new() } else { keys.parse::<SortKeys>().unwrap().0 };
        let modules = sort(snapshot.modules().iter(), &keys, &facts);
        modules.iter().map(|module| module.name.to_string()).collect()
    }

    #[test]
    fn orders() {
        assert_eq!(sorted(""), ["b", "a", "d", "c"]);
        assert_eq!(sorted("name"), ["a", "b", "c", "d"]);
        assert_eq!(sorted("size"), ["b", "d", "a", "c"]);
        assert_eq!(sorted("-size"), ["c", "a", "b", "d"]);
        assert_eq!(sorted("-size,-name"), ["c", "a", "d", "b"]);
        assert_eq!(sorted("size,refcnt"), ["d", "b", "a", "c"]);
        // Unknown facts come last, in both directions.
        assert_eq!(sorted("refcnt"), ["c", "d", "a", "b"]);
        assert_eq!(sorted("-refcnt"), ["a", "d", "c", "b"]);
        assert_eq!(sorted("state"), ["b", "a", "c", "d"]);
        assert_eq!(sorted("version"), ["b", "a", "d", "c"]);
        assert!("-".parse::<SortKeys>().is_err() && "--size".parse::<SortKeys>().is_err());
    }
}
