//! Devices that are bound to a driver of the module.

use super::search::Search;
use super::{Certainty, Holder, HolderKind};
use crate::directory;

/// They hold no reference: the driver lets go of them when its module is removed.
pub(super) fn bound(search: &Search<'_>) -> Vec<Holder> {
    let drivers = search.system.module_dir(&search.module.name).join("drivers");
    let Ok(drivers) = directory::entries(&drivers) else { return Vec::new() };
    let mut list = Vec::new();
    for driver in drivers.flatten() {
        let Ok(entries) = directory::entries(&driver.path) else { continue };
        for entry in entries.flatten() {
            if search.is_late() {
                return list;
            }
            // The driver's own module is a link, too.
            if entry.is_link && entry.name != "module" {
                let kind = HolderKind::Device { name: entry.name.into() };
                list.push(Holder::new(kind, Certainty::Known));
            }
        }
    }
    list
}
