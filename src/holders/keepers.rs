//! What keeps a mounted file system from being unmounted: processes in it, sockets, exports of NFS,
//! swap files, loop devices, overlays, probes, targets. None takes a reference to the module beside
//! that of the mount.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::block;
use super::bound_sockets;
use super::exports;
use super::handlers;
use super::holder::{Certainty, Holder, HolderKind};
use super::mounts::{self, Superblock, is_below};
use super::search::Search;
use super::stores;
use super::text::Text;
use super::tracing;

pub(super) fn of(search: &Search<'_>) -> Vec<Holder> {
    on(search, &mounts::superblocks(search))
}

/// What keeps file systems.
pub(super) fn on(search: &Search<'_>, superblocks: &HashSet<Superblock>) -> Vec<Holder> {
    if superblocks.is_empty() {
        return Vec::new();
    }
    let own = search.views().iter().filter(|view| view.namespace.is_none());
    let mounts = own.flat_map(|view| &view.mounts);
    let mounts = mounts.filter(|mount| superblocks.contains(&mount.device));
    let places: Vec<_> = mounts.map(|mount| mount.place.as_os_str()).collect();
    let mut list = processes(search, superblocks);
    list.extend(bound_sockets::on(search, superblocks, &places));
    list.extend(exports::below(search, &places));
    let swaps = block::swaps(search).filter(|swap| is_below(swap.as_os_str(), &places));
    list.extend(swaps.map(|name| block::swapping(name, Certainty::Known)));
    let loops = block::loops(search).into_iter();
    let loops = loops.filter(|(_, file)| is_below(file.as_os_str(), &places));
    list.extend(loops.map(|(name, path)| block::bound(name, path, Certainty::Known)));
    list.extend(overlays(search, &places));
    let files = files(search).into_iter();
    let inside = files.filter(|(file, _)| is_below(file.as_os_str(), &places));
    list.extend(inside.map(|(_, keeper)| keeper));
    list
}

/// What else the kernel keeps files open for, each with its file: handlers, probes and targets. None
/// takes a reference beside that of the file system.
pub(super) fn files(search: &Search<'_>) -> Vec<(Text, Holder)> {
    let mut list = handlers::of(search);
    list.extend(tracing::uprobes(search));
    list.extend(stores::of(search));
    for (_, keeper) in &mut list {
        keeper.references = 0;
    }
    list
}

fn processes(search: &Search<'_>, superblocks: &HashSet<Superblock>) -> Vec<Holder> {
    let processes = search.processes();
    let mut seen = HashSet::new();
    let mut list = Vec::new();
    for file in search.held_files() {
        let on = file.status.is_some_and(|status| superblocks.contains(&status.filesystem));
        let Some(owner) = processes.owner(file).filter(|owner| on && !owner.is_caller) else {
            continue;
        };
        // The root directory of everything is nothing to end.
        if seen.insert(file.owner) && file.path != Path::new("/") {
            list.push(owner.hold(Holder::new(file.holder(owner), Certainty::Known)));
        }
    }
    list
}

/// Overlays with a layer on one of the mounts.
fn overlays(search: &Search<'_>, places: &[&OsStr]) -> Vec<Holder> {
    let own = search.views().iter().filter(|view| view.namespace.is_none());
    let mounts = own.flat_map(|view| &view.mounts).filter(|mount| mount.kind == "overlay");
    let on = mounts.filter(|mount| {
        layers(&mount.options).any(|layer| is_below(OsStr::from_bytes(layer), places))
    });
    on.map(|mount| {
        let path = Text::from(mount.place.as_os_str());
        let command = format!("umount {}", path.word());
        let filesystem = Text::from(mount.kind.as_os_str());
        let kind = HolderKind::Mount { filesystem, path, namespace: None };
        Holder::new(kind, Certainty::Known).ended_by(command)
    })
    .collect()
}

/// The directories in the options of an overlay.
pub(super) fn layers(options: &[u8]) -> impl Iterator<Item = &[u8]> {
    const NAMES: [&[u8]; 4] = [b"lowerdir=", b"lowerdir+=", b"upperdir=", b"workdir="];
    let values = options
        .split(|&byte| byte == b',')
        .filter_map(|option| NAMES.iter().find_map(|name| option.strip_prefix(*name)));
    values.flat_map(|value| value.split(|&byte| byte == b':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_of_an_overlay() {
        let options = b"rw,lowerdir=/a:/b,upperdir=/c,workdir=/d,index=off";
        let found: Vec<_> = layers(options).collect();
        assert_eq!(found, [&b"/a"[..], b"/b", b"/c", b"/d"]);
    }
}
