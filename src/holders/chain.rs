//! The holders of the modules that use a module, down to the process at the end.

use super::collect;
use super::holder::{Certainty, Holder, HolderKind};
use super::search::Search;
use super::text::Text;
use crate::loaded::Snapshot;
use crate::order;

/// How many users of users are looked at.
const DEPTH: u32 = 8;

/// Adds its own holders to each module in the list, once for each module.
pub(super) fn expand(search: &Search<'_>, list: &mut [Holder]) {
    let has_users = list.iter().any(|holder| matches!(holder.kind, HolderKind::Module { .. }));
    let Some(snapshot) = Snapshot::take(search.system).ok().filter(|_| has_users) else { return };
    descend(search, &snapshot, list, &mut Vec::new(), DEPTH);
}

fn descend(
    search: &Search<'_>,
    snapshot: &Snapshot,
    list: &mut [Holder],
    seen: &mut Vec<Text>,
    depth: u32,
) {
    for holder in list {
        let HolderKind::Module { name, held_by } = &mut holder.kind else { continue };
        let module =
            snapshot.modules().iter().find(|module| module.name.as_os_str() == name.as_os_str());
        let Some(module) = module else { continue };
        if depth == 0 || search.is_late() || seen.contains(name) {
            continue;
        }
        seen.push(name.clone());
        let user = search.of_other(module);
        let (mut found, _) = collect(&user, false);
        found.retain(|holder| holder.references > 0 && holder.certainty != Certainty::Possible);
        descend(search, snapshot, &mut found, seen, depth - 1);
        // A process says more than another module.
        order::sort_by_key(&mut found, |holder| matches!(holder.kind, HolderKind::Module { .. }));
        *held_by = found;
    }
}
