//! `rmmod --wait` up to Linux 3.12, where `delete_module` blocks until the module is free, unless
//! `O_NONBLOCK` is set, and no signal ends that. No kernel that old boots here: the tools are shown
//! its release, and strace makes the call take its time.

use std::fs;
use std::time::Duration;

use crate::guest::{Done, Hidden, Loaded, Run, is_loaded, run};

crate::tests![
    one_call_and_nothing_around_it,
    a_call_that_was_interrupted_is_made_again,
    signal_during_the_call,
    signal_before_the_call_blocks,
    time_limit,
    removed_within_its_time,
];

/// Flags of the call, as strace prints them.
const BLOCK: &str = "0";
const DO_NOT_BLOCK: &str = "0x800";

fn old_kernel() -> Hidden {
    Hidden::behind_text("3.12.74\n", "/proc/sys/kernel/osrelease")
}

/// What a command does to `delete_module` and after it, with answers in the kernel's place.
fn traced(answer: Option<&str>, line: &[&str]) -> (Done, Vec<String>) {
    let file = "/tmp/trace";
    let inject = answer.map(|answer| format!("inject=delete_module:{answer}"));
    let tracer = ["-fqq", "-X", "raw", "-o", file, "-e", "signal=none", "-e", "trace=all"];
    let done = Run::new("strace")
        .args(tracer)
        .args(inject.iter().flat_map(|inject| ["-e", inject]))
        .args(line)
        .env("MODUTILS_EXPLAIN", "always")
        .done();
    let text = fs::read_to_string(file).unwrap();
    let calls = text.lines().filter_map(|line| line.split_once(' '));
    let calls = calls.map(|(_process, call)| call.trim_start().to_owned());
    (done, calls.skip_while(|call| !call.starts_with("delete_module")).collect())
}

/// The flags of each call, in turn.
#[track_caller]
fn flags(calls: &[String], module: &str) -> Vec<String> {
    let begin = format!("delete_module(\"{module}\", ");
    let of_call = |call: &String| Some(call.strip_prefix(&begin)?.split_once(')')?.0.to_owned());
    let flags: Vec<_> = calls.iter().filter_map(of_call).collect();
    assert!(!flags.is_empty(), "{calls:#?}");
    flags
}

/// The module stays, as the call is not made: an attempt more would be noticed.
fn one_call_and_nothing_around_it() {
    let _old = old_kernel();
    let _loaded = Loaded::new("t_hold", "hold_ms=2000");
    let (done, calls) = traced(Some("retval=0:delay_exit=500000"), &["rmmod", "--wait", "t_hold"]);
    done.succeeds_silently();
    done.check(done.took >= Duration::from_millis(500), "waits for the call");
    assert_eq!(flags(&calls, "t_hold"), [BLOCK]);
    // No trace instance, no clock, no look at the module.
    let around = ["mkdir", "open", "poll(", "ppoll", "select", "nanosleep", "clock_nanosleep"];
    let others: Vec<_> =
        calls.iter().filter(|call| around.iter().any(|begin| call.starts_with(begin))).collect();
    assert!(others.is_empty(), "{others:#?}");
    assert!(is_loaded("t_hold"));
}

/// A signal while the call waits for the kernel's lock, before it does anything. The tool has none to
/// end for here.
fn a_call_that_was_interrupted_is_made_again() {
    let _old = old_kernel();
    let _loaded = Loaded::new("t_plain", "");
    let (done, calls) = traced(Some("error=EINTR:when=1..3"), &["rmmod", "--wait", "t_plain"]);
    done.succeeds_silently();
    assert_eq!(flags(&calls, "t_plain"), [BLOCK; 4]);
    assert!(!is_loaded("t_plain"));
}

/// The kernel ends the call when the module is free, no sooner: then the tool says how things stand.
fn signal_during_the_call() {
    let _old = old_kernel();
    let _loaded = (Loaded::new("t_plain", ""), Loaded::new("t_base", ""));
    let (done, calls) = traced(
        Some("delay_exit=2000000:when=1"),
        &["timeout", "-s", "INT", "1", "/sbin/rmmod", "--wait", "t_plain", "t_base"],
    );
    done.check(done.signal == Some(2), "dies of SIGINT");
    done.check(done.took >= Duration::from_secs(2), "the call does not end for it");
    let said = "rmmod: ERROR: could not remove 't_base': Interrupted system \
                call\n  cause: interrupted before the first attempt\n  fix: rmmod --wait t_base\n";
    done.check(done.stderr == said, said);
    assert_eq!(flags(&calls, "t_plain"), [BLOCK]);
    assert!(!is_loaded("t_plain") && is_loaded("t_base"));
}

/// The call ends with EINTR, and the tool has a signal to end for.
fn signal_before_the_call_blocks() {
    let _old = old_kernel();
    let _loaded = Loaded::new("t_plain", "");
    let (done, calls) = traced(
        Some("error=EINTR:delay_exit=2000000"),
        &["timeout", "-s", "INT", "1", "/sbin/rmmod", "--wait", "t_plain"],
    );
    done.check(done.signal == Some(2), "dies of SIGINT");
    let first = "rmmod: ERROR: could not remove 't_plain': Interrupted system call\n";
    done.check(done.stderr.starts_with(first), first);
    assert_eq!(flags(&calls, "t_plain"), [BLOCK]);
    assert!(is_loaded("t_plain"));
}

/// A call that blocks would outlast it, so none does.
fn time_limit() {
    let _old = old_kernel();
    let _loaded = Loaded::new("t_hold", "hold_ms=5000");
    let (done, calls) = traced(None, &["rmmod", "--wait=0.3", "t_hold"]);
    done.check(done.status == Some(5), "ran out of time");
    let flags = flags(&calls, "t_hold");
    assert!(flags.iter().all(|flags| flags == DO_NOT_BLOCK), "{flags:?}");
    assert!(is_loaded("t_hold"));
}

fn removed_within_its_time() {
    let _old = old_kernel();
    let _loaded = Loaded::new("t_hold", "hold_ms=500");
    run(["rmmod", "--wait=20", "t_hold"]).succeeds_silently();
    assert!(!is_loaded("t_hold"));
}
