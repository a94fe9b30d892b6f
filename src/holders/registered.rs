//! Device files that are held without a descriptor: mapped, or registered with `io_uring`.

use std::cell::LazyCell;
use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::devices;
use super::holder::{Certainty, Holder, HolderKind};
use super::mountinfo::unescaped;
use super::parts;
use super::process::Access;
use super::search::Search;
use super::seen::Seen;
use crate::lines::lines;
use crate::order;
use crate::system;

/// Files in the memory of processes whose descriptors are closed.
pub(super) fn mapped(search: &Search<'_>) -> Vec<Holder> {
    let processes = search.processes().list.iter().filter(|seen| !seen.is_kernel_thread);
    let processes: Vec<_> = processes.collect();
    let parts = parts::of(&processes, |processes| {
        let mut known = HashMap::new();
        let mut list = Vec::new();
        for seen in processes.iter().take_while(|_| !search.is_late()) {
            let text = system::read(&seen.dir.join("maps")).unwrap_or_default();
            for path in mapped_paths(&text) {
                let key = (seen.mount_namespace, path.to_vec());
                let certainty =
                    *known.entry(key).or_insert_with(|| certainty(search, seen, &unescaped(path)));
                let Some(certainty) = certainty else { continue };
                list.push(holder(seen, Path::new(&unescaped(path)), Access::Mapped, certainty));
            }
        }
        list
    });
    let mut list: Vec<_> = parts.into_iter().flatten().collect();
    // A file that is open, too, was found there; one open file can be mapped many times.
    let open = search.processes();
    list.retain(|holder| {
        let HolderKind::Process { process, path, .. } = &holder.kind else { return true };
        !open.files.iter().any(|file| {
            file.path.as_os_str() == path.as_os_str()
                && open.owner(file).is_some_and(|owner| owner.process == *process)
        })
    });
    list
}

/// The paths in lines such as `7f00-7f01 r--s 00000000 00:06 301    /dev/x`, each once.
fn mapped_paths(text: &[u8]) -> Vec<&[u8]> {
    let mut paths: Vec<_> = lines(text).filter_map(mapped_path).collect();
    // A library has several mappings after each other.
    paths.dedup();
    // Most private mappings are not devices; but a mapping of a file that was opened for reading
    // only appears as private, too.
    let is_library = |path: &[u8]| path.windows(3).any(|part| part == b".so");
    paths.retain(|path| !is_library(path) && !path.ends_with(b" (deleted)"));
    order::sort(&mut paths);
    paths.dedup();
    paths
}

fn mapped_path(line: &[u8]) -> Option<&[u8]> {
    let start = memchr::memchr(b'/', line)?;
    let before = line.get(..start)?;
    before.ends_with(b" ").then(|| line.get(start..))?
}

/// Files that are registered with an `io_uring` (`IORING_REGISTER_FILES`), which its `fdinfo` lists
/// by path, or by the last component of the path before Linux 6.13 (`io_uring/fdinfo.c`).
pub(super) fn with_io_uring(search: &Search<'_>) -> Vec<Holder> {
    let processes = search.processes();
    let files = processes.files.iter();
    let rings = files.filter(|file| file.path == Path::new("anon_inode:[io_uring]"));
    let own = LazyCell::new(|| own_nodes(search));
    let mut list = Vec::new();
    for ring in rings {
        let Some(owner) = processes.owner(ring) else { continue };
        let text = ring.info(&owner.dir).and_then(|info| system::read(&info).ok());
        for file in registered(&text.unwrap_or_default()) {
            let file = unescaped(file);
            if file.as_bytes().starts_with(b"/") {
                if let Some(certainty) = certainty(search, owner, &file) {
                    list.push(holder(owner, Path::new(&file), Access::IoUring, certainty));
                }
            } else if let Some(path) = own.iter().find(|path| path.file_name() == Some(&file)) {
                list.push(holder(owner, path, Access::IoUring, Certainty::Likely));
            }
        }
    }
    list
}

/// The device nodes of the module.
pub(super) fn own_nodes(search: &Search<'_>) -> Vec<PathBuf> {
    let nodes = devices::nodes(search.system).into_iter();
    let own = nodes.filter(|(device, _)| search.certainty(*device).is_some());
    own.map(|(_, path)| path).collect()
}

/// The lines `    0: /dev/x` after `UserFiles: 1`.
fn registered(text: &[u8]) -> Vec<&[u8]> {
    let lines = text.split(|&byte| byte == b'\n');
    let lines = lines.skip_while(|line| !line.starts_with(b"UserFiles:")).skip(1);
    let files = lines.take_while(|line| line.starts_with(b" "));
    files
        .filter_map(|line| {
            let colon = line.iter().position(|&byte| byte == b':')?;
            let path = line.get(colon + 1..)?.trim_ascii();
            (path != b"<none>").then_some(path)
        })
        .collect()
}

fn certainty(search: &Search<'_>, seen: &Seen, path: &OsStr) -> Option<Certainty> {
    // As the process sees it; a slow mount could hang.
    let inside = path.as_bytes().strip_prefix(b"/")?;
    if search.is_slow(seen, Path::new(path)) {
        return None;
    }
    let place: PathBuf = seen.dir.join("root").join(OsStr::from_bytes(inside));
    search.certainty(search.status_of_link(&place, Path::new(path))?.device?)
}

fn holder(seen: &Seen, path: &Path, access: Access, certainty: Certainty) -> Holder {
    let (process, path) = (seen.process.clone(), path.as_os_str().into());
    let kind = HolderKind::Process { process, tid: None, path, access };
    let holder = Holder::new(kind, certainty).with_references(1);
    seen.hold(Holder { may_take_two: true, ..holder })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mapped_files() {
        let text = b"7f00-7f01 r--s 00000000 00:06 301          /dev/x\n\
                     7f01-7f02 r-xp 00000000 08:01 301          /usr/lib/libc.so.6\n\
                     7f02-7f03 rw-p 00000000 00:00 0            [heap]\n\
                     7f03-7f04 rw-p 00000000 00:00 0            [anon:a/b]\n\
                     7f04-7f05 rw-p 00000000 00:00 0 \n\
                     7f05-7f06 r--s 00000000 00:06 301          /dev/x (deleted)\n\
                     7f06-7f07 r--s 00001000 00:06 302          /dev/a b\n\
                     7f07-7f08 r--s 00001000 00:06 301          /dev/x\n";
        assert_eq!(mapped_paths(text), [&b"/dev/a b"[..], b"/dev/x"]);
    }

    #[test]
    fn files_of_a_ring() {
        let text =
            b"SqMask:\t0x3\nUserFiles:\t2\n    0: /dev/x\n    1: <none>\n    2: y\nUserBufs:\t0\n";
        assert_eq!(registered(text), [&b"/dev/x"[..], b"y"]);
    }
}
