//! The devices of btrfs, which mountinfo does not name.

use std::ffi::OsStr;
use std::path::Path;

use super::device::{Device, Kind};
use super::mountinfo::Mount;
use super::search::Search;
use crate::directory;
use crate::system;

/// The block devices of a mounted btrfs: those of the directory in sysfs that has its source.
pub(super) fn devices(search: &Search<'_>, mount: &Mount) -> Vec<Device> {
    let Some(dir) = directory_of(search, mount) else { return Vec::new() };
    let entries = directory::entries(&dir.join("devices")).into_iter().flatten().flatten();
    entries.filter_map(|entry| device(&entry.path)).collect()
}

/// The algorithm of the checksums of a mounted btrfs, such as `crc32c (crc32c-intel)`.
pub(super) fn checksum(search: &Search<'_>, mount: &Mount) -> Option<String> {
    system::read_text(&directory_of(search, mount)?.join("checksum")).ok()
}

fn directory_of(search: &Search<'_>, mount: &Mount) -> Option<std::path::PathBuf> {
    let source = Path::new(&mount.source).file_name().filter(|_| mount.kind == "btrfs")?;
    let entries = directory::entries(&search.system.filesystem_dir(OsStr::new("btrfs"))).ok()?;
    let mut found = entries.flatten().map(|entry| entry.path);
    found.find(|dir| dir.join("devices").join(source).exists())
}

fn device(dir: &Path) -> Option<Device> {
    Device::parse(Kind::Block, &system::read_text(&dir.join("dev")).ok()?)
}
