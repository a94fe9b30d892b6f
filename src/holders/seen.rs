//! Processes, what they have open, and their namespaces.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::device::Device;
use super::holder::{Holder, HolderKind};
use super::process::{Access, Process};
use super::slow_mounts::SlowMounts;

/// What one walk through `/proc` finds.
#[derive(Default)]
pub(super) struct Processes {
    /// Sorted by process ID.
    pub(super) list: Vec<Seen>,
    pub(super) files: Vec<OpenFile>,
    /// The threads beside the first one of each process: they can have namespaces of their own.
    pub(super) threads: Vec<Thread>,
    pub(super) slow: SlowMounts,
}

/// A thread that is not the first one of its process.
pub(super) struct Thread {
    /// ID of the process.
    pub(super) owner: i32,
    pub(super) tid: i32,
    /// Its directory below that of the process.
    pub(super) dir: PathBuf,
}

/// A process that was seen.
pub(super) struct Seen {
    pub(super) process: Process,
    /// Its directory below `/proc`.
    pub(super) dir: PathBuf,
    /// Whether it is the calling process.
    pub(super) is_caller: bool,
    pub(super) is_kernel_thread: bool,
    /// Inode number of its mount namespace.
    pub(super) mount_namespace: Option<u64>,
}

/// A file that a process holds.
pub(super) struct OpenFile {
    /// ID of the process.
    pub(super) owner: i32,
    /// The thread, if it has a descriptor table of its own.
    pub(super) tid: Option<i32>,
    /// The number of the descriptor, if there is one.
    pub(super) fd: Option<u32>,
    /// The target of the link, such as `/dev/null`, `socket:[71]`, `anon_inode:bpf-prog`.
    pub(super) path: PathBuf,
    pub(super) access: Access,
    /// Whether the directory is the root directory of the process.
    pub(super) is_root: bool,
    /// Only for files with a path.
    pub(super) status: Option<Status>,
}

/// The part of a file's status that counts here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Status {
    /// The number of the file system's device.
    pub(super) filesystem: (u32, u32),
    /// The device that the file is a node of.
    pub(super) device: Option<Device>,
}

impl Processes {
    /// The process that holds `file`.
    pub(super) fn owner(&self, file: &OpenFile) -> Option<&Seen> {
        self.by_pid(file.owner)
    }

    /// A process by its ID.
    pub(super) fn by_pid(&self, pid: i32) -> Option<&Seen> {
        let place = self.list.binary_search_by_key(&pid, |seen| seen.process.pid).ok()?;
        self.list.get(place)
    }

    /// The threads that have a namespace, by its file in `ns`, that `is_new` says yes to, each as a
    /// process with the thread's number.
    pub(super) fn threads_in<'a>(
        &'a self,
        file: &'a str,
        mut is_new: impl FnMut(u64) -> bool + 'a,
    ) -> impl Iterator<Item = (Process, &'a Path)> {
        self.threads.iter().filter_map(move |thread| {
            let link = fs::read_link(thread.dir.join("ns").join(file)).ok()?;
            let number = link_number(link.as_os_str().as_bytes())?;
            let owner = self.by_pid(thread.owner).filter(|_| is_new(number))?;
            let process = Process { pid: thread.tid, ..owner.process.clone() };
            Some((process, thread.dir.as_path()))
        })
    }
}

impl OpenFile {
    /// The link to the file in the directory of its process.
    pub(super) fn link(&self, dir: &Path) -> Option<PathBuf> {
        let fd = self.fd.map(|fd| fd.to_string());
        let dir = match self.tid {
            Some(tid) => dir.join("task").join(tid.to_string()),
            None => dir.to_owned(),
        };
        match (self.access, fd) {
            (Access::Open, Some(fd)) => Some(dir.join("fd").join(fd)),
            (Access::Program, _) => Some(dir.join("exe")),
            (Access::Directory, _) => Some(dir.join(if self.is_root { "root" } else { "cwd" })),
            _ => None,
        }
    }

    /// The inode number, if it is a socket.
    pub(super) fn socket(&self) -> Option<u64> {
        let link = self.path.as_os_str().as_bytes();
        link.starts_with(b"socket:[").then(|| link_number(link))?
    }

    /// What the kernel says about the descriptor.
    pub(super) fn info(&self, dir: &Path) -> Option<PathBuf> {
        let dir = match self.tid {
            Some(tid) => dir.join("task").join(tid.to_string()),
            None => dir.to_owned(),
        };
        Some(dir.join("fdinfo").join(self.fd?.to_string()))
    }

    /// The holder that the file makes of its process.
    pub(super) fn holder(&self, owner: &Seen) -> HolderKind {
        HolderKind::Process {
            process: owner.process.clone(),
            tid: self.tid,
            path: self.path.clone().into(),
            access: self.access,
        }
    }
}

impl Seen {
    /// Adds the command that ends the process to its hold, unless that would be the caller.
    pub(super) fn hold(&self, holder: Holder) -> Holder {
        let holder = Holder { is_caller: self.is_caller, ..holder };
        if self.is_caller {
            return holder;
        }
        holder.ended_by(format!("kill {}", self.process.pid))
    }
}

/// The inode number in a link such as `mnt:[4026531841]` or `socket:[71]`.
pub(super) fn link_number(link: &[u8]) -> Option<u64> {
    let (_, number) = std::str::from_utf8(link).ok()?.split_once(":[")?;
    number.strip_suffix(']')?.parse().ok()
}
