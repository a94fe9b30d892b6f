//! Instructions in user space, counted by stepping through a process.
//!
//! Slow, but exact, the same on every machine, and able to stop at a system call: what a command
//! does up to `finit_module` can be counted where no module can be loaded.

use std::process::{Command, Stdio};

use nix::libc::PTRACE_EVENT_EXEC;
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

/// `exit_group`, `init_module`, `finit_module` and `delete_module` on x86-64.
const LAST_CALLS: [u64; 4] = [231, 175, 313, 176];

/// The machine code of `syscall`.
const SYSCALL: i64 = 0x050f;

/// How many instructions a command executes until it ends or asks the kernel to load or remove a
/// module.
pub(crate) fn count(command: &[&str]) -> u64 {
    on_one_processor(|| steps(command))
}

/// Where taking turns, as a process and the one that steps through it do, does not wait for
/// another processor to notice.
fn on_one_processor<T>(work: impl FnOnce() -> T) -> T {
    let own = Pid::from_raw(0);
    let all = sched_getaffinity(own).expect("processors");
    let first = (0..CpuSet::count()).find(|&cpu| all.is_set(cpu) == Ok(true));
    let mut one = CpuSet::new();
    one.set(first.expect("a processor")).expect("its number");
    sched_setaffinity(own, &one).expect("to stay on a processor");
    let result = work();
    sched_setaffinity(own, &all).expect("to leave it");
    result
}

fn steps(command: &[&str]) -> u64 {
    // A shell that stops itself gives the time to attach to it before it becomes the command.
    let mut child = Command::new("sh")
        .args(["-c", "kill -STOP $$; exec \"$@\"", "sh"])
        .args(command)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("a shell");
    let pid = Pid::from_raw(i32::try_from(child.id()).expect("a process id"));
    waitpid(pid, Some(WaitPidFlag::WUNTRACED)).expect("a stopped shell");
    ptrace::seize(pid, Options::PTRACE_O_TRACEEXEC | Options::PTRACE_O_EXITKILL).expect("ptrace");
    kill(pid, Signal::SIGCONT).expect("SIGCONT");
    loop {
        match waitpid(pid, None).expect("waitpid") {
            WaitStatus::PtraceEvent(_, _, PTRACE_EVENT_EXEC) => break,
            WaitStatus::Exited(..) | WaitStatus::Signaled(..) => panic!("{command:?}: did not run"),
            _ => ptrace::cont(pid, None).expect("ptrace"),
        }
    }
    let mut steps = 0;
    while !at_last_call(pid) {
        ptrace::step(pid, None).expect("ptrace");
        match waitpid(pid, None).expect("waitpid") {
            WaitStatus::Stopped(..) => steps += 1,
            _ => break,
        }
    }
    let _ = child.kill();
    let _ = child.wait();
    steps
}

fn at_last_call(pid: Pid) -> bool {
    let registers = ptrace::getregs(pid).expect("registers");
    LAST_CALLS.contains(&registers.rax)
        && ptrace::read(pid, registers.rip as ptrace::AddressType)
            .is_ok_and(|code| code & 0xffff == SYSCALL)
}
