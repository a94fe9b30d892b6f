//! Devices that are bound to a driver of the module.

use std::fs;

use super::{Certainty, Holder, HolderKind, Search};

/// They hold no reference: the driver lets go of them when its module is removed.
pub(super) fn bound(search: &Search<'_>) -> Vec<Holder> {
    let drivers = search.system.module_dir(&search.module.name).join("drivers");
    let Ok(drivers) = fs::read_dir(drivers) else { return Vec::new() };
    let mut list = Vec::new();
    for driver in drivers.flatten() {
        let Ok(entries) = fs::read_dir(driver.path()) else { continue };
        for entry in entries.flatten() {
            let is_link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
            // The driver's own module is a link, too.
            if is_link && entry.file_name() != "module" {
                list.push(Holder {
                    name: Some(entry.file_name()),
                    ..Holder::new(HolderKind::Device, Certainty::Known)
                });
            }
        }
    }
    list
}
