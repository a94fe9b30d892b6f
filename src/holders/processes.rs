//! The walk through `/proc`, which all sources share.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, StatxFlags, readlinkat, statx};
use rustix::io::Errno;

use super::device::Device;
use super::devices;
use super::process::{Access, Process};
use super::search::{OmissionReason, Search};
use super::seen::{OpenFile, Processes, Seen, Status, link_number};
use crate::directory::{self, Names};
use crate::system;

/// The number of a descriptor, the thread that has a table of its own, and the kind of access.
type Link = (Option<u32>, Option<i32>, Access);

impl Processes {
    fn scan(search: &Search<'_>) -> Self {
        let mut found = Self::default();
        let mut hidden = 0;
        let caller = caller(search);
        let Ok(entries) = directory::entries(&search.system.processes()) else { return found };
        for entry in entries.flatten() {
            let pid = entry.name.to_str().and_then(|name| name.parse().ok());
            let Some(pid) = pid else { continue };
            if search.is_late() {
                break;
            }
            if !found.add(search, (pid, caller == Some(pid)), entry.path) {
                hidden += 1;
            }
        }
        match hidden {
            0 => {}
            1 => search.omit("1 process", OmissionReason::PermissionDenied),
            count => search.omit(format!("{count} processes"), OmissionReason::PermissionDenied),
        }
        found
    }

    /// Adds a process; returns false if it must not be inspected.
    fn add(&mut self, search: &Search<'_>, (pid, is_caller): (i32, bool), dir: PathBuf) -> bool {
        // A file of many answers: names are asked for once.
        let stat = system::read(&dir.join("stat")).unwrap_or_default();
        // Threads of the kernel have neither files nor a program, and are most of the processes.
        if is_kernel_thread(&stat) {
            let seen = seen(pid, is_caller, dir, &stat);
            self.list.push(Seen { is_kernel_thread: true, ..seen });
            return true;
        }
        let files = match Names::read(&dir.join("fd")) {
            Ok(files) => files,
            // It has ended in the meantime.
            Err(error) if error.is_absent() => return true,
            Err(_) => {
                self.list.push(seen(pid, is_caller, dir, &stat));
                return false;
            }
        };
        let owner = self.list.len();
        self.list.push(seen(pid, is_caller, dir, &stat));
        let Some(Seen { dir, mount_namespace, .. }) = self.list.last() else { return true };
        let slow = self.slow.of(*mount_namespace, dir);
        let mut add = |at: BorrowedFd<'_>, name: &OsStr, (fd, tid, access): Link| {
            let Ok(path) = readlinkat(at, name, Vec::new()) else { return };
            let path = PathBuf::from(OsString::from_vec(path.into_bytes()));
            let is_path = path.as_os_str().as_bytes().starts_with(b"/");
            // The root of an unmounted file system is "/", too.
            let is_safe = is_path && !slow.holds(&path);
            let status = if is_safe { search.status_at((at, name), &path) } else { None };
            self.files.push(OpenFile { owner, tid, fd, path, access, status });
        };
        let mut numbers = HashSet::new();
        for name in &files.names {
            if search.is_late() {
                return true;
            }
            let number = number(name);
            numbers.insert(number);
            add(files.directory.as_fd(), name, (number, None, Access::Open));
        }
        for (name, access) in
            [("cwd", Access::Directory), ("root", Access::Directory), ("exe", Access::Program)]
        {
            add(CWD, dir.join(name).as_os_str(), (None, None, access));
        }
        for (tid, thread) in other_threads(dir, pid) {
            let Ok(files) = Names::read(&thread.join("fd")) else { continue };
            // A table that threads share has the same numbers in each of them.
            let own: HashSet<_> = files.names.iter().map(|name| number(name)).collect();
            if own != numbers {
                for name in &files.names {
                    let link = (number(name), Some(tid), Access::Open);
                    add(files.directory.as_fd(), name, link);
                }
            }
        }
        true
    }
}

impl Search<'_> {
    /// The processes, which are looked at once.
    pub(super) fn processes(&self) -> &Processes {
        self.scene.processes.get_or_init(|| Processes::scan(self))
    }

    /// Whether looking at a file of a process could hang.
    pub(super) fn is_slow(&self, seen: &Seen, path: &Path) -> bool {
        self.processes().slow.of(seen.mount_namespace, &seen.dir).holds(path)
    }

    /// The status of a file that the caller sees; nothing if looking at it could hang.
    pub(super) fn status(&self, path: &Path) -> Option<Status> {
        let mut processes = self.processes().list.iter();
        let is_slow = |own| self.is_slow(own, path);
        let slow = processes.find(|seen| seen.is_caller).is_some_and(is_slow);
        if slow { None } else { self.status_of_link(path, path) }
    }

    /// The status of the file that a link of `/proc` leads to. Links of a captured system
    /// lead outside: there, the file's path gives the number of a device, and nothing else.
    pub(super) fn status_of_link(&self, link: &Path, path: &Path) -> Option<Status> {
        self.status_at((CWD, link.as_os_str()), path)
    }

    /// The same for a link in an open directory.
    fn status_at(&self, link: (BorrowedFd<'_>, &OsStr), path: &Path) -> Option<Status> {
        if self.system.is_live() {
            return status(link);
        }
        let read = || devices::nodes(self.system).into_iter().map(|(device, path)| (path, device));
        let nodes = self.scene.nodes.get_or_init(|| read().collect());
        nodes.get(path).map(|device| Status { filesystem: (0, 0), device: Some(*device) })
    }
}

fn seen(pid: i32, is_caller: bool, dir: PathBuf, stat: &[u8]) -> Seen {
    let name = match name_in(stat) {
        Some(name) => name.to_vec(),
        None => system::read(&dir.join("comm")).unwrap_or_default(),
    };
    let namespace = fs::read_link(dir.join("ns/mnt")).ok();
    Seen {
        process: Process::new(pid, OsStr::from_bytes(name.trim_ascii_end())),
        is_caller,
        is_kernel_thread: false,
        mount_namespace: namespace.and_then(|link| link_number(link.as_os_str().as_bytes())),
        dir,
    }
}

/// The name in a text such as `71 (name) S 1 …`, see proc(5). It can have parentheses itself.
fn name_in(stat: &[u8]) -> Option<&[u8]> {
    let open = stat.iter().position(|&byte| byte == b'(')?;
    let close = stat.iter().rposition(|&byte| byte == b')')?;
    stat.get(open + 1..close)
}

/// Whether a process has the flag `PF_KTHREAD`.
fn is_kernel_thread(stat: &[u8]) -> bool {
    const KERNEL_THREAD: u32 = 0x0020_0000;
    let end = stat.iter().rposition(|&byte| byte == b')').unwrap_or(stat.len());
    let fields = String::from_utf8_lossy(stat.get(end..).unwrap_or_default());
    let flags = fields.split_ascii_whitespace().nth(7).and_then(|flags| flags.parse::<u32>().ok());
    flags.is_some_and(|flags| flags & KERNEL_THREAD != 0)
}

fn number(name: &OsStr) -> Option<u32> {
    name.to_str()?.parse().ok()
}

fn other_threads(dir: &Path, pid: i32) -> Vec<(i32, PathBuf)> {
    let Ok(threads) = directory::entries(&dir.join("task")) else { return Vec::new() };
    let numbered = threads.flatten().filter_map(|entry| {
        let tid = entry.name.to_str()?.parse().ok()?;
        (tid != pid).then_some((tid, entry.path))
    });
    numbered.collect()
}

/// The calling process, in the PID namespace of `/proc`.
fn caller(search: &Search<'_>) -> Option<i32> {
    fs::read_link(search.system.processes().join("self")).ok()?.to_str()?.parse().ok()
}

/// Without waiting, not even for a file on a server that is gone.
fn status((directory, name): (BorrowedFd<'_>, &OsStr)) -> Option<Status> {
    match statx(directory, name, AtFlags::STATX_DONT_SYNC, StatxFlags::TYPE) {
        Ok(status) => {
            let kind = FileType::from_raw_mode(status.stx_mode.into());
            let device = Device::new(kind, status.stx_rdev_major, status.stx_rdev_minor);
            Some(Status { filesystem: (status.stx_dev_major, status.stx_dev_minor), device })
        }
        // Linux before 4.11 lacks this choice.
        Err(Errno::NOSYS) => {
            let status = rustix::fs::statat(directory, name, AtFlags::empty()).ok()?;
            let (device, node) = (status.st_dev, status.st_rdev);
            let kind = FileType::from_raw_mode(status.st_mode);
            let (major, minor) = (rustix::fs::major, rustix::fs::minor);
            let filesystem = (major(device), minor(device));
            Some(Status { filesystem, device: Device::new(kind, major(node), minor(node)) })
        }
        Err(_) => None,
    }
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
    fn names_and_threads_of_the_kernel() {
        let stat = b"7 (a) (b) S 2 0 0 0 -1 2129984 0 0";
        assert_eq!((name_in(stat), is_kernel_thread(stat)), (Some(&b"a) (b"[..]), true));
        let stat = b"7 (x) S 1 7 7 34816 7 4194304 0";
        assert!(!is_kernel_thread(stat) && !is_kernel_thread(b"") && name_in(b"7 (x").is_none());
    }

    #[test]
    fn the_clock_is_checked_within_a_process() {
        assert_eq!(Fixture::new().scan(Duration::ZERO), (Vec::new(), false));
    }
}
