//! Processes: the devices and sockets they have open, and the mounts they see.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, StatxFlags, getxattr, statx};
use rustix::io::Errno;

use super::devices::{Device, Kind, Owners};
use super::mounts::Mounts;
use super::network::Protocols;
use super::{Certainty, Holder, HolderKind, Process, Search};
use crate::directory;
use crate::system;

/// What one walk through `/proc` finds.
pub(super) struct Processes {
    open: Vec<Open>,
    pub(super) mounts: Mounts,
    pub(super) hidden: u64,
    pub(super) incomplete: bool,
}

/// An open file that holds some module.
struct Open {
    process: Process,
    is_caller: bool,
    path: PathBuf,
    what: What,
}

enum What {
    Device(Device),
    /// A socket of one of the module's protocols.
    Socket(OsString),
}

impl Processes {
    pub(super) fn scan(search: &Search<'_>) -> Self {
        let mut found =
            Self { open: Vec::new(), mounts: Mounts::default(), hidden: 0, incomplete: false };
        let protocols = Protocols::of(search);
        let caller = caller(search);
        let mut name_spaces = HashSet::new();
        let Ok(entries) = directory::entries(&search.system.processes()) else { return found };
        for entry in entries.flatten() {
            let Some(pid) = entry.name.to_str().and_then(|name| name.parse().ok()) else {
                continue;
            };
            if search.is_late() {
                found.incomplete = true;
                break;
            }
            let dir = entry.path;
            if fs::read_link(dir.join("ns/mnt")).is_ok_and(|space| name_spaces.insert(space)) {
                found.mounts.add(&system::read(&dir.join("mountinfo")).unwrap_or_default());
            }
            found.look_into(pid, caller == Some(pid), &dir, &protocols);
        }
        if name_spaces.is_empty() {
            let own = search.system.processes().join("self/mountinfo");
            found.mounts.add(&system::read(&own).unwrap_or_default());
        }
        found
    }

    fn look_into(&mut self, pid: i32, is_caller: bool, dir: &Path, protocols: &Protocols) {
        let files = match directory::entries(&dir.join("fd")) {
            Ok(files) => files,
            // It has ended in the meantime.
            Err(error) if error.is_absent() => return,
            Err(_) => {
                self.hidden += 1;
                return;
            }
        };
        let mut command = None;
        for file in files.flatten().map(|entry| entry.path) {
            let Some((path, what)) = look_at(&file, protocols) else { continue };
            let command = command.get_or_insert_with(|| {
                let name = system::read(&dir.join("comm")).unwrap_or_default();
                OsStr::from_bytes(name.trim_ascii_end()).to_owned()
            });
            let process = Process { pid, command: command.clone() };
            self.open.push(Open { process, is_caller, path, what });
        }
    }

    /// Those that hold the module in question; several open files of a kind in one.
    pub(super) fn holders(&self, search: &Search<'_>, owners: &Owners<'_>) -> Vec<Holder> {
        let mut list: Vec<Holder> = Vec::new();
        for Open { process, is_caller, path, what } in &self.open {
            let mut holder = match what {
                What::Socket(protocol) => Holder {
                    name: Some(protocol.clone()),
                    // One for the operations of its family, one for its protocol.
                    references: 2,
                    ..Holder::new(HolderKind::Socket, Certainty::Known)
                },
                What::Device(device) => match owners.certainty(*device) {
                    Some(certainty) => Holder {
                        may_take_two: device.has_cdev() && certainty != Certainty::Possible,
                        references: references(search, *device, certainty),
                        path: Some(path.clone()),
                        ..Holder::new(HolderKind::Process, certainty)
                    },
                    None => continue,
                },
            };
            holder.process = Some(process.clone());
            holder.is_caller = *is_caller;
            match list.iter_mut().find(|known| {
                (&known.process, &known.path, &known.name)
                    == (&holder.process, &holder.path, &holder.name)
            }) {
                Some(known) => known.references += holder.references,
                None => list.push(holder),
            }
        }
        list
    }
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
