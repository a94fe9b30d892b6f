//! Descriptors of what has no path: sockets, programs of BPF, namespaces.

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};

use super::holder::Holder;
use super::process::{Namespace, Process};
use super::search::Search;
use super::seen::{OpenFile, Seen, link_number};
use crate::system;

/// A descriptor of a process.
#[derive(Clone, Copy)]
pub(super) struct Descriptor<'a> {
    file: &'a OpenFile,
    owner: &'a Seen,
}

/// The descriptors of other processes whose link starts with `prefix`.
pub(super) fn with_prefix<'a>(
    search: &'a Search<'_>,
    prefix: &'a [u8],
) -> impl Iterator<Item = Descriptor<'a>> {
    let processes = search.processes();
    processes.files.iter().filter_map(move |file| {
        let owner = processes.owner(file).filter(|owner| !owner.is_caller)?;
        let is_wanted = file.path.as_os_str().as_bytes().starts_with(prefix);
        (is_wanted && file.fd.is_some()).then_some(Descriptor { file, owner })
    })
}

/// The sockets by inode number, each with its first descriptor.
pub(super) fn sockets<'a>(search: &'a Search<'_>) -> HashMap<u64, Descriptor<'a>> {
    let mut sockets = HashMap::new();
    for descriptor in with_prefix(search, b"socket:[") {
        if let Some(inode) = link_number(descriptor.link()) {
            sockets.entry(inode).or_insert(descriptor);
        }
    }
    sockets
}

impl Descriptor<'_> {
    /// What it is linked to.
    pub(super) fn link(&self) -> &[u8] {
        self.file.path.as_os_str().as_bytes()
    }

    pub(super) fn process(&self) -> Process {
        self.owner.process.clone()
    }

    /// The link of `/proc/PID/fd`.
    pub(super) fn path(&self) -> Option<PathBuf> {
        Some(self.owner.dir.join("fd").join(self.file.fd?.to_string()))
    }

    /// The namespace that it refers to, and the file to enter it by.
    pub(super) fn namespace(&self) -> Option<(Namespace, PathBuf)> {
        let fd = self.file.fd?;
        Some((Namespace::of_descriptor(&self.owner.process, fd), self.path()?))
    }

    /// Adds the command that ends the process.
    pub(super) fn hold(&self, holder: Holder) -> Holder {
        self.owner.hold(holder)
    }

    /// What `/proc/PID/fdinfo` tells about it, see proc(5).
    pub(super) fn info(&self) -> String {
        let path = self.file.info(&self.owner.dir);
        path.and_then(|path| system::read_text(&path).ok()).unwrap_or_default()
    }

    /// A copy of the descriptor (Linux 5.6), which needs the right to trace the process.
    pub(super) fn duplicate(&self, search: &Search<'_>) -> Option<OwnedFd> {
        if !search.system.is_live() || self.file.tid.is_some() {
            return None;
        }
        let number = i32::try_from(self.file.fd?).ok()?;
        let process = Pid::from_raw(self.owner.process.pid)?;
        let process = pidfd_open(process, PidfdFlags::empty()).ok()?;
        pidfd_getfd(process, number, PidfdGetfdFlags::empty()).ok()
    }
}

/// The value of a line `KEY: VALUE` of a descriptor's information.
pub(super) fn field<'a>(info: &'a str, key: &str) -> Option<&'a str> {
    let value = info.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
    Some(value.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_the_information() {
        let info = "pos:\t0\nlink_type:\ttracing\nlink_id:\t7\n";
        assert_eq!(field(info, "link_id"), Some("7"));
        assert_eq!(field(info, "link_type"), Some("tracing"));
        assert_eq!(field(info, "link"), None);
        assert_eq!(field("", "pos"), None);
    }
}
