//! Who takes and drops references to modules during a time: the kernel's events `module_get` and
//! `module_put` (`include/trace/events/module.h`).

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::process::Process;
use super::text::Text;
use crate::errno::{self, Errno};
use crate::error::{Error, ErrorKind};
use crate::name::ModuleName;
use crate::system::{self, System};
use crate::trace::{self, Instance};

/// The references to some modules that were taken and dropped during a time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recording {
    /// The changes, by module, process and place.
    pub changes: Vec<Change>,
    /// Number of events that the kernel lost because they came too fast.
    pub lost: u64,
    /// Time that was recorded.
    pub time: Duration,
}

/// The references to one module that one process took and dropped in one place.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub struct Change {
    /// The module.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub module: ModuleName,
    /// The process; its ID is 0 for an idle processor in an interrupt.
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub process: Process,
    /// The kernel function that made the change.
    pub call_site: Text,
    /// Number of references taken.
    pub taken: u64,
    /// Number of references dropped.
    pub dropped: u64,
}

/// Records references, from the moment it was made.
pub struct Recorder<'s> {
    // Declared, and so closed, before the instance goes: an open instance cannot be removed.
    pipe: File,
    _instance: Instance,
    system: &'s System,
    modules: Vec<ModuleName>,
    since: Instant,
}

/// The longest filter that the kernel takes is a page.
const FILTER_MAX: usize = 4000;

/// How long to sleep at most where the kernel does not wake us for a single event (before Linux
/// 4.21).
const NAP: Duration = Duration::from_millis(100);

impl System {
    /// Starts to record who takes and drops references to `modules`, in a tracing instance of its
    /// own.
    ///
    /// # Errors
    /// tracefs is not mounted, or may not be used; the kernel has no memory for it, or no events of
    /// modules.
    pub fn record_references(&self, modules: &[ModuleName]) -> Result<Recorder<'_>, Error> {
        trace::remove_stale(self);
        let place = self.trace_instances().ok_or_else(|| self.no_tracing())?;
        let instance = Instance::new(&place)?;
        // Kilobytes for each processor.
        let _ = instance.set("buffer_size_kb", "64");
        // Wake for any event at all, not for a buffer that is half full (Linux 4.21 and later).
        let _ = instance.set("buffer_percent", "0");
        let filters: Option<Vec<_>> = modules.iter().map(trace::filter).collect();
        let filter = filters.map(|filters| filters.join(" || "));
        let filter = filter.filter(|filter| filter.len() <= FILTER_MAX);
        for event in ["module_get", "module_put"] {
            if let Some(filter) = &filter {
                instance.set(&format!("events/module/{event}/filter"), filter)?;
            }
            instance.set(&format!("events/module/{event}/enable"), "1")?;
        }
        let pipe = instance.open_pipe()?;
        let modules = modules.to_vec();
        let since = Instant::now();
        Ok(Recorder { pipe, _instance: instance, system: self, modules, since })
    }
}

impl System {
    /// Why there is no place for tracing instances.
    fn no_tracing(&self) -> Error {
        let place = self.own_tracing();
        match fs::read_dir(&place) {
            Ok(_) => {
                let absent = ErrorKind::Io(Errno::ENOENT);
                Error::new(absent, "tracefs is not mounted").at(&place)
            }
            Err(error) => Error::io(&place, errno::from_io(&error)),
        }
    }
}

impl Recorder<'_> {
    /// Records until `end`, or without one until there is something to read from `stop`.
    pub fn finish(mut self, end: Option<Instant>, stop: Option<BorrowedFd<'_>>) -> Recording {
        let mut found = Found::default();
        loop {
            let left = end.map(|end| end.saturating_duration_since(Instant::now()));
            let nap = left.map_or(NAP, |left| left.min(NAP));
            let is_stopped = self.sleep(nap, stop);
            self.take(&mut found);
            if is_stopped || left.is_some_and(|left| left.is_zero()) {
                break;
            }
        }
        Recording { changes: found.changes(), lost: found.lost, time: self.since.elapsed() }
    }

    /// Sleeps until an event or the caller wakes it; returns whether it was the caller.
    fn sleep(&self, nap: Duration, stop: Option<BorrowedFd<'_>>) -> bool {
        let wait = |fd| PollFd::new(fd, PollFlags::POLLIN);
        let mut fds: Vec<_> =
            [Some(self.pipe.as_fd()), stop].into_iter().flatten().map(wait).collect();
        let timeout =
            PollTimeout::try_from(nap.as_millis().saturating_add(1)).unwrap_or(PollTimeout::MAX);
        let _ = poll(&mut fds, timeout);
        stop.is_some() && fds.last().is_some_and(|fd| fd.any() == Some(true))
    }

    /// Takes the events that have come.
    fn take(&mut self, found: &mut Found) {
        let mut piece = [0; 16384];
        // Bounded, as events may come as fast as they are read.
        for _ in 0..64 {
            let Ok(length @ 1..) = self.pipe.read(&mut piece) else { break };
            found.rest.extend(piece.get(..length).unwrap_or_default());
            while let Some(end) = found.rest.iter().position(|&byte| byte == b'\n') {
                let line: Vec<u8> = found.rest.drain(..=end).collect();
                self.add(&line, found);
            }
        }
    }

    fn add(&self, line: &[u8], found: &mut Found) {
        if let Some(count) = lost(line) {
            found.lost = found.lost.saturating_add(count);
            return;
        }
        let Some(event) = Event::parse(line) else { return };
        let Some(module) = self.modules.iter().find(|name| name.as_bytes() == event.module) else {
            return;
        };
        let process =
            *found.processes.entry(event.thread).or_insert_with(|| self.process(event.thread));
        // The references that this search itself takes are left out.
        if u32::try_from(process).is_ok_and(|pid| pid == std::process::id()) {
            return;
        }
        let key = (module.clone(), process, Text::from(event.command), Text::from(event.call_site));
        let (taken, dropped) = found.counts.entry(key).or_default();
        let count = if event.is_get { taken } else { dropped };
        *count += 1;
    }

    /// The process of a thread, which may have ended.
    fn process(&self, thread: i32) -> i32 {
        let file = self.system.processes().join(thread.to_string()).join("status");
        let text = system::read_text(&file).unwrap_or_default();
        let process = text.lines().find_map(|line| line.strip_prefix("Tgid:"));
        process.and_then(|process| process.trim().parse().ok()).unwrap_or(thread)
    }
}

/// What was found so far.
#[derive(Default)]
struct Found {
    counts: BTreeMap<(ModuleName, i32, Text, Text), (u64, u64)>,
    processes: BTreeMap<i32, i32>,
    lost: u64,
    /// The beginning of a line.
    rest: Vec<u8>,
}

impl Found {
    fn changes(&self) -> Vec<Change> {
        let changes = self.counts.iter().map(|((module, pid, command, site), counts)| Change {
            module: module.clone(),
            process: Process { pid: *pid, command: command.clone() },
            call_site: site.clone(),
            taken: counts.0,
            dropped: counts.1,
        });
        changes.collect()
    }
}

/// An event.
#[derive(Debug, PartialEq, Eq)]
struct Event<'l> {
    command: &'l [u8],
    thread: i32,
    is_get: bool,
    module: &'l [u8],
    call_site: &'l [u8],
}

impl<'l> Event<'l> {
    /// `    cat-71    [000] .....   1.5: module_get: loop call_site=lo_open refcnt=2`: a process has
    /// any name, and the others have no colon.
    fn parse(line: &'l [u8]) -> Option<Self> {
        const EVENTS: [(&[u8], bool); 2] = [(b": module_get: ", true), (b": module_put: ", false)];
        let (start, length, is_get) = EVENTS.iter().find_map(|(word, is_get)| {
            let start = line.windows(word.len()).rposition(|part| part == *word)?;
            Some((start, word.len(), *is_get))
        })?;
        let (before, after) = (line.get(..start)?, line.get(start + length..)?);
        let mut words = after.trim_ascii().split(|&byte| byte == b' ');
        let module = words.next()?;
        let call_site = words.next()?.strip_prefix(b"call_site=")?;
        let processor = before.windows(2).rposition(|part| part == b" [")?;
        let owner = before.get(..processor)?.trim_ascii();
        let dash = owner.iter().rposition(|&byte| byte == b'-')?;
        let thread = std::str::from_utf8(owner.get(dash + 1..)?).ok()?.parse().ok()?;
        Some(Self { command: owner.get(..dash)?, thread, is_get, module, call_site })
    }
}

/// `CPU:1 [LOST 12 EVENTS]`
fn lost(line: &[u8]) -> Option<u64> {
    let line = std::str::from_utf8(line).ok()?.trim();
    let rest = line.strip_prefix("CPU:")?.split_once(" [LOST ")?.1;
    // Without a number where the kernel does not know it.
    Some(rest.strip_suffix(" EVENTS]").and_then(|count| count.parse().ok()).unwrap_or(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_of_modules() {
        let line = b"  a: b [0] c-71      [001] ...1.    12.5: module_put: loop call_site=lo_open refcnt=0\n";
        let event = Event::parse(line).unwrap();
        assert_eq!((event.command, event.thread), (&b"a: b [0] c"[..], 71));
        assert_eq!((event.module, event.call_site), (&b"loop"[..], &b"lo_open"[..]));
        assert!(!event.is_get);
        for cut in 0..line.len() - 20 {
            let _ = Event::parse(&line[..cut]);
        }
        assert_eq!(Event::parse(b"x-1 [000] 1.0: module_load: loop\n"), None);
    }

    #[test]
    fn lost_events() {
        assert_eq!(lost(b"CPU:1 [LOST 12 EVENTS]\n"), Some(12));
        assert_eq!(lost(b"CPU:1 [LOST EVENTS]\n"), Some(1));
        assert_eq!(lost(b"cat-71 [000] 1: module_get: x call_site=y refcnt=1\n"), None);
    }
}
