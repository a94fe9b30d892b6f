//! Unix sockets with a name in a file system: each keeps the mount that has its name.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStringExt;
use std::path::Path;

use super::holder::{Certainty, Holder, HolderKind};
use super::mounts::{Superblock, is_below};
use super::namespaces::in_each;
use super::process::Access;
use super::search::Search;
use crate::system;

/// Processes with a socket that is bound to a name in one of the file systems, which are mounted on
/// these places.
pub(super) fn on(
    search: &Search<'_>,
    superblocks: &HashSet<Superblock>,
    places: &[&OsStr],
) -> Vec<Holder> {
    in_each(search, |search| {
        let mut list = Vec::new();
        for (inode, path) in named(search) {
            if !is_below(&path, places) {
                continue;
            }
            // The name can have been removed; another file system can be mounted there.
            let status = search.status(Path::new(&path));
            if status.is_none_or(|status| superblocks.contains(&status.filesystem)) {
                list.extend(owners(search, inode, &path));
            }
        }
        list
    })
}

/// The sockets of the network namespace with a name in a file system, by inode number.
pub(super) fn named(search: &Search<'_>) -> Vec<(u64, OsString)> {
    let table = system::read(&search.system.network_file("unix")).unwrap_or_default();
    bound(&table).collect()
}

/// The processes that share the caller's mounts and have the socket.
fn owners(search: &Search<'_>, inode: u64, path: &OsStr) -> Vec<Holder> {
    let processes = search.processes();
    let own = processes.list.iter().find(|seen| seen.is_caller);
    let mounts = own.and_then(|own| own.mount_namespace);
    let mut seen = HashSet::new();
    let files = processes.files.iter().filter(|file| file.socket() == Some(inode));
    files
        .filter_map(|file| {
            let owner = processes.owner(file).filter(|owner| {
                !owner.is_caller && owner.mount_namespace == mounts && seen.insert(file.owner)
            })?;
            let process = owner.process.clone();
            let (tid, path, access) = (file.tid, path.into(), Access::Bound);
            let kind = HolderKind::Process { process, tid, path, access };
            Some(owner.hold(Holder::new(kind, Certainty::Known)))
        })
        .collect()
}

/// The inode numbers and the paths in rows of
/// `0000000000000000: 00000002 00000000 00010000 0001 01 15063 /run/x` (`unix_seq_show` in
/// `net/unix/af_unix.c`). Abstract names begin with `@`.
fn bound(table: &[u8]) -> impl Iterator<Item = (u64, OsString)> {
    table.split(|&byte| byte == b'\n').filter_map(|row| {
        let slash = row.windows(2).position(|pair| pair == b" /")?;
        let (head, path) = row.split_at_checked(slash)?;
        let inode = head.rsplit(|&byte| byte == b' ').next()?;
        let inode = std::str::from_utf8(inode).ok()?.parse().ok()?;
        Some((inode, OsString::from_vec(path.get(1..)?.to_vec())))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_file_systems() {
        let table = b"Num       RefCount Protocol Flags    Type St Inode Path\n\
            0000000000000000: 00000002 00000000 00010000 0001 01 15063 /run/a b\n\
            0000000000000000: 00000003 00000000 00000000 0001 03 15064\n\
            0000000000000000: 00000002 00000000 00010000 0001 01 15065 @/abstract\n\
            damaged /x\n";
        let found: Vec<_> = bound(table).collect();
        assert_eq!(found, [(15063, "/run/a b".into())]);
    }
}
