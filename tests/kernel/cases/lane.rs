//! The lane itself: that the guest is what the other tests take for granted.

use std::fs;
use std::time::Duration;

use crate::guest::{KernelLog, Loaded, Run, Trace, is_loaded, run};

crate::tests![
    commands_get_what_they_are_given,
    overlong_commands_are_ended,
    system_is_mounted,
    modules_come_and_go,
    holds_and_lets_go,
    kmod_runs,
    strace_runs
];

fn commands_get_what_they_are_given() {
    let done = Run::new("sh")
        .args(["-c", "cat; echo \"$WORD $1\" >&2; exit 7", "sh", "argument"])
        .env("WORD", "environment")
        .stdin(b"input")
        .done();
    assert_eq!(
        (done.status, done.stdout.as_str(), done.stderr.as_str()),
        (Some(7), "input", "environment argument\n")
    );
}

fn overlong_commands_are_ended() {
    // The second sleep is not a child of ours, and must not keep us waiting for its output.
    let line = ["-c", "sleep 100 & sleep 100"];
    let done = Run::new("sh").args(line).limit(Duration::from_millis(100)).done();
    done.check(done.signal == Some(9), "is killed");
    done.check(done.took < Duration::from_secs(10), "ends soon after its limit");
}

fn system_is_mounted() {
    for file in [
        "/proc/modules",
        "/sys/module",
        "/sys/kernel/tracing/events/module",
        "/sys/kernel/debug",
        "/sys/kernel/security/lockdown",
        "/dev/kmsg",
    ] {
        assert!(fs::exists(file).unwrap(), "{file} is missing");
    }
}

fn modules_come_and_go() {
    let base = Loaded::new("t_base", "");
    let user = Loaded::new("t_user", "");
    assert!(is_loaded("t_base") && is_loaded("t_user"));
    drop(user);
    drop(base);
    assert!(!is_loaded("t_base") && !is_loaded("t_user"));
}

fn holds_and_lets_go() {
    let log = KernelLog::from_now();
    drop(Loaded::new("t_hold", "hold_ms=100"));
    drop(Loaded::new("t_hold", "flap_us=200"));
    let released = log.lines().iter().filter(|line| line.starts_with("t_hold: released")).count();
    assert_eq!(released, 2);
}

fn kmod_runs() {
    let done = run(["/kmod/modprobe", "-n", "-v", "nf_tables"]);
    done.succeeds();
    done.check(done.stdout.contains("nf_tables.ko"), "finds a module of the distribution");
}

fn strace_runs() {
    let trace = Trace::of("openat", &["/kmod/lsmod"]);
    trace.done.succeeds();
    assert!(trace.calls.iter().any(|call| call.contains("\"/proc/modules\"")), "{:?}", trace.calls);
}
