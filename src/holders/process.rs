//! Processes and namespaces, as a report names them.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use super::text::Text;

/// A process.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Process {
    /// Process ID, in the PID namespace of `/proc`.
    pub pid: i32,
    /// Command name, from `/proc/PID/comm`.
    pub command: Text,
}

/// How a process holds a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum Access {
    /// One of its descriptors refers to the file.
    Open,
    /// The file is mapped into its memory, and no descriptor refers to it.
    Mapped,
    /// The file is registered with one of its `io_uring` instances.
    IoUring,
    /// The file is in flight in one of its Unix sockets.
    InFlight,
    /// A Unix socket whose name it is.
    Bound,
    /// The file is its working or root directory.
    Directory,
    /// The file is the program that it runs.
    Program,
}

/// A namespace other than the caller's, by what keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(untagged))]
#[non_exhaustive]
pub enum Namespace {
    /// A descriptor of a process.
    Descriptor {
        /// Process ID.
        pid: i32,
        /// Command name of the process.
        command: Text,
        /// Number of the descriptor.
        fd: u32,
    },
    /// A process that lives in it.
    Process {
        /// Process ID.
        pid: i32,
        /// Command name of the process.
        command: Text,
    },
    /// A name in `/run/netns`, see ip-netns(8).
    Named {
        /// The name.
        name: Text,
    },
    /// A bind mount.
    Path {
        /// Where the namespace is mounted.
        path: Text,
    },
}

impl Process {
    pub(super) fn new(pid: i32, command: impl Into<OsString>) -> Self {
        Self { pid, command: Text::from(command.into()) }
    }
}

impl Namespace {
    pub(super) fn of_process(process: &Process) -> Self {
        Self::Process { pid: process.pid, command: process.command.clone() }
    }

    pub(super) fn of_descriptor(process: &Process, fd: u32) -> Self {
        Self::Descriptor { pid: process.pid, command: process.command.clone(), fd }
    }

    /// The beginning of a command line that runs a command in the network namespace.
    pub(super) fn enter_network(&self) -> String {
        match self {
            Self::Named { name } => format!("ip netns exec {} ", name.word()),
            Self::Path { path } => format!("nsenter --net={} ", path.word()),
            Self::Process { pid, .. } => format!("nsenter --target {pid} --net "),
            Self::Descriptor { pid, fd, .. } => format!("nsenter --net=/proc/{pid}/fd/{fd} "),
        }
    }

    /// The beginning of a command line that runs a command in the mount namespace.
    pub(super) fn enter_mounts(&self) -> String {
        match self {
            Self::Process { pid, .. } => format!("nsenter --target {pid} --mount "),
            Self::Descriptor { pid, fd, .. } => format!("nsenter --mount=/proc/{pid}/fd/{fd} "),
            Self::Path { path } => format!("nsenter --mount={} ", path.word()),
            // Mount namespaces have no names.
            Self::Named { .. } => String::new(),
        }
    }
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.command, self.pid)
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Process { pid, command } => write!(f, "in the namespace of {command} ({pid})"),
            Self::Descriptor { pid, command, fd } => {
                write!(f, "in a namespace that descriptor {fd} of {command} ({pid}) keeps")
            }
            Self::Path { path } => write!(f, "in the namespace {path}"),
            Self::Named { name } => write!(f, "in the namespace {name}"),
        }
    }
}

/// The network namespaces that were found.
pub(super) struct Namespaces {
    /// Those beside the caller's own, each with a file to enter it by.
    pub(super) list: Vec<(Namespace, PathBuf)>,
    /// Their inode numbers, and that of the caller's own.
    pub(super) numbers: HashSet<u64>,
}
