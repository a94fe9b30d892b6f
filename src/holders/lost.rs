//! What the kernel itself keeps of file systems that were unmounted: its files are not found any
//! more by the paths that it shows for them.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::holder::{Certainty, Holder};
use super::search::Search;
use super::{block, keepers, mounts};
use crate::directory::Names;

pub(super) fn of(search: &Search<'_>) -> Vec<Holder> {
    let is_lost = |path: &OsStr| leads_nowhere(search, Path::new(path));
    let loops = block::loops(search).into_iter().filter(|(_, path)| is_lost(path.as_os_str()));
    let mut list: Vec<_> = loops
        .map(|(name, path)| block::bound(name, path, Certainty::Known).with_references(1))
        .collect();
    let files = keepers::files(search).into_iter();
    let files = files.filter(|(path, _)| is_lost(path.as_os_str())).map(|(_, keeper)| keeper);
    list.extend(once(files.collect()));
    let swaps = block::swaps(search).filter(|path| is_lost(path.as_os_str()));
    let swaps = swaps.map(|name| {
        // swapoff(2) takes a path, and there is none.
        let step = format!("mount the file system again, and run swapoff(8) on its file {name}");
        block::swapping(name, Certainty::Known).ended_by_step(step)
    });
    list.extend(once(swaps.collect()));
    list.extend(once(overlays(search)));
    list
}

/// Together they keep a file system once.
fn once(mut list: Vec<Holder>) -> Vec<Holder> {
    for (index, holder) in list.iter_mut().enumerate() {
        holder.references = u64::from(index == 0);
    }
    list
}

/// Whether there is no file at a path any more, as far as that can be asked.
fn leads_nowhere(search: &Search<'_>, path: &Path) -> bool {
    let mut processes = search.processes().list.iter();
    let Some(own) = processes.find(|seen| seen.is_caller) else { return false };
    // That of a file that was removed says nothing.
    if path.as_os_str().as_bytes().ends_with(b" (deleted)") {
        return false;
    }
    let inside = search.system.root().join(path.strip_prefix("/").unwrap_or(path));
    !search.is_slow(own, path) && rustix::fs::lstat(inside).is_err()
}

/// Overlays that show what none of their layers has: a layer was mounted there, and is not any more.
fn overlays(search: &Search<'_>) -> Vec<Holder> {
    let mut processes = search.processes().list.iter();
    let Some(own) = processes.find(|seen| seen.is_caller) else { return Vec::new() };
    let mut list = Vec::new();
    for view in search.views().iter().filter(|view| view.namespace.is_none()) {
        for mount in view.mounts.iter().filter(|mount| mount.kind == "overlay") {
            let mut layers = keepers::layers(&mount.options)
                .map(|layer| Path::new(OsStr::from_bytes(layer)))
                .chain([Path::new(&mount.place)]);
            // A relative path is one from where the program was that mounted it.
            if search.is_late()
                || layers.any(|path| !path.is_absolute() || search.is_slow(own, path))
            {
                continue;
            }
            let below = keepers::layers(&mount.options)
                .flat_map(|layer| names(Path::new(OsStr::from_bytes(layer))));
            let below: Vec<_> = below.collect();
            if names(Path::new(&mount.place)).iter().any(|name| !below.contains(name)) {
                list.push(mounts::holder(view, mount, Certainty::Known));
            }
        }
    }
    list
}

fn names(directory: &Path) -> Vec<OsString> {
    Names::read(directory).map(|found| found.names).unwrap_or_default()
}
