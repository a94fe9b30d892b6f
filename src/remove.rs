//! Removing modules.

mod order;
mod refusal;

pub use order::removal_order;
pub use refusal::{Refusal, RemoveError};

use std::time::{Duration, Instant};

use crate::errno::Errno;
use crate::name::ModuleName;
use crate::syscall::{Deletion, delete_module};
use crate::system::System;

/// What to do about references that others hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum RemoveMode {
    /// Leave the module alone.
    #[default]
    Refuse,
    /// Remove it all the same, where the kernel was built to (`CONFIG_MODULE_FORCE_UNLOAD`). What
    /// uses it may crash the system.
    Force,
}

/// How long to wait for a module that cannot be removed yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Wait {
    /// Not at all.
    #[default]
    No,
    /// Until this moment.
    Until(Instant),
    /// For as long as it takes.
    Forever,
}

/// Removes a module from the running kernel; with `wait`, as soon as it can be removed.
///
/// # Errors
/// [`RemoveError`], with the reason.
pub fn remove(
    system: &System,
    name: &ModuleName,
    mode: RemoveMode,
    wait: Wait,
) -> Result<(), RemoveError> {
    let deletion = match (mode, wait) {
        (RemoveMode::Force, _) => Deletion::Force,
        (RemoveMode::Refuse, Wait::No) => Deletion::Refuse,
        (RemoveMode::Refuse, _) => Deletion::Block,
    };
    let c_name = name.to_c_string();
    let mut pause = Duration::from_millis(1);
    let mut seen = false;
    loop {
        let errno = match delete_module(&c_name, deletion) {
            Ok(()) => return Ok(()),
            // It was there a moment ago: somebody else removed it for us.
            Err(Errno::ENOENT) if seen => return Ok(()),
            Err(errno) => errno,
        };
        let error = RemoveError::find(system, name, errno, mode);
        if !error.refusal().may_pass() {
            return Err(error);
        }
        seen = true;
        let left = match wait {
            Wait::No => return Err(error),
            Wait::Forever => Duration::MAX,
            Wait::Until(end) => end.saturating_duration_since(Instant::now()),
        };
        if left.is_zero() {
            return Err(error.timed_out());
        }
        std::thread::sleep(pause.min(left));
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

/// The longest nap between two attempts, so that a module goes within 20 ms of its last reference.
const PAUSE_MAX: Duration = Duration::from_millis(16);
