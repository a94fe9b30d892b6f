//! The walk through `/proc`, which all sources share.

use std::ffi::{OsStr, OsString};
use std::mem;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::readlinkat_raw;

use super::parts;
use super::process::{Access, Process};
use super::search::{OmissionReason, Search};
use super::seen::{OpenFile, Processes, Seen, Thread, link_number};
use super::slow_mounts::{Places, SlowMounts};
use crate::directory::Names;
use crate::order;
use crate::system;

/// The number of a descriptor, the thread that has a table of its own, and the kind of access.
type Link = (Option<u32>, Option<i32>, Access);

/// The longest path that the kernel returns.
const PATH_MAX: usize = 4096;

/// What a process holds beside its descriptors.
const PLACES: [(&str, Access); 3] =
    [("cwd", Access::Directory), ("root", Access::Directory), ("exe", Access::Program)];

impl Processes {
    pub(super) fn scan(search: &Search<'_>) -> Self {
        let Ok(all) = Names::read(&search.system.processes()) else { return Self::default() };
        let slow = SlowMounts::default();
        let is_process = |name: &&OsString| name.as_bytes().first().is_some_and(u8::is_ascii_digit);
        let names: Vec<_> = all.names.iter().filter(is_process).collect();
        let mut first = Walk::new(search, &all, &slow);
        let caller = first.link(all.directory.as_fd(), OsStr::new("self"));
        let parts = parts::of(&names, |names| {
            let mut walk = Walk::new(search, &all, &slow);
            let names = from_both_ends(names).take_while(|_| !search.is_late());
            let seen: Vec<_> =
                names.filter_map(|name| walk.process(name, caller == Some(name))).collect();
            (seen, walk.hidden)
        });
        let hidden: usize = parts.iter().map(|(_, hidden)| hidden).sum();
        let mut processes: Vec<_> = parts.into_iter().flat_map(|(seen, _)| seen).collect();
        order::sort_by_key(&mut processes, |(seen, _)| seen.process.pid);
        let mut found = Self { slow, ..Self::default() };
        for (seen, held) in processes {
            found.list.push(seen);
            found.files.extend(held.files);
            found.threads.extend(held.threads);
        }
        match hidden {
            0 => {}
            1 => search.omit("1 process", OmissionReason::PermissionDenied),
            count => search.omit(format!("{count} processes"), OmissionReason::PermissionDenied),
        }
        found
    }
}

impl Search<'_> {
    /// All that processes hold: descriptors, working and root directories, programs.
    pub(super) fn held_files(&self) -> Vec<&OpenFile> {
        let places = self.scene.places.get_or_init(|| places(self));
        let mut list: Vec<_> = self.processes().files.iter().chain(places).collect();
        order::sort_by_key(&mut list, |file| file.owner);
        list
    }
}

/// Where the time does not suffice for all, neither the oldest processes nor the newest are left out.
fn from_both_ends<T>(list: &[T]) -> impl Iterator<Item = &T> {
    let (older, newer) = list.split_at(list.len() / 2);
    let mut older = older.iter();
    newer.iter().rev().flat_map(move |newest| [Some(newest), older.next()]).flatten()
}

/// Directories and programs of processes, which few searches ask for.
fn places(search: &Search<'_>) -> Vec<OpenFile> {
    let Processes { list, slow, .. } = search.processes();
    let Ok(all) = Names::read(&search.system.processes()) else { return Vec::new() };
    let owners: Vec<_> = list.iter().filter(|seen| !seen.is_kernel_thread).collect();
    let parts = parts::of(&owners, |owners| {
        let mut walk = Walk::new(search, &all, slow);
        for seen in owners.iter().take_while(|_| !search.is_late()) {
            let pid = seen.process.pid;
            let slow = slow.of(seen.mount_namespace, &seen.dir);
            for (name, access) in PLACES {
                let name = Path::new(&pid.to_string()).join(name);
                let at = (all.directory.as_fd(), name.as_os_str());
                walk.file((pid, &slow), at, (None, None, access));
            }
        }
        walk.held.files
    });
    parts.into_iter().flatten().collect()
}

/// What one process holds.
#[derive(Default)]
struct Held {
    files: Vec<OpenFile>,
    threads: Vec<Thread>,
}

/// A walk through a part of the processes.
struct Walk<'a> {
    search: &'a Search<'a>,
    /// The directory of all processes.
    all: &'a Names,
    slow: &'a SlowMounts,
    /// What was found since the last process.
    held: Held,
    /// Number of processes that must not be inspected.
    hidden: usize,
    /// Used for one file after another.
    buffer: Vec<u8>,
    target: Vec<u8>,
}

impl<'a> Walk<'a> {
    fn new(search: &'a Search<'a>, all: &'a Names, slow: &'a SlowMounts) -> Self {
        let (buffer, target) = (Vec::new(), vec![0; PATH_MAX]);
        Self { search, all, slow, held: Held::default(), hidden: 0, buffer, target }
    }

    /// The target of a link.
    fn link(&mut self, at: BorrowedFd<'_>, name: &OsStr) -> Option<&OsStr> {
        let length = readlinkat_raw(at, name, &mut *self.target).ok()?;
        self.target.get(..length).map(OsStr::from_bytes)
    }

    /// A process, and what it holds.
    fn process(&mut self, name: &OsStr, is_caller: bool) -> Option<(Seen, Held)> {
        let pid = name.to_str()?.parse().ok()?;
        let (all, place) = (self.all, Path::new(name));
        // A file of many answers: names are asked for once.
        let stat = all.read_file(place.join("stat").as_os_str(), &mut self.buffer);
        let stat = Stat::parse(stat.unwrap_or_default());
        let dir = self.search.system.processes().join(place);
        let command = match stat.name {
            Some(name) => name,
            None => system::read(&dir.join("comm")).unwrap_or_default(),
        };
        let process = Process::new(pid, OsStr::from_bytes(command.trim_ascii_end()));
        // Threads of the kernel have neither files nor a program, and are most of the processes.
        let files = (!stat.is_kernel_thread).then(|| all.below(&place.join("fd")));
        // It has ended in the meantime.
        if matches!(&files, Some(Err(error)) if error.is_absent()) {
            return None;
        }
        let namespace = self.link(all.directory.as_fd(), place.join("ns/mnt").as_os_str());
        let seen = Seen {
            process,
            is_caller,
            is_kernel_thread: stat.is_kernel_thread,
            mount_namespace: namespace.and_then(|link| link_number(link.as_bytes())),
            dir,
        };
        match files {
            None => {}
            Some(Err(_)) => self.hidden += 1,
            Some(Ok(files)) => {
                let slow = self.slow.of(seen.mount_namespace, &seen.dir);
                let owner = (pid, &*slow);
                self.table(owner, &files, None);
                // Those of the caller make this walk, and open files meanwhile.
                if stat.threads != Some(1) && !seen.is_caller {
                    self.threads(owner, place, &files);
                }
            }
        }
        Some((seen, mem::take(&mut self.held)))
    }

    /// The files of a descriptor table.
    fn table(&mut self, owner: (i32, &Places), files: &Names, tid: Option<i32>) {
        for name in files.names.iter().take_while(|_| !self.search.is_late()) {
            let link = (number(name), tid, Access::Open);
            self.file(owner, (files.directory.as_fd(), name), link);
        }
    }

    /// The files of threads that have a descriptor table of their own.
    fn threads(&mut self, owner: (i32, &Places), place: &Path, shared: &Names) {
        let Ok(threads) = self.all.below(&place.join("task")) else { return };
        // A table that threads share has the same numbers in each of them, in the same order.
        for thread in &threads.names {
            let Some(tid) = thread.to_str().and_then(|name| name.parse().ok()) else { continue };
            if Path::new(thread) == place || self.search.is_late() {
                continue;
            }
            let dir = self.search.system.processes().join(place).join("task").join(thread);
            self.held.threads.push(Thread { owner: owner.0, tid, dir });
            let Ok(files) = threads.below(&Path::new(thread).join("fd")) else { continue };
            if files.names != shared.names {
                self.table(owner, &files, Some(tid));
            }
        }
    }

    fn file(
        &mut self,
        (owner, slow): (i32, &Places),
        (directory, name): (BorrowedFd<'_>, &OsStr),
        (fd, tid, access): Link,
    ) {
        let Some(path) = self.link(directory, name).map(PathBuf::from) else { return };
        let is_path = path.as_os_str().as_bytes().starts_with(b"/");
        // The root of an unmounted file system is "/", too.
        let is_safe = is_path && !slow.holds(&path);
        let status = if is_safe { self.search.status_at((directory, name), &path) } else { None };
        let is_root = name.as_bytes().ends_with(b"/root");
        self.held.files.push(OpenFile { owner, tid, fd, path, access, is_root, status });
    }
}

/// What counts here of `71 (name) S 1 …`, see proc(5).
#[derive(Debug, Default, PartialEq, Eq)]
struct Stat {
    name: Option<Vec<u8>>,
    /// Whether the process has the flag `PF_KTHREAD`.
    is_kernel_thread: bool,
    threads: Option<u32>,
}

impl Stat {
    fn parse(text: &[u8]) -> Self {
        const KERNEL_THREAD: u32 = 0x0020_0000;
        // The name can have parentheses itself.
        let open = text.iter().position(|&byte| byte == b'(');
        let close = text.iter().rposition(|&byte| byte == b')');
        let (Some(open), Some(close)) = (open, close) else { return Self::default() };
        let rest = std::str::from_utf8(text.get(close..).unwrap_or_default()).unwrap_or_default();
        let mut fields = rest.split_ascii_whitespace();
        let flags = fields.nth(7).and_then(|flags| flags.parse::<u32>().ok());
        Self {
            name: text.get(open + 1..close).map(<[u8]>::to_vec),
            is_kernel_thread: flags.is_some_and(|flags| flags & KERNEL_THREAD != 0),
            threads: fields.nth(10).and_then(|count| count.parse().ok()),
        }
    }
}

fn number(name: &OsStr) -> Option<u32> {
    name.to_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::captured::Captured;
    use crate::holders::files;
    use crate::loaded::Snapshot;

    /// Two processes that have `/dev/null` open, which is of the module `null` here.
    struct Fixture(Captured);

    impl Fixture {
        fn new() -> Self {
            let root = Captured::with(&[
                ("proc/sys/kernel/osrelease", "1.0\n"),
                ("lib/modules/1.0/modules.alias", "alias char-major-1-3 null\n"),
                ("sys/dev/char/1:3/uevent", "MAJOR=1\nMINOR=3\nDEVNAME=null\n"),
            ]);
            for (pid, files) in [("7", 3), ("9", 1)] {
                root.write(format!("proc/{pid}/comm"), format!("command{pid}\n"));
                for file in 0..files {
                    root.link("/dev/null", format!("proc/{pid}/fd/{file}"));
                }
                root.link("/dev/zero", format!("proc/{pid}/fd/98"));
                root.link("pipe:[12]", format!("proc/{pid}/fd/99"));
            }
            // A thread with a descriptor table of its own.
            root.link("/dev/null", "proc/9/task/10/fd/5");
            Self(root)
        }

        /// Each holder, its references, and whether everything was inspected.
        fn scan(&self, time: Duration) -> (Vec<(String, u64)>, bool) {
            let system = self.0.system();
            let snapshot = Snapshot::parse(b"null 1 4 - Live 0x0\n").unwrap();
            let module = snapshot.modules().first().unwrap();
            let search = Search::until(Instant::now() + time, &system, module);
            let holders = files::of(&search).into_iter();
            let mut holders: Vec<_> =
                holders.map(|holder| (holder.kind.to_string(), holder.references)).collect();
            holders.sort();
            (holders, !search.was_cut())
        }
    }

    #[test]
    fn open_files_of_a_kind_are_one_holder() {
        let found = Fixture::new().scan(Duration::from_secs(60));
        let expected = [
            ("command7 (7) has /dev/null open", 3),
            ("command9 (9) has /dev/null open", 1),
            ("command9 (9) thread 10 has /dev/null open", 1),
        ];
        assert_eq!(found, (expected.map(|(text, count)| (text.to_owned(), count)).to_vec(), true));
    }

    #[test]
    fn neither_end_is_left_out() {
        let order = |list: &[u32]| from_both_ends(list).copied().collect::<Vec<_>>();
        assert_eq!(order(&[1, 2, 3, 4, 5]), [5, 1, 4, 2, 3]);
        assert_eq!(order(&[1, 2]), [2, 1]);
        assert_eq!((order(&[1]), order(&[])), (vec![1], vec![]));
    }

    #[test]
    fn names_and_threads() {
        let parsed = |text: &str| {
            let Stat { name, is_kernel_thread, threads } = Stat::parse(text.as_bytes());
            (name.map(|name| String::from_utf8(name).unwrap()), is_kernel_thread, threads)
        };
        let stat = "7 (a) (b) S 2 0 0 0 -1 2129984 0 0 0 0 0 0 0 0 20 0 1 0 31";
        assert_eq!(parsed(stat), (Some("a) (b".to_owned()), true, Some(1)));
        let stat = "7 (x) S 1 7 7 34816 7 4194304 0 0 0 0 0 0 0 0 20 0 12 0 31";
        assert_eq!(parsed(stat), (Some("x".to_owned()), false, Some(12)));
        assert_eq!(parsed("7 (x) S"), (Some("x".to_owned()), false, None));
        assert_eq!((parsed(""), parsed("7 (x")), ((None, false, None), (None, false, None)));
    }

    #[test]
    fn the_clock_is_checked_within_a_process() {
        assert_eq!(Fixture::new().scan(Duration::ZERO), (Vec::new(), false));
    }
}
