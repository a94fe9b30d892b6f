//! Tracing instances of our own, which neither disturb other tracing nor are disturbed
//! (`Documentation/trace/ftrace.rst` in the kernel, "Instances").

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::signal::kill;
use nix::unistd::Pid;

use crate::directory;
use crate::errno;
use crate::error::Error;
use crate::name::ModuleName;
use crate::system::System;

/// What instances of ours are called; the id of the process that made it follows.
const PREFIX: &str = "modutils.";

/// A tracing instance, which goes when it is dropped.
pub(crate) struct Instance(PathBuf);

impl Instance {
    /// Makes an instance in a directory for instances, which can take the kernel a tenth of a
    /// second.
    ///
    /// # Errors
    /// The kernel refuses: it needs privilege, and memory.
    pub(crate) fn new(place: &Path) -> Result<Self, Error> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = place.join(format!("{PREFIX}{}.{number}", process::id()));
        fs::create_dir(&path).map_err(|error| Error::io(&path, errno::from_io(&error)))?;
        Ok(Self(path))
    }

    /// Writes one of its settings.
    ///
    /// # Errors
    /// The kernel lacks the setting, or refuses the value.
    pub(crate) fn set(&self, file: &str, text: &str) -> Result<(), Error> {
        let path = self.0.join(file);
        fs::write(&path, text).map_err(|error| Error::io(&path, errno::from_io(&error)))
    }

    /// Opens the stream of its events. Reading takes them, and never waits.
    ///
    /// # Errors
    /// Another process reads it.
    pub(crate) fn open_pipe(&self) -> Result<File, Error> {
        let path = self.0.join("trace_pipe");
        let file = OpenOptions::new().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(&path);
        file.map_err(|error| Error::io(&path, errno::from_io(&error)))
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        // A later run removes those that cannot be removed now.
        let _ = fs::remove_dir(&self.0);
    }
}

/// The filter for the events of a module. The kernel's filter language knows no way to quote a `"`.
pub(crate) fn filter(name: &ModuleName) -> Option<String> {
    let name = std::str::from_utf8(name.as_bytes()).ok()?;
    let plain = name.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"\\".contains(&byte));
    plain.then(|| format!("name == \"{name}\""))
}

/// Removes instances of processes that ended without removing them. The kernel keeps an instance
/// that is in use, for instance by a process of another PID namespace.
pub(crate) fn remove_stale(system: &System) {
    let entries = system.trace_instances().map(|place| directory::entries(&place));
    let Some(Ok(entries)) = entries else { return };
    for entry in entries.flatten() {
        let owner = entry
            .name
            .to_str()
            .and_then(|name| name.strip_prefix(PREFIX)?.split('.').next()?.parse().ok());
        if owner.is_some_and(|pid| kill(Pid::from_raw(pid), None) == Err(Errno::ESRCH)) {
            let _ = fs::remove_dir(entry.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_no_filter_can_hold() {
        let filter = |name: &[u8]| filter(&ModuleName::from_kernel(name));
        assert_eq!(filter(b"t_hold").as_deref(), Some("name == \"t_hold\""));
        assert_eq!(filter(b"t\"x"), None);
        assert_eq!(filter(b"t x"), None);
        assert_eq!(filter(b"t\xff"), None);
    }
}
