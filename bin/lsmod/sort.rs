//! The order in which modules are shown.

use std::cmp::Ordering;

use modutils::LoadedModule;

use crate::lsmod::columns::Column;
use crate::lsmod::facts::{Fact, Facts};

/// Sorts by the first column, where that does not decide by the next, and so on; what is alike
/// stays in the kernel's order.
pub(crate) fn sort<'a>(
    modules: impl Iterator<Item = &'a LoadedModule>,
    columns: &[Column],
    facts: &Facts<'_>,
) -> Vec<&'a LoadedModule> {
    if columns.is_empty() {
        return modules.collect();
    }
    let mut keyed: Vec<(Vec<Fact>, &LoadedModule)> = modules
        .map(|module| {
            let key = columns.iter().map(|column| facts.fact(module, *column)).collect();
            (key, module)
        })
        .collect();
    keyed.sort_by(|(one, _), (other, _)| {
        let orders = one.iter().zip(other).map(|(one, other)| one.order(other));
        orders.fold(Ordering::Equal, Ordering::then)
    });
    keyed.into_iter().map(|(_, module)| module).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use modutils::{Snapshot, System};

    fn sorted(columns: &[Column]) -> Vec<String> {
        let snapshot = Snapshot::parse(
            b"b 9 - - Live 0x0\na 10 2 - Live 0x0\nd 9 1 - Loading 0x0\nc 100 -1 - Live 0x0\n",
        )
        .unwrap();
        let system = System::at("/nonexistent");
        let facts = Facts::new(&system, &snapshot);
        let modules = sort(snapshot.modules().iter(), columns, &facts);
        modules.iter().map(|module| module.name.to_string()).collect()
    }

    #[test]
    fn orders() {
        assert_eq!(sorted(&[]), ["b", "a", "d", "c"]);
        assert_eq!(sorted(&[Column::Name]), ["a", "b", "c", "d"]);
        assert_eq!(sorted(&[Column::Size]), ["b", "d", "a", "c"]);
        assert_eq!(sorted(&[Column::Size, Column::Refcnt]), ["d", "b", "a", "c"]);
        // What is not known comes last.
        assert_eq!(sorted(&[Column::Refcnt]), ["c", "d", "a", "b"]);
        assert_eq!(sorted(&[Column::State]), ["b", "a", "c", "d"]);
        assert_eq!(sorted(&[Column::Version]), ["b", "a", "d", "c"]);
    }
}
