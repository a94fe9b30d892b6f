//! Runs a command and lets one of its system calls fail, the way strace's `inject` does, but
//! without the time that strace takes to start: thousands of these runs are made.

use std::collections::HashMap;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use super::calls::CallKind;

/// How long a run may take. A wait that a command is asked for takes less than a second.
const LIMIT: Duration = Duration::from_secs(30);

/// A system call that was made.
#[derive(Clone)]
pub(crate) struct Call {
    pub(crate) kind: &'static CallKind,
    /// The path that it was about, if any.
    pub(crate) path: Option<String>,
    /// What its descriptor was open on, for a call that takes one and no path.
    pub(crate) file: Option<String>,
    /// Its first and third argument: a descriptor and a size, for many calls.
    pub(crate) first: u64,
    size: u64,
}

impl Call {
    /// Whether the kernel could do less than it is asked to.
    pub(crate) fn can_be_partial(&self) -> bool {
        self.kind.partial && self.size > 1
    }
}

/// The fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The call fails, and does nothing.
    Error(Errno),
    /// The call moves one byte only.
    Partial,
    /// The process is killed when it makes the call.
    Kill,
    /// It gets SIGINT when it makes the call.
    Interrupt,
}

impl Fault {
    /// Timing may change the order of calls, so that another call than planned comes at this place.
    fn befits(self, call: &Call) -> bool {
        match self {
            Self::Error(errno) => call.kind.errors.contains(&errno),
            Self::Partial => call.can_be_partial(),
            Self::Kill | Self::Interrupt => true,
        }
    }
}

/// What came of a run.
pub(crate) struct Faulted {
    /// The calls that were made, in order, those of all threads; with a fault, none.
    pub(crate) calls: Vec<Call>,
    /// How many there were while the command was followed.
    pub(crate) made: usize,
    /// The one that was interfered with, if the run got as far as that.
    pub(crate) hit: Option<Call>,
    pub(crate) status: Option<i32>,
    pub(crate) signal: Option<Signal>,
    pub(crate) overlong: bool,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// The second half of [`run`]: lets itself be traced and becomes the command.
pub(crate) fn become_traced(line: &[&str]) {
    ptrace::traceme().expect("cannot be traced");
    let error = Command::new(line[0]).args(&line[1..]).exec();
    panic!("cannot run {line:?}: {error}");
}

/// How far a command is followed, and what happens there.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Until {
    /// After so many calls it is left alone.
    Calls(usize),
    /// The call of this index.
    Fault(usize, Fault),
    /// The same, counted from the end of the first removal, before which the command runs at its own
    /// speed. The exit function has to take long enough to be noticed.
    AfterRemoval(usize, Fault),
}

/// Runs a command, and lists its calls or has one of them fail.
pub(crate) fn run_with_fault(line: &[&str], until: Until) -> Faulted {
    let (out, err) = ("/tmp/fault.out", "/tmp/fault.err");
    let create = |file| File::create(file).expect("cannot create a file in /tmp");
    // Not with a pipe for its output: this thread cannot read while it follows the calls.
    let mut command = if let Until::AfterRemoval(..) = until {
        Command::new(line[0])
    } else {
        let mut command = Command::new("/proc/self/exe");
        command.args(["traced", line[0]]);
        command
    };
    #[allow(clippy::zombie_processes, reason = "waited for below, by process id")]
    let child = command
        .args(&line[1..])
        .stdin(File::open("/dev/null").expect("/dev/null"))
        .stdout(create(out))
        .stderr(create(err))
        .spawn()
        .unwrap_or_else(|error| panic!("cannot run {line:?}: {error}"));
    let child = Pid::from_raw(i32::try_from(child.id()).expect("a huge process id"));
    let (ended, watched) = mpsc::channel::<()>();
    let watchdog = thread::spawn(move || {
        let overlong = watched.recv_timeout(LIMIT).is_err();
        if overlong {
            let _ = kill(child, Signal::SIGKILL);
        }
        overlong
    });

    if let Until::AfterRemoval(..) = until {
        catch_in_removal(child);
    }
    let mut follower = Follower {
        calls: Vec::new(),
        made: 0,
        hit: None,
        until,
        threads: 1,
        inside: HashMap::new(),
    };
    let (status, signal) = follower.follow(child);
    let _ = ended.send(());
    Faulted {
        calls: follower.calls,
        made: follower.made,
        hit: follower.hit,
        status,
        signal,
        overlong: watchdog.join().expect("the watchdog panicked"),
        stdout: String::from_utf8_lossy(&fs::read(out).unwrap_or_default()).into_owned(),
        stderr: String::from_utf8_lossy(&fs::read(err).unwrap_or_default()).into_owned(),
    }
}

/// Waits until a module is being removed, and stops the command there; it gets to the stop when the
/// removal is done.
fn catch_in_removal(child: Pid) {
    let is_removing = || {
        let rows = fs::read_to_string("/proc/modules").expect("/proc/modules");
        rows.contains(" Unloading ")
    };
    let begin = Instant::now();
    while !is_removing() {
        assert!(begin.elapsed() < LIMIT, "no module is being removed");
        thread::sleep(Duration::from_millis(1));
    }
    ptrace::attach(child).expect("cannot be traced");
}

/// The call that moves the end of the heap.
const BRK: u64 = nix::libc::SYS_brk.cast_unsigned();

struct Follower {
    calls: Vec<Call>,
    /// How many calls were made.
    made: usize,
    hit: Option<Call>,
    until: Until,
    /// How many threads there have been.
    threads: usize,
    /// The threads that are inside of a call, and how to set things right at its end.
    inside: HashMap<Pid, Repair>,
}

#[derive(Clone, Copy)]
enum Repair {
    Nothing,
    Result(Errno),
    /// The first argument.
    First(u64),
    /// The third argument.
    Size(u64),
}

impl Follower {
    /// Until the process has ended: its exit status, or the signal that ended it.
    fn follow(&mut self, child: Pid) -> (Option<i32>, Option<Signal>) {
        let first = waitpid(child, None).expect("waitpid");
        let is_stop = matches!(first, WaitStatus::Stopped(_, Signal::SIGTRAP | Signal::SIGSTOP));
        assert!(is_stop, "{first:?}");
        let options = Options::PTRACE_O_TRACESYSGOOD
            | Options::PTRACE_O_TRACECLONE
            | Options::PTRACE_O_EXITKILL;
        ptrace::setoptions(child, options).expect("ptrace");
        let _ = ptrace::syscall(child, None);
        loop {
            let event = waitpid(None, Some(WaitPidFlag::__WALL)).expect("waitpid");
            // A thread that was killed in the meantime has no state any more.
            let (pid, signal) = match event {
                WaitStatus::Exited(pid, status) if pid == child => return (Some(status), None),
                WaitStatus::Signaled(pid, signal, _) if pid == child => {
                    return (None, Some(signal));
                }
                WaitStatus::PtraceSyscall(pid) => {
                    let _ = self.stop(pid);
                    // To be followed costs far more than the calls themselves.
                    if self.is_done() && self.threads == 1 && self.inside.is_empty() {
                        let _ = ptrace::detach(pid, None);
                        continue;
                    }
                    (pid, None)
                }
                WaitStatus::PtraceEvent(pid, ..) => {
                    self.threads += 1;
                    (pid, None)
                }
                // A new thread begins with a stop.
                WaitStatus::Stopped(pid, Signal::SIGSTOP | Signal::SIGTRAP) => (pid, None),
                WaitStatus::Stopped(pid, signal) => (pid, Some(signal)),
                _ => continue,
            };
            let _ = ptrace::syscall(pid, signal);
        }
    }

    fn is_done(&self) -> bool {
        match self.until {
            Until::Calls(most) => self.made >= most,
            Until::Fault(..) | Until::AfterRemoval(..) => self.hit.is_some(),
        }
    }

    fn stop(&mut self, pid: Pid) -> Result<(), Errno> {
        let mut registers = ptrace::getregs(pid)?;
        match self.inside.remove(&pid) {
            None => {
                let index = self.made;
                self.made += 1;
                let mut repair = Repair::Nothing;
                // Looking at a call in detail takes longer than the call.
                if let Until::Calls(_) = self.until {
                    self.calls.push(call(pid, &registers));
                }
                let planned = match self.until {
                    Until::Calls(_) => None,
                    Until::Fault(place, fault) | Until::AfterRemoval(place, fault) => {
                        Some((place, fault))
                    }
                };
                if let Some((place, fault)) = planned
                    && place == index
                    && let call = call(pid, &registers)
                    && fault.befits(&call)
                {
                    self.hit = Some(call);
                    repair = match fault {
                        // It fails by returning the old end, as it also does when asked for it.
                        Fault::Error(_) if registers.orig_rax == BRK => {
                            Repair::First(std::mem::take(&mut registers.rdi))
                        }
                        Fault::Error(errno) => {
                            // No such call: the kernel does nothing.
                            registers.orig_rax = u64::MAX;
                            Repair::Result(errno)
                        }
                        Fault::Partial => {
                            let size = std::mem::replace(&mut registers.rdx, 1);
                            Repair::Size(size)
                        }
                        Fault::Kill => return kill(pid, Signal::SIGKILL),
                        Fault::Interrupt => {
                            kill(pid, Signal::SIGINT)?;
                            Repair::Nothing
                        }
                    };
                    ptrace::setregs(pid, registers)?;
                }
                self.inside.insert(pid, repair);
            }
            Some(Repair::Nothing) => {}
            Some(Repair::Result(errno)) => {
                registers.rax = (-i64::from(errno as i32)).cast_unsigned();
                ptrace::setregs(pid, registers)?;
            }
            Some(Repair::First(first)) => {
                registers.rdi = first;
                ptrace::setregs(pid, registers)?;
            }
            Some(Repair::Size(size)) => {
                registers.rdx = size;
                ptrace::setregs(pid, registers)?;
            }
        }
        Ok(())
    }
}

fn call(pid: Pid, registers: &nix::libc::user_regs_struct) -> Call {
    let arguments = [registers.rdi, registers.rsi, registers.rdx];
    let kind = CallKind::of(registers.orig_rax);
    let path = kind.path.and_then(|index| string(pid, arguments[index]));
    let file = kind.descriptor.then(|| format!("/proc/{pid}/fd/{}", registers.rdi));
    let file = file.and_then(|link| fs::read_link(link).ok());
    let file = file.map(|path| path.to_string_lossy().into_owned());
    Call { kind, path, file, first: registers.rdi, size: registers.rdx }
}

/// A string in the memory of a process.
fn string(pid: Pid, address: u64) -> Option<String> {
    let memory = File::open(format!("/proc/{pid}/mem")).ok()?;
    let mut bytes = [0; 256];
    // It may be the end of a mapping.
    let length = memory.read_at(&mut bytes, address).ok()?;
    let text = bytes[..length].split(|&byte| byte == 0).next()?;
    Some(String::from_utf8_lossy(text).into_owned())
}
