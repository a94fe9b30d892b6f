//! The signals that end a wait in good order.

use std::fs;
use std::os::fd::{AsFd, BorrowedFd};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use super::status::Status;

const ENDING: [Signal; 3] = [Signal::SIGHUP, Signal::SIGINT, Signal::SIGTERM];

/// Collects the signals that would end this process, from now on.
pub(crate) struct Signals(SignalFd);

impl Signals {
    /// A signal that this process was started to ignore, as by nohup(1) or in the background of a
    /// script, stays ignored. Nothing, if the kernel has no file for it: then they end the
    /// process the usual way.
    pub(crate) fn collect() -> Option<Self> {
        let ignored = ignored();
        let mut set = SigSet::empty();
        for signal in ENDING {
            if ignored & 1 << (signal as u32 - 1) == 0 {
                set.add(signal);
            }
        }
        let file =
            SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK).ok()?;
        set.thread_block().ok()?;
        Some(Self(file))
    }

    /// Whether a signal has come. It stays to be read by [`status`](Self::status).
    pub(crate) fn has_come(&self) -> bool {
        let mut fds = [PollFd::new(self.0.as_fd(), PollFlags::POLLIN)];
        poll(&mut fds, PollTimeout::ZERO).is_ok_and(|count| count > 0)
    }

    /// The status of a process that such a signal ended, if one has come.
    pub(crate) fn status(&self) -> Option<Status> {
        let signal = self.0.read_signal().ok().flatten()?.ssi_signo;
        Some(match Signal::try_from(i32::try_from(signal).unwrap_or(0)) {
            Ok(Signal::SIGHUP) => Status::HungUp,
            Ok(Signal::SIGINT) => Status::Interrupted,
            _ => Status::Terminated,
        })
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// The mask of ignored signals, see proc(5). Blocking a signal would end its being ignored.
fn ignored() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}
