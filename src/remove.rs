//! Remove modules, and wait until they are free.

mod count;
mod error;
mod events;
mod order;
mod plan;
mod reason;
mod refusal;
mod text;
mod wait;

pub use error::RemoveError;
pub use order::Extent;
pub use plan::{Plan, Used, Users};
pub use refusal::Refusal;
pub use wait::{WaitProgress, Waiting};

use crate::errno::Errno;
use crate::kernel::Kernel;
use crate::loaded::Snapshot;
use crate::name::ModuleName;
use crate::syscall::{Deletion, delete_module};
use crate::system::System;

/// Whether to remove a module that is in use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum RemoveMode {
    /// Leave the module alone.
    #[default]
    Refuse,
    /// Remove it all the same; requires a kernel with `CONFIG_MODULE_FORCE_UNLOAD`. Its users may
    /// crash the system.
    Force,
}

impl Kernel {
    /// Removes a module if it is free now, with one call of `delete_module`.
    ///
    /// # Errors
    /// [`RemoveError`], with the reason.
    pub fn remove(&self, name: &ModuleName, mode: RemoveMode) -> Result<(), RemoveError> {
        let deletion = match mode {
            RemoveMode::Refuse => Deletion::Refuse,
            RemoveMode::Force => Deletion::Force,
        };
        delete(self, name, deletion).map_err(|errno| RemoveError::find(self, name, errno, mode))
    }

    /// Removes a module as soon as it can be removed.
    ///
    /// Waits until references are dropped, modules that use it are removed, its init function has
    /// returned, and a removal by another process has ended. If another process removes the module
    /// first, that counts as success; if it is loaded again in the meantime, the new one is removed.
    /// A module that can never be removed fails immediately.
    ///
    /// Since Linux 3.13, the kernel neither waits nor prevents new references: a module that is
    /// constantly reused may never be removed. Older kernels do both; they are used for that only if
    /// `waiting` has no end, because neither a signal nor a time limit ends their wait.
    ///
    /// The stop descriptor of `waiting` is checked before every attempt, including the first; once
    /// it is readable, not even a free module is removed. The progress callback runs between polls;
    /// time spent in it delays the next poll.
    ///
    /// # Errors
    /// [`RemoveError`], with the reason; among them [`Refusal::TimedOut`] and
    /// [`Refusal::Interrupted`].
    pub fn remove_when_free(
        &self,
        name: &ModuleName,
        mode: RemoveMode,
        waiting: Waiting<'_>,
    ) -> Result<(), RemoveError> {
        remove_when_free(self, name, mode, waiting)
    }
}

impl System {
    /// Predicts from `snapshot` whether the kernel would remove a module once the modules in `gone`
    /// are removed. It needs no privileges, and ignores the caller's.
    ///
    /// # Errors
    /// [`RemoveError`], with the reason why it would not.
    pub fn check_remove(
        &self,
        snapshot: &Snapshot,
        name: &ModuleName,
        mode: RemoveMode,
        gone: &[ModuleName],
    ) -> Result<(), RemoveError> {
        RemoveError::foresee(self, snapshot, name, mode, gone).map_or(Ok(()), Err)
    }
}

fn remove_when_free(
    system: &System,
    name: &ModuleName,
    mode: RemoveMode,
    mut waiting: Waiting<'_>,
) -> Result<(), RemoveError> {
    let deletion = match mode {
        // Up to Linux 3.12, the call itself waits.
        RemoveMode::Refuse if waiting.has_end() && system.is_before(3, 13) => Deletion::Refuse,
        RemoveMode::Refuse => Deletion::Block,
        RemoveMode::Force => Deletion::Force,
    };
    let mut watch = None;
    let mut answer = None;
    let mut last = false;
    loop {
        if waiting.is_stopped() {
            return Err(match answer {
                Some(errno) => RemoveError::find(system, name, errno, mode).interrupted(),
                None => RemoveError::untried(name),
            });
        }
        let errno = match delete(system, name, deletion) {
            Ok(()) => return Ok(()),
            // It was loaded a moment ago: another process removed it.
            Err(Errno::ENOENT) if watch.is_some() => return Ok(()),
            // Only while waiting for the kernel's lock, and before anything was done.
            Err(Errno::EINTR) => continue,
            Err(errno) => errno,
        };
        answer = Some(errno);
        let error = RemoveError::find(system, name, errno, mode);
        if !error.refusal().may_pass() || waiting.leaves_to_caller(&error) {
            return Err(error);
        }
        if last {
            return Err(error.timed_out());
        }
        match watch
            .get_or_insert_with(|| wait::Watch::new(system, name, mode))
            .until_free(error, &mut waiting)?
        {
            wait::End::Free => {}
            wait::End::TimeUp => last = true,
        }
    }
}

/// One call. A program of 32 bits may have a name that is too long for the kernel, if that is one
/// of 64 bits: up to Linux 6.14 it cuts such a name, and may then remove another module.
fn delete(system: &System, name: &ModuleName, deletion: Deletion) -> Result<(), Errno> {
    if name.as_bytes().len() > NAME_MAX_64 && system.has_64_bit_kernel() {
        return Err(Errno::ENOENT);
    }
    delete_module(&name.to_c_string(), deletion)
}

/// [`NAME_MAX`](crate::name::NAME_MAX) of a kernel of 64 bits.
const NAME_MAX_64: usize = 55;

#[cfg(test)]
mod tests {
    use std::io::{Write, pipe};
    use std::os::fd::AsFd;

    use super::*;

    /// An attempt would fail: the module is not loaded, or this process lacks the privilege.
    #[test]
    fn a_wait_that_is_stopped_before_it_begins_tries_nothing() {
        let (stop, mut signal) = pipe().unwrap();
        signal.write_all(b"x").unwrap();
        let name = ModuleName::new("no_such_module").unwrap();
        let waiting = Waiting::until(None).or_stopped_by(stop.as_fd());
        let error =
            Kernel::running().remove_when_free(&name, RemoveMode::Refuse, waiting).unwrap_err();
        assert_eq!(error.refusal(), &Refusal::Interrupted { obstacle: None });
        assert_eq!(error.to_string(), "could not remove 'no_such_module': Interrupted system call");
    }
}
