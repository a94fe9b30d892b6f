//! The kernel's own events of a module: when references are dropped, and when it is freed.

use std::ffi::c_long;
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd};

use nix::unistd::{SysconfVar, sysconf};

use crate::name::ModuleName;
use crate::system::System;
use crate::trace::{self, Instance};

/// On more processors than that, the memory that an instance takes at first, 1.4 MB for each, is
/// worth more than some milliseconds.
const PROCESSORS_MAX: c_long = 64;

/// A stream of the events after which a module may be free.
pub(super) struct Events {
    // Declared, and so closed, before the instance goes: an open instance cannot be removed.
    pipe: File,
    _instance: Instance,
}

impl Events {
    /// Makes the instance, which can take the kernel a tenth of a second, and takes away those of
    /// processes that were killed. Nothing, if the kernel or its settings do not let us.
    pub(super) fn of(system: &System, name: &ModuleName) -> Option<Self> {
        trace::remove_stale(system);
        let filter = trace::filter(name)?;
        let place = system.trace_instances()?;
        let processors = sysconf(SysconfVar::_NPROCESSORS_ONLN).ok().flatten()?;
        // Before Linux 3.19 each processor had a count of its own, and an event has only one of them.
        if processors > PROCESSORS_MAX || !system.is_since(3, 19) {
            return None;
        }
        let instance = Instance::new(&place).ok()?;
        // The least that the kernel gives: a page per processor.
        let _ = instance.set("buffer_size_kb", "4");
        // Wake for any event at all, not for a buffer that is half full (Linux 4.21 and later).
        let _ = instance.set("buffer_percent", "0");
        let last_put = format!("{filter} && refcnt == 1");
        instance.set("events/module/module_put/filter", &last_put).ok()?;
        instance.set("events/module/module_free/filter", &filter).ok()?;
        instance.set("events/module/module_put/enable", "1").ok()?;
        instance.set("events/module/module_free/enable", "1").ok()?;
        let pipe = instance.open_pipe().ok()?;
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
