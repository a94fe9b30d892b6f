//! The system calls that the tools make on x86-64, and how each of them can fail.

use nix::errno::Errno;
use nix::libc;

/// A system call.
pub(crate) struct CallKind {
    number: i64,
    pub(crate) name: &'static str,
    /// Which of its arguments is a path.
    pub(crate) path: Option<usize>,
    /// Whether its first argument is a descriptor of the file that it is about.
    pub(crate) descriptor: bool,
    /// Whether its third argument is a number of bytes of which the kernel may do fewer.
    pub(crate) partial: bool,
    /// The errors that it plausibly fails with, the most plausible first.
    pub(crate) errors: &'static [Errno],
}

const fn kind(number: i64, name: &'static str, errors: &'static [Errno]) -> CallKind {
    CallKind { number, name, path: None, descriptor: false, partial: false, errors }
}

impl CallKind {
    const fn path(self, argument: usize) -> Self {
        Self { path: Some(argument), ..self }
    }

    const fn descriptor(self) -> Self {
        Self { descriptor: true, ..self }
    }

    const fn partial(self) -> Self {
        Self { partial: true, ..self }
    }

    /// The call of this number.
    pub(crate) fn of(number: u64) -> &'static Self {
        CALLS.iter().find(|kind| u64::try_from(kind.number) == Ok(number)).unwrap_or(&OTHER)
    }
}

use Errno::{
    EACCES, EAGAIN, EBUSY, EEXIST, EINTR, EINVAL, EIO, EMFILE, ENODEV, ENOENT, ENOEXEC, ENOMEM,
    ENOSPC, ENOSYS, EOPNOTSUPP, EPERM, EPIPE, ESRCH,
};

/// A call that the table does not have.
const OTHER: CallKind = kind(-1, "another call", &[ENOSYS, EPERM, EINTR]);

const OPEN: &[Errno] = &[ENOENT, EACCES, EMFILE, EINTR, EIO];
const READ: &[Errno] = &[EIO, EINTR, ENODEV];
const STAT: &[Errno] = &[ENOENT, EACCES, EIO];
const LOAD: &[Errno] =
    &[EPERM, ENOSYS, EINTR, ENOMEM, ENOEXEC, EINVAL, EEXIST, EBUSY, EOPNOTSUPP, ENOENT];

const CALLS: &[CallKind] = &[
    kind(libc::SYS_finit_module, "finit_module", LOAD).descriptor(),
    kind(libc::SYS_init_module, "init_module", LOAD),
    kind(libc::SYS_delete_module, "delete_module", &[EPERM, EINTR, EAGAIN, EBUSY, ENOENT, ENOSYS]),
    kind(libc::SYS_openat, "openat", OPEN).path(1),
    kind(libc::SYS_open, "open", OPEN).path(0),
    kind(libc::SYS_read, "read", READ).descriptor().partial(),
    kind(libc::SYS_pread64, "pread64", READ).descriptor().partial(),
    kind(libc::SYS_readv, "readv", READ).descriptor(),
    kind(libc::SYS_write, "write", &[ENOSPC, EPIPE, EINTR, EIO]).descriptor().partial(),
    kind(libc::SYS_lseek, "lseek", &[EINVAL]).descriptor(),
    kind(libc::SYS_close, "close", &[EIO, EINTR]).descriptor(),
    kind(libc::SYS_statx, "statx", STAT).path(1),
    kind(libc::SYS_newfstatat, "newfstatat", STAT).path(1),
    kind(libc::SYS_fstat, "fstat", STAT).descriptor(),
    kind(libc::SYS_stat, "stat", STAT).path(0),
    kind(libc::SYS_lstat, "lstat", STAT).path(0),
    kind(libc::SYS_statfs, "statfs", STAT).path(0),
    kind(libc::SYS_access, "access", STAT).path(0),
    kind(libc::SYS_readlink, "readlink", STAT).path(0),
    kind(libc::SYS_readlinkat, "readlinkat", STAT).path(1),
    kind(libc::SYS_getdents64, "getdents64", &[EIO, ENOENT, EINTR]).descriptor(),
    kind(libc::SYS_getxattr, "getxattr", STAT).path(0),
    kind(libc::SYS_mkdir, "mkdir", &[EACCES, EEXIST, ENOMEM]).path(0),
    kind(libc::SYS_rmdir, "rmdir", &[EBUSY, ENOENT]).path(0),
    kind(libc::SYS_mmap, "mmap", &[ENOMEM]),
    kind(libc::SYS_mremap, "mremap", &[ENOMEM]),
    kind(libc::SYS_munmap, "munmap", &[ENOMEM]),
    kind(libc::SYS_brk, "brk", &[ENOMEM]),
    kind(libc::SYS_mprotect, "mprotect", &[ENOMEM]),
    kind(libc::SYS_poll, "poll", &[EINTR, ENOMEM]),
    kind(libc::SYS_ppoll, "ppoll", &[EINTR, ENOMEM]),
    kind(libc::SYS_ioctl, "ioctl", &[EIO, EINTR]).descriptor(),
    kind(libc::SYS_fcntl, "fcntl", &[EINVAL]).descriptor(),
    kind(libc::SYS_kill, "kill", &[EPERM, ESRCH]),
    kind(libc::SYS_clone3, "clone3", &[EAGAIN, ENOSYS]),
    kind(libc::SYS_clone, "clone", &[EAGAIN]),
    kind(libc::SYS_socket, "socket", &[EMFILE, EACCES]),
    kind(libc::SYS_sendto, "sendto", &[ENOENT, EAGAIN]),
    kind(libc::SYS_memfd_create, "memfd_create", &[EMFILE, ENOSYS]),
    kind(libc::SYS_signalfd4, "signalfd4", &[EMFILE, ENOSYS]),
    kind(libc::SYS_futex, "futex", &[EINTR]),
    // It cannot fail for a clock that there is; on most machines it makes no system call.
    kind(libc::SYS_clock_gettime, "clock_gettime", &[]),
    // These do not return, or not in the usual way.
    kind(libc::SYS_exit, "exit", &[]),
    kind(libc::SYS_exit_group, "exit_group", &[]),
    kind(libc::SYS_rt_sigreturn, "rt_sigreturn", &[]),
];
