//! The lane itself: that the guest is what the other tests take for granted.

use std::fs;

use crate::guest::{KernelLog, Loaded, Trace, is_loaded, run};

crate::tests![system_is_mounted, modules_come_and_go, holds_and_lets_go, kmod_runs, strace_runs];

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
