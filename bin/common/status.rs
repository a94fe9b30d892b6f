//! Exit statuses, and the end of a process.

use std::fmt::Write;
use std::process::ExitCode;

use modutils::diagnosis::Class;
use nix::sys::signal::{SigSet, Signal, raise};

/// How a command ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Status {
    /// Success.
    Done = 0,
    /// A reason that has no status of its own.
    Failed = 1,
    /// A command line that makes no sense.
    Usage = 2,
    /// The module to load is loaded, or the module to remove is not.
    Already = 3,
    /// The module is in use, is being loaded or removed, or can never be removed.
    Busy = 4,
    /// The time limit was reached.
    TimedOut = 5,
    /// The kernel or its settings do not permit it.
    NotPermitted = 6,
    /// The module does not fit the kernel, or the parameters do not fit the module.
    Misfit = 7,
    /// The module's init function failed.
    InitFailed = 8,
    /// SIGHUP, as a shell shows it: 128 and the number of the signal.
    HungUp = 129,
    /// SIGINT.
    Interrupted = 130,
    /// SIGTERM.
    Terminated = 143,
}

/// The statuses of a command with their meanings, for `--help`.
pub type Meanings = &'static [(Status, &'static str)];

pub(crate) const DONE: (Status, &str) = (Status::Done, "done");
pub(crate) const FAILED: (Status, &str) = (Status::Failed, "failed, for a reason not listed here");
pub(crate) const USAGE: (Status, &str) = (Status::Usage, "usage error");
pub(crate) const TIMED_OUT: (Status, &str) = (Status::TimedOut, "timed out (--wait)");

/// Returns the part of `--help` that lists the statuses.
pub(crate) fn help(meanings: Meanings) -> String {
    let mut text = "Exit status:".to_owned();
    for (status, meaning) in meanings {
        // Writing to a String cannot fail.
        let _ = write!(text, "\n  {:<3}  {meaning}", *status as u8);
    }
    text
}

impl Status {
    /// The signal that a process with this status died of.
    pub(crate) fn signal(self) -> Option<Signal> {
        match self {
            Self::HungUp => Some(Signal::SIGHUP),
            Self::Interrupted => Some(Signal::SIGINT),
            Self::Terminated => Some(Signal::SIGTERM),
            _ => None,
        }
    }

    /// Ends the process: returns its exit code, or dies of the signal that was handled, so that
    /// its parent sees that. A shell leaves its loop only then.
    pub(crate) fn end(self) -> ExitCode {
        if let Some(signal) = self.signal() {
            // It has no handler: it kills the process as soon as it is unblocked.
            let _ = SigSet::from(signal).thread_unblock();
            let _ = raise(signal);
        }
        if self != Self::Done && std::env::var_os("MODUTILS_STATUS").is_some_and(|of| of == "kmod")
        {
            return ExitCode::FAILURE;
        }
        ExitCode::from(self as u8)
    }
}

impl From<Class> for Status {
    fn from(class: Class) -> Self {
        match class {
            Class::Failed => Self::Failed,
            Class::Already => Self::Already,
            Class::Busy => Self::Busy,
            Class::TimedOut => Self::TimedOut,
            Class::Interrupted => Self::Interrupted,
            Class::NotPermitted => Self::NotPermitted,
            Class::Misfit => Self::Misfit,
            Class::InitFailed => Self::InitFailed,
        }
    }
}
