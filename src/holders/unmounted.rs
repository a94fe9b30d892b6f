//! File systems that are mounted nowhere any more, or not yet: a process keeps them.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::os::fd::{AsFd, AsRawFd};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use modutils_sys::sockets::bound_file;

use super::bound_sockets;
use super::descriptors;
use super::device::{Device, Kind};
use super::holder::{Certainty, Holder, HolderKind};
use super::mountinfo::unescaped;
use super::mounts::{self, Superblock};
use super::process::Access;
use super::search::Search;
use crate::directory;
use crate::lines::lines;
use crate::system;

/// Processes with a file, directory or program on a superblock that no mount table has. The first
/// of each superblock accounts for the reference.
pub(super) fn of(search: &Search<'_>) -> Vec<Holder> {
    let processes = search.processes();
    let mounts = search.views().iter().flat_map(|view| &view.mounts);
    let mounted: HashSet<_> = mounts.map(|mount| mount.device).collect();
    let mut known: HashMap<Superblock, Option<Certainty>> = HashMap::new();
    let mut seen = Vec::new();
    let mut list = Vec::new();
    for file in search.held_files() {
        let Some(status) = file.status else { continue };
        let number = status.filesystem;
        // Internal mounts have no path that could be one of a mounted file system.
        if mounted.contains(&number) || search.is_late() {
            continue;
        }
        let Some(owner) = processes.owner(file) else { continue };
        let is_first = !known.contains_key(&number);
        let find = || certainty(search, || file.link(&owner.dir), &file.path, number);
        let certainty = *known.entry(number).or_insert_with(find);
        let this = (number, file.owner);
        let Some(certainty) = certainty.filter(|_| !seen.contains(&this)) else { continue };
        seen.push(this);
        let references = u64::from(is_first);
        let holder = Holder::new(file.holder(owner), certainty).with_references(references);
        list.push(owner.hold(holder));
    }
    let found: u64 = list.iter().map(|holder| holder.references).sum();
    if found < search.left() && search.aliases.is_filesystem(search.name()) {
        list.extend(mapped(search, &mounted, &mut known));
        list.extend(bound(search, &mounted, &mut known));
    }
    list
}

/// Processes with a socket whose name is on a superblock that no mount table has.
fn bound(
    search: &Search<'_>,
    mounted: &HashSet<Superblock>,
    known: &mut HashMap<Superblock, Option<Certainty>>,
) -> Vec<Holder> {
    let sockets = descriptors::sockets(search);
    let named = bound_sockets::named(search).into_iter().take_while(|_| !search.is_late());
    let holders = named.filter_map(|(inode, path)| {
        let descriptor = sockets.get(&inode)?;
        let file = bound_file(descriptor.duplicate(search)?.as_fd()).ok()?;
        let link = search.system.own_process(&format!("fd/{}", file.as_raw_fd()));
        let number = search.status_of_link(&link, Path::new(&path))?.filesystem;
        if mounted.contains(&number) || known.contains_key(&number) {
            return None;
        }
        let certainty = certainty(search, || Some(link), Path::new(&path), number);
        known.insert(number, certainty);
        let (process, access) = (descriptor.process(), Access::Bound);
        let kind = HolderKind::Process { process, tid: None, path: path.into(), access };
        Some(descriptor.hold(Holder::new(kind, certainty?).with_references(1)))
    });
    holders.collect()
}

/// Processes with a file in their memory that is on a superblock that no mount table has.
fn mapped(
    search: &Search<'_>,
    mounted: &HashSet<Superblock>,
    known: &mut HashMap<Superblock, Option<Certainty>>,
) -> Vec<Holder> {
    let mut list = Vec::new();
    let processes = search.processes().list.iter().filter(|seen| !seen.is_kernel_thread);
    for owner in processes.take_while(|_| !search.is_late()) {
        let text = system::read(&owner.dir.join("maps")).unwrap_or_default();
        for (range, number, path) in lines(&text).filter_map(mapping) {
            if mounted.contains(&number) || known.contains_key(&number) {
                continue;
            }
            let (link, path) = (owner.dir.join("map_files").join(range), unescaped(path));
            let certainty = certainty(search, || Some(link), Path::new(&path), number);
            known.insert(number, certainty);
            let Some(certainty) = certainty else { continue };
            let (process, access) = (owner.process.clone(), Access::Mapped);
            let kind = HolderKind::Process { process, tid: None, path: path.into(), access };
            list.push(owner.hold(Holder::new(kind, certainty).with_references(1)));
        }
    }
    list
}

/// The range, the superblock and the path in `7f00-7f01 r--s 00000000 07:00 301    /x`.
fn mapping(line: &[u8]) -> Option<(&str, Superblock, &[u8])> {
    let start = line.windows(2).position(|pair| pair == b" /")?;
    let (head, path) = line.split_at_checked(start)?;
    let mut fields = std::str::from_utf8(head).ok()?.split(' ');
    let range = fields.next()?;
    let (major, minor) = fields.nth(2)?.split_once(':')?;
    let number = |text| u32::from_str_radix(text, 16).ok();
    Some((range, (number(major)?, number(minor)?), path.get(1..)?))
}

fn certainty(
    search: &Search<'_>,
    link: impl FnOnce() -> Option<PathBuf>,
    path: &Path,
    (major, minor): Superblock,
) -> Option<Certainty> {
    if major != 0 {
        let device = Device { kind: Kind::Block, major, minor };
        if let Some(certainty) = search.certainty(device) {
            return Some(certainty);
        }
        if let Some(kind) = type_in_sysfs(search, device) {
            return mounts::is_of_type(search, &kind).then_some(Certainty::Known);
        }
    }
    // The files of a captured system are not here.
    if !search.system.is_live() {
        return None;
    }
    let kind = type_of(link()?)?;
    // Files of btrfs and of overlays have another number than the mount table tells.
    let mut mounts = search.views().iter().flat_map(|view| &view.mounts);
    if mounts.any(|mount| mount.kind == kind && path.starts_with(&mount.place)) {
        return None;
    }
    mounts::is_of_type(search, OsStr::new(kind)).then_some(Certainty::Known)
}

/// Some types have a directory for each of their devices: `/sys/fs/xfs/sda1`.
fn type_in_sysfs(search: &Search<'_>, device: Device) -> Option<std::ffi::OsString> {
    let dir = search.system.device_dir("block", device.major, device.minor);
    let name = std::fs::read_link(dir).ok()?.file_name()?.to_owned();
    let types = directory::entries(&search.system.filesystem_dir(OsStr::new(""))).ok()?;
    types.flatten().find(|entry| entry.path.join(&name).exists()).map(|entry| entry.name)
}

/// Magic numbers of types, from `include/uapi/linux/magic.h` and the file systems.
const MAGIC: &[(u32, &str)] = &[
    (0x5846_5342, "xfs"),
    (0xef53, "ext4"),
    (0x9123_683e, "btrfs"),
    (0x4d44, "vfat"),
    (0x2011_bab0, "exfat"),
    (0x7366_746e, "ntfs3"),
    (0xf2f5_2010, "f2fs"),
    (0x9660, "iso9660"),
    (0x1501_3346, "udf"),
    (0x7371_7368, "squashfs"),
    (0xe0f5_e1e2, "erofs"),
    (0x482b, "hfsplus"),
    (0x4244, "hfs"),
    (0x3153_464a, "jfs"),
    (0x3434, "nilfs2"),
    (0x5265_4973, "reiserfs"),
    (0x794c_7630, "overlay"),
    (0x6265_6570, "configfs"),
    (0x4249_4e4d, "binfmt_misc"),
    (0x0011_6197, "gfs2"),
    (0x7461_636f, "ocfs2"),
    (0x2405_1905, "ubifs"),
    (0x72b6, "jffs2"),
    (0x7275, "romfs"),
    (0x28cd_3d45, "cramfs"),
    (0x137f, "minix"),
    (0x138f, "minix"),
    (0x2468, "minix"),
    (0x2478, "minix"),
    (0x4d5a, "minix"),
    (0xf15f, "ecryptfs"),
    (0xca45_1a4e, "bcachefs"),
    (0x5a4f_4653, "zonefs"),
    (0x1bad_face, "bfs"),
    (0x6c6f_6f70, "binder"),
    (0x6969, "nfs"),
    (0xff53_4d42, "cifs"),
    (0xfe53_4d42, "smb3"),
    (0x00c3_6400, "ceph"),
    (0x0102_1997, "9p"),
    (0x6759_6969, "rpc_pipefs"),
    (0x6e66_7364, "nfsd"),
    (0x0a64_7361, "functionfs"),
];

/// How long a file system may take to say what type it is.
const PATIENCE: Duration = Duration::from_millis(100);

/// The type of the file system that has a file.
fn type_of(link: PathBuf) -> Option<&'static str> {
    // A file system in user space may never answer: then the thread is left behind.
    let (tell, hear) = mpsc::channel();
    let ask = move || {
        let _ = tell.send(magic(&link));
    };
    thread::Builder::new().spawn(ask).ok()?;
    let magic = hear.recv_timeout(PATIENCE).ok()??;
    MAGIC.iter().find(|(number, _)| *number == magic).map(|(_, kind)| *kind)
}

fn magic(link: &PathBuf) -> Option<u32> {
    let found = rustix::fs::statfs(link).ok()?;
    // Of 32 or 64 bits, with or without a sign, which depends on the architecture.
    u32::try_from(i128::from(found.f_type) & 0xffff_ffff).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mappings() {
        let line = b"7f00-7f01 r--s 00000000 07:1f 301                        /a b";
        assert_eq!(mapping(line), Some(("7f00-7f01", (7, 31), &b"/a b"[..])));
        assert_eq!(mapping(b"7f00-7f01 rw-p 00000000 00:00 0    [heap]"), None);
        assert_eq!(mapping(b""), None);
    }
}
