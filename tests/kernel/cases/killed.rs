//! Killed at any of its system calls, a tool leaves nothing behind that stays.

use std::fs;

use crate::guest::{Fault, Loaded, Until, is_loaded, run, run_with_fault};

crate::tests![rmmod_wait, insmod_by_our_decoder];

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
        fs::write("/sys/module/t_hold/parameters/hold_ms", "600").unwrap();
    };
    load();
    let calls = run_with_fault(LINE, Until::Calls(usize::MAX)).calls;
    let (mut killed, mut left, mut naps) = (0, 0, 0);
    for (index, call) in calls.iter().enumerate() {
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
    assert!(killed > 40 && left > 0, "killed {killed} times, instances left {left} times");
}

/// The whole image is in memory, and the kernel has all of it or nothing.
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
