//! The kernel's own events of a module: when references are dropped, and when it is freed.
//!
//! They come through a tracing instance of our own, which neither disturbs other tracing nor is
//! disturbed (`Documentation/trace/ftrace.rst` in the kernel, "Instances").

use std::ffi::c_long;
use std::fs::{self, File, OpenOptions};
use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::signal::kill;
use nix::unistd::{Pid, SysconfVar, sysconf};

use crate::directory;
use crate::name::ModuleName;
use crate::system::System;

/// What instances of ours are called; the id of the process that made it follows.
const PREFIX: &str = "modutils.";

/// On more processors than that, the memory that an instance takes at first, 1.4 MB for each, is
/// worth more than some milliseconds.
const PROCESSORS_MAX: c_long = 64;

/// A stream of the events after which a module may be free.
pub(super) struct Events {
    // Declared, and so closed, before the instance goes: an open instance cannot be removed.
    pipe: File,
    _instance: Instance,
}

struct Instance(PathBuf);

impl Events {
    /// Makes the instance, which can take the kernel a tenth of a second, and takes away those of
    /// processes that were killed. Nothing, if the kernel or its settings do not let us.
    pub(super) fn of(system: &System, name: &ModuleName) -> Option<Self> {
        remove_stale(system);
        let filter = filter(name)?;
        let place = system.trace_instances()?;
        let processors = sysconf(SysconfVar::_NPROCESSORS_ONLN).ok().flatten()?;
        // Before Linux 3.19 each processor had a count of its own, and an event has only one of them.
        if processors > PROCESSORS_MAX || !system.is_since(3, 19) {
            return None;
        }
        let instance = Instance::new(&place)?;
        let write = |file: &str, text: &str| fs::write(instance.0.join(file), text).ok();
        // The least that the kernel gives: a page per processor.
        write("buffer_size_kb", "4");
        // Wake for any event at all, not for a buffer that is half full (Linux 4.21 and later).
        write("buffer_percent", "0");
        write("events/module/module_put/filter", &format!("{filter} && refcnt == 1"))?;
        write("events/module/module_free/filter", &filter)?;
        write("events/module/module_put/enable", "1")?;
        write("events/module/module_free/enable", "1")?;
        let pipe = OpenOptions::new()
            .read(true)
            .custom_flags(OFlag::O_NONBLOCK.bits())
            .open(instance.0.join("trace_pipe"))
            .ok()?;
        Some(Self { pipe, _instance: instance })
    }

    /// Takes all events that have come, and tells whether there were any.
    pub(super) fn take(&mut self) -> bool {
        let mut text = [0; 4096];
        let mut some = false;
        // Bounded, as events may come as fast as they are read.
        for _ in 0..16 {
            match self.pipe.read(&mut text) {
                Ok(1..) => some = true,
                _ => break,
            }
        }
        some
    }
}

impl AsFd for Events {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pipe.as_fd()
    }
}

impl Instance {
    fn new(place: &Path) -> Option<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = place.join(format!("{PREFIX}{}.{number}", process::id()));
        fs::create_dir(&path).ok()?;
        Some(Self(path))
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        // What cannot be removed now, a later run will.
        let _ = fs::remove_dir(&self.0);
    }
}

/// The kernel's filter language knows no way to quote a `"`.
fn filter(name: &ModuleName) -> Option<String> {
    let name = std::str::from_utf8(name.as_bytes()).ok()?;
    let plain = name.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"\\".contains(&byte));
    plain.then(|| format!("name == \"{name}\""))
}

/// Removes instances of processes that ended without removing them. The kernel keeps an instance
/// that is in use, for instance by a process of another PID namespace.
pub(super) fn remove_stale(system: &System) {
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
