//! Instructions in user space, counted by stepping through a process.
//!
//! Slow, but exact, the same on every machine, and able to stop at a system call: what a command
//! does up to `finit_module` can be counted where no module can be loaded.

use std::process::{Command, Stdio};

use nix::libc::PTRACE_EVENT_EXEC;
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
    // A shell that stops itself gives the time to take hold of it before it becomes the command.
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
