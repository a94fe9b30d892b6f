//! Files that processes hold, and that hold the module: device nodes, files of debugfs.

use std::collections::HashMap;

use super::device::{Device, Kind};
use super::holder::{Certainty, Holder};
use super::process::Access;
use super::search::Search;
use super::seen::{OpenFile, Seen};
use super::stopping;

/// Files that are open; several of one path in one process are one holder.
pub(super) fn of(search: &Search<'_>) -> Vec<Holder> {
    let processes = search.processes();
    let mut list: Vec<Holder> = Vec::new();
    let mut known = HashMap::new();
    for file in processes.files.iter().filter(|file| file.access == Access::Open) {
        let Some(device) = file.status.and_then(|status| status.device) else { continue };
        let Some(certainty) = search.certainty(device) else { continue };
        let Some(owner) = processes.owner(file) else { continue };
        let place = known.entry((file.owner, file.tid, &file.path)).or_insert(list.len());
        if let Some(known) = list.get_mut(*place) {
            known.references += references(search, device);
        } else {
            list.push(holder(search, owner, file, device, certainty));
        }
    }
    list
}

fn holder(
    search: &Search<'_>,
    owner: &Seen,
    file: &OpenFile,
    device: Device,
    certainty: Certainty,
) -> Holder {
    let holder =
        Holder::new(file.holder(owner), certainty).with_references(references(search, device));
    let holder = owner.hold(Holder { may_take_two: device.has_cdev(), ..holder });
    stopping::with_stop(search, &file.path, holder)
}

/// The number of references that one open file takes, at least.
fn references(search: &Search<'_>, device: Device) -> u64 {
    match search.name() {
        // The file holds the module once as a device, once as a socket (`tun_chr_open`).
        b"tun" if device.kind == Kind::Char => 2,
        // The file, its device, and one for each time that it is opened (`sg_add_sfp`).
        b"sg" => 3,
        _ => 1,
    }
}
