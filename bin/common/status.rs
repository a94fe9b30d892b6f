//! Exit statuses.

use std::fmt::Write;
use std::process::ExitCode;

use modutils::Class;

/// What a command tells its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Status {
    Done = 0,
    /// For a reason that has no status of its own.
    Failed = 1,
    Usage = 2,
    /// Loaded already, or not loaded in the first place.
    Already = 3,
    Busy = 4,
    TimedOut = 5,
    NotPermitted = 6,
    /// The module does not fit the kernel, or the arguments the module.
    Misfit = 7,
    InitFailed = 8,
    /// As a shell calls the end by a signal: 128 and its number.
    HungUp = 129,
    Interrupted = 130,
    Terminated = 143,
}

/// Statuses and their meaning, for `--help`.
const MEANINGS: &[(Status, &str)] = &[
    (Status::Done, "done"),
    (Status::Failed, "failed, for a reason not listed here"),
    (Status::Usage, "usage error"),
    (Status::Already, "already in the requested state"),
    (Status::Busy, "busy: in use, permanent, or being loaded or unloaded by another process"),
    (Status::TimedOut, "timed out"),
    (Status::NotPermitted, "not permitted: privileges, lockdown, signature or blacklist"),
    (Status::Misfit, "the module does not match: format, version, symbols or parameters"),
    (Status::InitFailed, "the module's init function failed"),
    (Status::HungUp, "ended by SIGHUP"),
    (Status::Interrupted, "ended by SIGINT"),
    (Status::Terminated, "ended by SIGTERM"),
];

/// What those mean that a tool has.
pub(crate) fn help(of: &[Status]) -> String {
    let mut text = "Exit status:".to_owned();
    for (status, meaning) in MEANINGS.iter().filter(|(status, _)| of.contains(status)) {
        let _ = write!(text, "\n  {:<3}  {meaning}", *status as u8);
    }
    text
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

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        Self::from(status as u8)
    }
}
