//! Events of `perf_event_open(2)`.

use std::os::fd::{AsRawFd, BorrowedFd};

use nix::errno::Errno;
use nix::libc;

/// Returns whether a descriptor is an event that counts a trace event (Linux 4.17).
///
/// # Errors
///
/// `ENOTTY` for any other file.
pub fn is_trace_event(event: BorrowedFd<'_>) -> Result<bool, Errno> {
    /// `PERF_EVENT_IOC_MODIFY_ATTRIBUTES` of `linux/perf_event.h`.
    const MODIFY: libc::Ioctl = libc::_IOW::<*const libc::c_void>(0x24, 11);
    /// `PERF_TYPE_TRACEPOINT`, and the size of the oldest `struct perf_event_attr`.
    const ATTRIBUTES: [u32; 16] = [2, 64, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    // No event but a break point can be changed: the kernel refuses that after it has compared the
    // types (`perf_event_modify_attr` in `kernel/events/core.c`).
    // SAFETY: the attributes are as long as they say.
    let result = unsafe { libc::ioctl(event.as_raw_fd(), MODIFY, ATTRIBUTES.as_ptr()) };
    match Errno::result(result) {
        Err(Errno::EOPNOTSUPP) => Ok(true),
        Err(Errno::EINVAL) | Ok(_) => Ok(false),
        Err(errno) => Err(errno),
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn other_files() {
        let null = std::fs::File::open("/dev/null");
        let answer = null.map(|file| is_trace_event(file.as_fd()));
        assert!(matches!(answer, Ok(Err(_))));
    }
}
