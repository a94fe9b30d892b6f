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
    use super::*;

    #[test]
    fn below_is_by_components() {
        let places = [OsStr::new("/mnt/x")];
        assert!(is_below(OsStr::new("/mnt/x/swap"), &places));
        assert!(!is_below(OsStr::new("/mnt/xy"), &places));
    }
}
