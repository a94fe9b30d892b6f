//! Mounted file systems.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::btrfs;
use super::device::{Device, Kind};
use super::holder::{Certainty, Holder, HolderKind};
use super::mountinfo::{Mount, View};
use super::process::Namespace;
use super::search::Search;
use super::text::Text;

/// The number of a superblock's device.
pub(super) type Superblock = (u32, u32);

/// Majors of memory technology devices, and of the block devices that stand for them.
const MTD: u32 = 90;
const MTD_BLOCK: u32 = 31;

/// File systems for flash memory (`get_tree_mtd` in `drivers/mtd/mtdsuper.c`).
const FLASH: [&str; 3] = ["jffs2", "cramfs", "romfs"];

/// File systems of the module's own type, and those on its block devices.
///
/// A module is held once for each superblock, however often it is mounted (`get_filesystem` in
/// `fs/filesystems.c`): the first mount accounts for it.
pub(super) fn of(search: &Search<'_>) -> Vec<Holder> {
    let mut list = Vec::new();
    let mut counted = HashSet::new();
    let mut own = HashSet::new();
    for view in search.views() {
        let mut here = HashSet::new();
        for mount in view.mounts.iter().take_while(|_| !search.is_late()) {
            let Some((certainty, references)) = hold(search, mount) else { continue };
            if view.namespace.is_none() {
                own.insert(mount.device);
            } else if !here.insert(mount.device) || mount.propagates && own.contains(&mount.device)
            {
                // One mount of another namespace says enough, and unmounting it in the namespace
                // that it came from unmounts its copies.
                continue;
            }
            let references = if counted.insert(mount.device) { references } else { 0 };
            list.push(holder(view, mount, certainty).with_references(references));
        }
    }
    list
}

/// The superblocks that hold the module and are not mounted on the root directory.
pub(super) fn superblocks(search: &Search<'_>) -> HashSet<Superblock> {
    let mounts = || search.views().iter().flat_map(|view| &view.mounts);
    let own = mounts().filter(|mount| hold(search, mount).is_some());
    let mut list: HashSet<_> = own.map(|mount| mount.device).collect();
    for mount in mounts().filter(|mount| mount.place == "/") {
        list.remove(&mount.device);
    }
    list
}

/// Whether the module has the type of a file system.
pub(super) fn is_of_type(search: &Search<'_>, kind: &OsStr) -> bool {
    match search.aliases.get(&format!("fs-{}", kind.display())) {
        Some(owner) => *owner == search.module.name,
        None => kind.as_bytes() == search.name(),
    }
}

/// How a mount holds the module, and with how many references.
fn hold(search: &Search<'_>, mount: &Mount) -> Option<(Certainty, u64)> {
    if is_of_type(search, &mount.kind) {
        return Some((Certainty::Known, 1));
    }
    let found: Vec<_> =
        devices(search, mount).into_iter().filter_map(|device| search.certainty(device)).collect();
    let references = u64::try_from(found.len()).unwrap_or(0);
    Some((found.into_iter().max()?, references))
}

/// The block devices that a file system has open.
pub(super) fn devices(search: &Search<'_>, mount: &Mount) -> Vec<Device> {
    let (major, minor) = mount.device;
    // Major 0 is for file systems without a device, and for those with several.
    let mut list = if major == 0 {
        btrfs::devices(search, mount)
    } else if major == MTD_BLOCK && FLASH.iter().any(|kind| mount.kind == *kind) {
        // It uses the memory, and not the block device with the same number.
        vec![Device { kind: Kind::Char, major: MTD, minor: minor * 2 }]
    } else {
        vec![Device { kind: Kind::Block, major, minor }]
    };
    // The log or the journal can be on another device.
    for option in mount.options.split(|&byte| byte == b',') {
        let mut parts = option.splitn(2, |&byte| byte == b'=');
        let (name, value) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        if matches!(name, b"logdev" | b"rtdev" | b"journal_path") && value.starts_with(b"/dev/") {
            let file = search.status(Path::new(OsStr::from_bytes(value)));
            list.extend(file.and_then(|file| file.device));
        }
    }
    list
}

/// Whether a path is one of the places, or below one.
pub(super) fn is_below(path: &OsStr, places: &[&OsStr]) -> bool {
    places.iter().any(|place| Path::new(path).starts_with(place))
}

/// The mount as a holder without references.
pub(super) fn holder(view: &View, mount: &Mount, certainty: Certainty) -> Holder {
    let path = Text::from(mount.place.as_os_str());
    let enter = view.namespace.as_ref().map(Namespace::enter_mounts);
    let inner = mount.place.as_bytes();
    let is_below = |other: &Mount| {
        let rest = other.place.as_bytes().strip_prefix(inner);
        rest.is_some_and(|rest| rest.starts_with(b"/"))
    };
    let recursive = if view.mounts.iter().any(is_below) { "--recursive " } else { "" };
    let command = format!("{}umount {recursive}{}", enter.unwrap_or_default(), path.word());
    let kind = HolderKind::Mount {
        filesystem: mount.kind.as_os_str().into(),
        path,
        namespace: view.namespace.clone(),
    };
    let holder = Holder::new(kind, certainty);
    if view.namespace.is_none() && mount.place == "/" {
        return holder.ended_by_step("restart the system with another root file system");
    }
    holder.ended_by(command)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::super::mountinfo;
    use super::*;
    use crate::loaded::Snapshot;
    use crate::system::System;

    #[test]
    fn memory_and_what_stands_for_it() {
        let text = b"36 35 31:1 / /m rw - jffs2 mtd1 rw\n\
                     37 35 31:1 / /n rw - ext2 /dev/mtdblock1 rw\n";
        let system = System::at("/nowhere");
        let snapshot = Snapshot::parse(b"mtdram 1 1 - Live 0x0\n").unwrap();
        let search = Search::until(Instant::now(), &system, &snapshot.modules()[0]);
        let found: Vec<_> =
            mountinfo::rows(text).flat_map(|mount| devices(&search, &mount)).collect();
        let memory = Device { kind: Kind::Char, major: 90, minor: 2 };
        assert_eq!(found, [memory, Device { kind: Kind::Block, major: 31, minor: 1 }]);
    }

    #[test]
    fn below_is_by_components() {
        let places = [OsStr::new("/mnt/x")];
        assert!(is_below(OsStr::new("/mnt/x/swap"), &places));
        assert!(!is_below(OsStr::new("/mnt/xy"), &places));
    }
}
