//! The processes that were seen, and the status of their files.

use std::ffi::OsStr;
use std::os::fd::BorrowedFd;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, FileType, StatxFlags, statx};
use rustix::io::Errno;

use super::device::Device;
use super::devices;
use super::search::Search;
use super::seen::{Processes, Seen, Status};

impl Search<'_> {
    /// The processes, which are looked at once.
    pub(super) fn processes(&self) -> &Processes {
        self.scene.processes.get_or_init(|| Processes::scan(self))
    }

    /// Whether looking at a file of a process could hang.
    pub(super) fn is_slow(&self, seen: &Seen, path: &Path) -> bool {
        self.processes().slow.of(seen.mount_namespace, &seen.dir).holds(path)
    }

    /// The status of a file that the caller sees; nothing if looking at it could hang.
    pub(super) fn status(&self, path: &Path) -> Option<Status> {
        let mut processes = self.processes().list.iter();
        let is_slow = |own| self.is_slow(own, path);
        let slow = processes.find(|seen| seen.is_caller).is_some_and(is_slow);
        if slow { None } else { self.status_of_link(path, path) }
    }

    /// The status of the file that a link of `/proc` leads to. Links of a captured system
    /// lead outside: there, the file's path gives the number of a device, and nothing else.
    pub(super) fn status_of_link(&self, link: &Path, path: &Path) -> Option<Status> {
        self.status_at((CWD, link.as_os_str()), path)
    }

    /// The same for a link in an open directory.
    pub(super) fn status_at(&self, link: (BorrowedFd<'_>, &OsStr), path: &Path) -> Option<Status> {
        if self.system.is_live() {
            return status(link);
        }
        let nodes = self.scene.nodes.get_or_init(|| devices::nodes(self.system));
        let found = nodes.iter().find(|(_, node)| node == path);
        found.map(|(device, _)| Status { filesystem: (0, 0), device: Some(*device) })
    }
}

/// Without waiting, not even for a file on a server that is gone.
fn status((directory, name): (BorrowedFd<'_>, &OsStr)) -> Option<Status> {
    match statx(directory, name, AtFlags::STATX_DONT_SYNC, StatxFlags::TYPE) {
        Ok(status) => {
            let kind = FileType::from_raw_mode(status.stx_mode.into());
            let device = Device::new(kind, status.stx_rdev_major, status.stx_rdev_minor);
            Some(Status { filesystem: (status.stx_dev_major, status.stx_dev_minor), device })
        }
        // Linux before 4.11 lacks this choice.
        Err(Errno::NOSYS) => {
            let status = rustix::fs::statat(directory, name, AtFlags::empty()).ok()?;
            let (device, node) = (status.st_dev, status.st_rdev);
            let kind = FileType::from_raw_mode(status.st_mode);
            let (major, minor) = (rustix::fs::major, rustix::fs::minor);
            let filesystem = (major(device), minor(device));
            Some(Status { filesystem, device: Device::new(kind, major(node), minor(node)) })
        }
        Err(_) => None,
    }
}
