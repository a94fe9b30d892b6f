//! Killed at any of its system calls, a tool leaves nothing behind that stays.

use std::fs;

use crate::guest::{Fault, Loaded, Until, is_loaded, run, run_with_fault};

crate::tests![rmmod_wait, insmod_by_our_decoder, insmod_with_dependencies];

/// The instances that `rmmod --wait` makes in tracefs.
fn instances() -> usize {
    fs::read_dir("/sys/kernel/tracing/instances").unwrap().count()
}

fn rmmod_wait() {
    const LINE: &[&str] = &["rmmod", "--wait", "t_hold"];
    // Long enough for the instance to be made, which begins after 100 ms.
    let load = || {
        if !is_loaded("t_hold") {
            std::mem::forget(Loaded::new("t_hold", ""));
        }
        fs::write("/sys/module/t_hold/parameters/hold_ms", "1500").unwrap();
    };
    load();
    let calls = run_with_fault(LINE, Until::Calls(usize::MAX)).calls;
    let (mut killed, mut left, mut naps) = (0, 0, 0);
    // Before the first attempt there is nothing that it could leave.
    let attempt = calls.iter().position(|call| call.kind.name == "delete_module").unwrap();
    for (index, call) in calls.iter().enumerate().skip(attempt) {
        // One nap is like another.
        naps += usize::from(matches!(call.kind.name, "poll" | "pread64"));
        if naps > 8 && matches!(call.kind.name, "poll" | "pread64") {
            continue;
        }
        load();
        let run = run_with_fault(LINE, Until::Fault(index, Fault::Kill));
        killed += usize::from(run.hit.is_some());
        left += usize::from(instances() > 0);
    }
    load();
    // An instance that a killed run has left is taken away by the next one that makes one.
    run(LINE).succeeds_silently();
    assert_eq!(instances(), 0, "{:?}", fs::read_dir("/sys/kernel/tracing/instances"));
    println!(
        "{}: {} calls, killed at {killed}; an instance was there after {left}, none after the \
         next run",
        LINE.join(" "),
        calls.len(),
    );
    assert!(killed > 0, "it was never killed");
}

/// The whole image is in memory, and the kernel gets all or nothing.
fn insmod_by_our_decoder() {
    const LINE: &[&str] = &["insmod", "-f", "/modules/t_plain.ko.gz"];
    let calls = run_with_fault(LINE, Until::Calls(usize::MAX)).calls.len();
    drop(Loaded::adopt("t_plain"));
    let mut killed = 0;
    for index in 0..calls {
        let run = run_with_fault(LINE, Until::Fault(index, Fault::Kill));
        killed += usize::from(run.hit.is_some());
        if is_loaded("t_plain") {
            drop(Loaded::adopt("t_plain"));
        }
    }
    run(LINE).succeeds_silently();
    drop(Loaded::adopt("t_plain"));
    println!("{}: {calls} calls, killed at {killed}", LINE.join(" "));
    assert_eq!(killed, calls);
}

/// No process is left to remove a dependency again, but each loaded module is whole: a second run
/// builds on it.
fn insmod_with_dependencies() {
    const LINE: &[&str] = &["insmod", "--deps", "/modules/t_user.ko"];
    let unload = || {
        for name in ["t_user", "t_base"] {
            if is_loaded(name) {
                drop(Loaded::adopt(name));
            }
        }
    };
    let calls = run_with_fault(LINE, Until::Calls(usize::MAX)).calls.len();
    unload();
    let (mut killed, mut half) = (0, 0);
    for index in 0..calls {
        let ended = run_with_fault(LINE, Until::Fault(index, Fault::Kill));
        killed += usize::from(ended.hit.is_some());
        for name in ["t_user", "t_base"] {
            if let Ok(state) = fs::read_to_string(format!("/sys/module/{name}/initstate")) {
                assert_eq!(state, "live\n", "{name}, killed at call {index}");
            }
        }
        if is_loaded("t_base") && !is_loaded("t_user") {
            half += 1;
            run(LINE).succeeds_silently();
        }
        unload();
    }
    println!(
        "{}: {calls} calls, killed at {killed}; {half} times the dependency was there alone, and \
         the next run built on it",
        LINE.join(" ")
    );
    assert!(half > 0 && killed * 10 >= calls * 9);
}
