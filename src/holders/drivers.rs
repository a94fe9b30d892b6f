//! Devices that are bound to a driver of the module.

use std::os::unix::ffi::OsStrExt;

use super::search::Search;
use super::{Certainty, Holder, HolderKind};
use crate::directory;
use crate::shell::shell_word;

/// They hold no reference: the driver lets go of them when its module is removed. Codecs of HD
/// audio are different: each holds its driver (`hda_codec_driver_probe` in
/// `sound/pci/hda/hda_bind.c`).
pub(super) fn bound(search: &Search<'_>) -> Vec<Holder> {
    let drivers = search.system.module_dir(&search.module.name).join("drivers");
    let Ok(drivers) = directory::entries(&drivers) else { return Vec::new() };
    let mut list = Vec::new();
    for driver in drivers.flatten() {
        // The links are called BUS:DRIVER.
        let holds = driver.name.as_bytes().starts_with(b"hdaudio:");
        let Ok(entries) = directory::entries(&driver.path) else { continue };
        for entry in entries.flatten() {
            if search.is_late() {
                return list;
            }
            // The driver's own module is a link, too.
            if entry.is_link && entry.name != "module" {
                list.push(if holds {
                    let name = shell_word(&entry.name);
                    let command =
                        format!("echo {name} > {}", shell_word(driver.path.join("unbind")));
                    let kind = HolderKind::SysfsObject { path: entry.path.into() };
                    Holder::known(kind).ended_by(command)
                } else {
                    let kind = HolderKind::Device { name: entry.name.into() };
                    Holder::new(kind, Certainty::Known)
                });
            }
        }
    }
    list
}
