//! What the kernel itself keeps of file systems that were unmounted: its files are not found any
//! more by the paths that it shows for them.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::holder::{Certainty, Holder};
use super::search::Search;
use super::{block, handlers, keepers, mounts, tracing};
use crate::directory::Names;

pub(super) fn of(search: &Search<'_>) -> Vec<Holder> {
    let is_lost = |path: &OsStr| leads_nowhere(search, Path::new(path));
    let loops = block::loops(search).into_iter().filter(|(_, path)| is_lost(path.as_os_str()));
    let mut list: Vec<_> = loops
        .map(|(name, path)| block::bound(name, path, Certainty::Known).with_references(1))
        .collect();
    list.extend(once(
        tracing::uprobes(search)
            .into_iter()
            .filter_map(|(path, probe)| is_lost(path.as_os_str()).then_some(probe)),
    ));
    list.extend(once(
        handlers::of(search)
            .into_iter()
            .filter_map(|(path, handler)| is_lost(path.as_os_str()).then_some(handler)),
    ));
    let swaps = block::swaps(search).filter(|path| is_lost(path.as_os_str()));
    list.extend(once(swaps.map(|name| {
        // swapoff(2) takes a path, and there is none.
        let step = format!("mount the file system again, and run swapoff(8) on its file {name}");
        block::swapping(name, Certainty::Known).ended_by_step(step)
    })));
    list.extend(once(overlays(search).into_iter()));
    list
}

/// Together they keep a file system once.
fn once(list: impl Iterator<Item = Holder>) -> impl Iterator<Item = Holder> {
    list.enumerate().map(|(index, holder)| holder.with_references(u64::from(index == 0)))
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
            let below: HashSet<_> = below.collect();
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
