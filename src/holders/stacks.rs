//! What keeps a block device from being stopped: whatever is mounted from it, swap areas, devices
//! that are stacked on it, and processes. None takes a reference to the module beside that of the
//! device.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::block;
use super::device::{Device, Kind};
use super::holder::{Certainty, Holder, HolderKind};
use super::keepers;
use super::mounts::{self, Superblock};
use super::process::Access;
use super::search::Search;
use crate::directory;
use crate::system;

/// Whatever uses the block devices and the file systems among the holders that were found, in the
/// order in which it has to be ended.
pub(super) fn of(search: &Search<'_>, found: &[Holder]) -> Vec<Holder> {
    let mut stack = Stack::default();
    for holder in found {
        if let HolderKind::BlockDevice { name, .. } = &holder.kind {
            let dir = search.system.class_dir("block").join(name.as_os_str());
            stack.climb(search, &dir, holder.certainty);
        }
    }
    let mut others: HashSet<_> = of_mounts(search, found).into_iter().collect();
    others.extend(&stack.mounted);
    if !others.is_empty() {
        let own = mounts::superblocks(search);
        others.retain(|superblock| !own.contains(superblock));
    }
    let mut list = keepers::on(search, &others);
    list.append(&mut stack.list);
    list.retain(|holder| !found.iter().any(|known| known.kind == holder.kind));
    list
}

/// The file systems of the mounts among the holders, but for that of the root directory.
fn of_mounts(search: &Search<'_>, found: &[Holder]) -> Vec<Superblock> {
    let places = found.iter().filter_map(|holder| match &holder.kind {
        HolderKind::Mount { path, namespace: None, .. } => Some(path.as_os_str()),
        _ => None,
    });
    let places: Vec<&OsStr> = places.filter(|place| *place != "/").collect();
    if places.is_empty() {
        return Vec::new();
    }
    let own = search.views().iter().filter(|view| view.namespace.is_none());
    let mounts = own.flat_map(|view| &view.mounts);
    mounts.filter(|mount| places.contains(&mount.place.as_os_str())).map(|m| m.device).collect()
}

#[derive(Default)]
struct Stack {
    seen: Vec<PathBuf>,
    mounted: Vec<Superblock>,
    list: Vec<Holder>,
}

impl Stack {
    /// Adds the users of a device: the uppermost first.
    fn climb(&mut self, search: &Search<'_>, dir: &Path, certainty: Certainty) {
        if self.seen.iter().any(|seen| seen == dir) || search.is_late() {
            return;
        }
        self.seen.push(dir.to_owned());
        for dir in with_partitions(dir) {
            for upper in directory::entries(&dir.join("holders")).into_iter().flatten().flatten() {
                let dir = search.system.class_dir("block").join(&upper.name);
                self.climb(search, &dir, certainty);
                let holder = Holder::new(block::named(upper.name, &dir), certainty);
                self.list.push(block::stopped(holder, &dir));
            }
            let number = system::read_text(&dir.join("dev")).unwrap_or_default();
            if let Some(device) = Device::parse(Kind::Block, &number) {
                self.add_users(search, device, certainty);
            }
        }
    }

    fn add_users(&mut self, search: &Search<'_>, device: Device, certainty: Certainty) {
        for view in search.views() {
            for mount in &view.mounts {
                if mounts::devices(search, mount).contains(&device) {
                    self.mounted.push(mount.device);
                    self.list.push(mounts::holder(view, mount, certainty));
                }
            }
        }
        let is_it = |path: &OsStr| {
            let status = search.status(Path::new(path));
            status.and_then(|status| status.device) == Some(device)
        };
        for name in block::swaps(search).filter(|name| is_it(name.as_os_str())) {
            self.list.push(block::swapping(name, certainty));
        }
        for (name, path) in block::loops(search) {
            if is_it(path.as_os_str()) {
                self.list.push(block::bound(name, path, certainty));
            }
        }
        let processes = search.processes();
        for file in processes.files.iter().filter(|file| file.access == Access::Open) {
            let is_open = file.status.is_some_and(|status| status.device == Some(device));
            if let Some(owner) = processes.owner(file).filter(|owner| is_open && !owner.is_caller) {
                self.list.push(owner.hold(Holder::new(file.holder(owner), certainty)));
            }
        }
    }
}

/// The directory of a block device, and those of its partitions.
fn with_partitions(dir: &Path) -> Vec<PathBuf> {
    let entries = directory::entries(dir).into_iter().flatten().flatten();
    let partitions = entries.map(|entry| entry.path).filter(|dir| dir.join("partition").exists());
    std::iter::once(dir.to_owned()).chain(partitions).collect()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::captured::Captured;
    use crate::loaded::Snapshot;

    #[test]
    fn from_the_top_of_a_stack() {
        let root = Captured::with(&[
            ("proc/self/mountinfo", "36 35 253:1 / /data rw - ext4 /dev/mapper/upper rw\n"),
            ("proc/swaps", "Filename Type Size Used Priority\n"),
            ("sys/class/block/dm-0/dev", "253:0\n"),
            ("sys/class/block/dm-0/holders/dm-1/dev", "253:1\n"),
            ("sys/class/block/dm-1/dev", "253:1\n"),
            ("sys/class/block/dm-1/dm/name", "upper\n"),
        ]);
        let system = root.system();
        let snapshot = Snapshot::parse(b"dm_crypt 1 1 - Live 0x0\n").unwrap();
        let end = Instant::now() + Duration::from_secs(60);
        let search = Search::until(end, &system, &snapshot.modules()[0]);
        let lower = HolderKind::BlockDevice { name: "dm-0".into(), dm_name: None };
        let found = of(&search, &[Holder::known(lower)]);
        let shown: Vec<_> = found
            .iter()
            .map(|holder| format!("{} {:?}", holder, holder.way_out.as_ref().unwrap()))
            .collect();
        let expected = [
            "ext4 is mounted on /data Command(\"umount /data\")",
            "block device upper (dm-1) uses it Command(\"dmsetup remove upper\")",
        ];
        assert_eq!(shown, expected);
    }
}
