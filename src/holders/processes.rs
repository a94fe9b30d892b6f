//! Processes: the devices and sockets they have open, and the mounts they see.

use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, StatxFlags, getxattr, statx};
use rustix::io::Errno;

use super::devices::{Device, Kind};
use super::mounts::Mounts;
use super::network::Protocols;
use super::search::{OmissionReason, Search};
use super::{Access, Certainty, Holder, HolderKind, Process};
use crate::directory;
use crate::system;

/// What one walk through `/proc` finds.
#[derive(Default)]
pub(super) struct Processes {
    /// Those that hold the module in question; several open files of a kind in one.
    pub(super) holders: Vec<Holder>,
    pub(super) mounts: Mounts,
    pub(super) hidden: u64,
}

enum What {
    Device(Device),
    /// A socket of one of the module's protocols.
    Socket(OsString),
}

/// Processes that have its devices or sockets open, and the mounts that any process sees.
pub(super) fn of(search: &Search<'_>) -> Vec<Holder> {
    let found = Processes::scan(search);
    match found.hidden {
        0 => {}
        1 => search.omit("1 process", OmissionReason::PermissionDenied),
        count => search.omit(format!("{count} processes"), OmissionReason::PermissionDenied),
    }
    [found.holders, found.mounts.holders()].concat()
}

impl Processes {
    pub(super) fn scan(search: &Search<'_>) -> Self {
        let mut found = Self::default();
        let protocols = Protocols::of(search);
        let caller = caller(search);
        let mut name_spaces = HashSet::new();
        let Ok(entries) = directory::entries(&search.system.processes()) else { return found };
        for entry in entries.flatten() {
            let Some(pid) = entry.name.to_str().and_then(|name| name.parse().ok()) else {
                continue;
            };
            if search.is_late() {
                break;
            }
            let dir = entry.path;
            if fs::read_link(dir.join("ns/mnt")).is_ok_and(|space| name_spaces.insert(space)) {
                let mounts = system::read(&dir.join("mountinfo")).unwrap_or_default();
                found.mounts.add(search, &mounts);
            }
            found.look_into(search, &protocols, (pid, caller == Some(pid)), &dir);
        }
        if name_spaces.is_empty() {
            let own = search.system.processes().join("self/mountinfo");
            found.mounts.add(search, &system::read(&own).unwrap_or_default());
        }
        found
    }

    fn look_into(
        &mut self,
        search: &Search<'_>,
        protocols: &Protocols,
        (pid, is_caller): (i32, bool),
        dir: &Path,
    ) {
        let files = match directory::entries(&dir.join("fd")) {
            Ok(files) => files,
            // It has ended in the meantime.
            Err(error) if error.is_absent() => return,
            Err(_) => {
                self.hidden += 1;
                return;
            }
        };
        let mut process = None;
        let mut known = HashMap::new();
        for file in files.flatten().map(|entry| entry.path) {
            if search.is_late() {
                break;
            }
            let Some((path, what)) = look_at(&file, protocols) else { continue };
            let process = process.get_or_insert_with(|| {
                let name = system::read(&dir.join("comm")).unwrap_or_default();
                Process::new(pid, OsStr::from_bytes(name.trim_ascii_end()))
            });
            let Some(holder) = holder(search, process, path.clone(), what) else { continue };
            let index = *known.entry(holder.kind.clone()).or_insert(self.holders.len());
            if let Some(known) = self.holders.get_mut(index) {
                known.references += holder.references;
                continue;
            }
            // Ending the caller is no advice.
            let way_out = holder.way_out.clone().filter(|_| !is_caller);
            self.holders.push(Holder { way_out, is_caller, ..holder });
        }
    }
}

/// What an open file makes of its process, if it holds the module in question.
fn holder(search: &Search<'_>, process: &Process, path: PathBuf, what: What) -> Option<Holder> {
    let process = process.clone();
    let command = format!("kill {}", process.pid);
    Some(match what {
        What::Socket(protocol) => {
            // One for the operations of its family, one for its protocol.
            let kind = HolderKind::Socket { process, protocol: protocol.into() };
            Holder::known(kind).with_references(2).ended_by(command)
        }
        What::Device(device) => {
            let certainty = search.certainty(device)?;
            let (path, access) = (path.into(), Access::Open);
            let kind = HolderKind::Process { process, tid: None, path, access };
            let holder = Holder::new(kind, certainty)
                .with_references(references(search, device, certainty))
                .ended_by(command);
            let may_take_two = device.has_cdev() && certainty != Certainty::Possible;
            Holder { may_take_two, ..holder }
        }
    })
}

/// The calling process, in the pid name space of `/proc`.
fn caller(search: &Search<'_>) -> Option<i32> {
    fs::read_link(search.system.processes().join("self")).ok()?.to_str()?.parse().ok()
}

fn references(search: &Search<'_>, device: Device, certainty: Certainty) -> u64 {
    match certainty {
        Certainty::Possible => 0,
        // The file holds the module once as a device, once as a socket (tun_chr_open).
        _ if search.name() == b"tun" && device.kind == Kind::Char => 2,
        _ => 1,
    }
}

/// Whether an open file is one that holds a module.
fn look_at(file: &Path, protocols: &Protocols) -> Option<(PathBuf, What)> {
    let path = fs::read_link(file).ok()?;
    let name = path.as_os_str().as_bytes();
    if name.starts_with(b"socket:[") {
        let protocol = protocols.one_of(&protocol_of(file, protocols)?)?;
        return Some((path, What::Socket(protocol)));
    }
    // Anything without a path is no device node.
    if !name.starts_with(b"/") {
        return None;
    }
    // Not even a file on a server that is gone is waited for.
    let status = statx(CWD, file, AtFlags::STATX_DONT_SYNC, StatxFlags::TYPE);
    let device = match status {
        Ok(status) => Device::new(
            FileType::from_raw_mode(status.stx_mode.into()),
            status.stx_rdev_major,
            status.stx_rdev_minor,
        ),
        // Before Linux 4.11 there is no such choice.
        Err(Errno::NOSYS) => Device::of_file(file),
        Err(_) => None,
    };
    Some((path, What::Device(device?)))
}

/// The protocol's name, which sockets have as an attribute (`sockfs_xattr_get` in `net/socket.c`,
/// Linux 3.7).
fn protocol_of(file: &Path, protocols: &Protocols) -> Option<Vec<u8>> {
    if protocols.is_empty() {
        return None;
    }
    let mut name = [0; 64];
    let length = getxattr(file, "system.sockprotoname", &mut name).ok()?;
    let name = name.get(..length)?;
    Some(name.split(|&byte| byte == 0).next().unwrap_or(name).to_vec())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::time::{Duration, Instant};

    use super::*;
    use crate::loaded::Snapshot;
    use crate::system::System;

    /// Two processes that have `/dev/null` open, which is of the module `null` here.
    struct Fixture(PathBuf);

    impl Fixture {
        fn new(name: &str) -> Self {
            let root = std::env::temp_dir().join(format!("modutils-{name}-{}", std::process::id()));
            let write = |path: &str, text: &str| {
                let path = root.join(path);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, text).unwrap();
            };
            write("proc/sys/kernel/osrelease", "1.0\n");
            write("lib/modules/1.0/modules.alias", "alias char-major-1-3 null\n");
            for (pid, files) in [("7", 3), ("9", 1)] {
                write(&format!("proc/{pid}/comm"), &format!("command{pid}\n"));
                let fds = root.join("proc").join(pid).join("fd");
                fs::create_dir_all(&fds).unwrap();
                for file in 0..files {
                    symlink("/dev/null", fds.join(file.to_string())).unwrap();
                }
                symlink("/dev/zero", fds.join("98")).unwrap();
                symlink("pipe:[12]", fds.join("99")).unwrap();
            }
            Self(root)
        }

        /// Process and path of each holder, its references, and whether all was looked at.
        fn scan(&self, time: Duration) -> (Vec<(String, u64)>, bool) {
            let system = System::at(&self.0);
            let snapshot = Snapshot::parse(b"null 1 4 - Live 0x0\n").unwrap();
            let module = snapshot.modules().first().unwrap();
            let search = Search::until(Instant::now() + time, &system, module);
            let mut found = Processes::default();
            let protocols = Protocols::of(&search);
            for pid in [7, 9] {
                let dir = system.processes().join(pid.to_string());
                found.look_into(&search, &protocols, (pid, false), &dir);
            }
            let holders = found.holders.into_iter();
            let holders = holders.map(|holder| (holder.kind.to_string(), holder.references));
            (holders.collect(), !search.was_cut())
        }
    }

    impl Drop for Fixture {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }

    #[test]
    fn open_files_of_a_kind_are_one_holder() {
        let found = Fixture::new("open-files").scan(Duration::from_secs(60));
        let expected =
            [("command7 (7) has /dev/null open", 3), ("command9 (9) has /dev/null open", 1)];
        assert_eq!(found, (expected.map(|(text, count)| (text.to_owned(), count)).to_vec(), true));
    }

    #[test]
    fn the_clock_is_looked_at_within_a_process() {
        assert_eq!(Fixture::new("too-late").scan(Duration::ZERO), (Vec::new(), false));
    }
}
