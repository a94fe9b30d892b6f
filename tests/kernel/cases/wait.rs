//! `rmmod --wait`: returns when the module is gone, and soon after it could go.

use std::fs;
use std::thread;
use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;

use crate::guest::{Done, KernelLog, Loaded, is_loaded, remove, run, wait_for};

crate::tests![
    idle_module,
    held_for_300_milliseconds,
    held_for_3_seconds,
    held_on_and_off,
    time_runs_out,
    one_budget_for_all,
    used_by_a_module,
    still_initializing,
    already_being_removed,
    removed_by_another_process,
    permanent,
    not_loaded,
];

/// How long after the last reference the module may be gone at the latest.
const LATENESS: Duration = Duration::from_millis(20);

fn idle_module() {
    for option in ["-w", "--wait", "--wait=2"] {
        let _loaded = Loaded::new("t_plain", "");
        run(["rmmod", option, "t_plain"]).succeeds_silently();
        assert!(!is_loaded("t_plain"));
    }
}

/// Waits for `t_hold`, which is held for some time, and returns how long after its
/// last reference it began to leave. What follows is the kernel's work, the same
/// for each removal.
fn lateness(milliseconds: u32) -> Duration {
    let log = KernelLog::from_now();
    let _loaded = Loaded::new("t_hold", &format!("hold_ms={milliseconds}"));
    run(["rmmod", "--wait", "t_hold"]).succeeds_silently();
    assert!(!is_loaded("t_hold"));

    let lines = log.lines();
    let times = lines.iter().find_map(|line| {
        let line = line.strip_prefix("t_hold: released at ")?.strip_suffix(" ns")?;
        let (released, exit) = line.split_once(" ns, exit at ")?;
        Some((released.parse().ok()?, exit.parse().ok()?))
    });
    let (released, exit): (u64, u64) =
        times.unwrap_or_else(|| panic!("t_hold did not log its times: {lines:#?}"));
    Duration::from_nanos(exit - released)
}

fn held_for_300_milliseconds() {
    let late = lateness(300);
    assert!(late <= LATENESS, "{late:?}");
}

fn held_for_3_seconds() {
    let used_before = processor_time();
    let late = lateness(3000);
    assert!(late <= LATENESS, "{late:?}");
    // Of which an emulated processor needs a good part to start and end a process.
    let used = processor_time().saturating_sub(used_before);
    assert!(used <= Duration::from_millis(150), "waiting took {used:?} of processor time");
}

/// What the ended children of this process used.
fn processor_time() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap();
    let time = usage.user_time() + usage.system_time();
    Duration::from_micros(u64::try_from(time.num_microseconds()).unwrap())
}

fn held_on_and_off() {
    let _loaded = Loaded::new("t_hold", "flap_us=500");
    run(["rmmod", "--wait=10", "t_hold"]).succeeds_silently();
    assert!(!is_loaded("t_hold"));
}

fn assert_took(done: &Done, from: u64, to: u64) {
    let range = Duration::from_millis(from)..=Duration::from_millis(to);
    done.check(range.contains(&done.took), &format!("takes {from} to {to} ms"));
}

fn time_runs_out() {
    let _loaded = Loaded::new("t_hold", "hold_ms=3000");
    for option in ["--wait=0.2", "--wait=200ms"] {
        let done = run(["rmmod", option, "t_hold"]);
        done.fails(5, "rmmod: ERROR: Module t_hold is in use");
        assert_took(&done, 200, 300);
        assert!(is_loaded("t_hold"));
    }
}

fn one_budget_for_all() {
    let (_hold, _dev) = (Loaded::new("t_hold", "hold_ms=2000"), Loaded::new("t_dev", ""));
    wait_for("the device", || fs::exists("/dev/t_dev").unwrap());
    let _open = fs::File::open("/dev/t_dev").unwrap();
    let done = run(["rmmod", "--wait=0.3", "t_hold", "t_dev"]);
    done.check(done.status == Some(5), "ends with status 5");
    assert_took(&done, 300, 450);
}

/// Runs a command line while something else happens.
fn meanwhile(line: &[&str], then: impl FnOnce()) -> Done {
    thread::scope(|scope| {
        let done = scope.spawn(|| run(line));
        thread::sleep(Duration::from_millis(300));
        then();
        done.join().expect("the command could not be run")
    })
}

fn used_by_a_module() {
    let (_base, _user) = (Loaded::new("t_base", ""), Loaded::new("t_user", ""));
    meanwhile(&["rmmod", "--wait", "t_base"], || {
        assert!(is_loaded("t_base"));
        remove("t_user").unwrap();
    })
    .succeeds_silently();
    assert!(!is_loaded("t_base"));
}

fn still_initializing() {
    let inserted = meanwhile(&["insmod", "/modules/t_slow.ko", "init_ms=1000"], || {
        run(["rmmod", "--wait", "t_slow"]).succeeds_silently();
    });
    inserted.succeeds_silently();
    assert!(!is_loaded("t_slow"));
}

fn already_being_removed() {
    let _loaded = Loaded::new("t_slow", "exit_ms=1000");
    let first = meanwhile(&["/kmod/rmmod", "t_slow"], || {
        let done = run(["rmmod", "--wait", "t_slow"]);
        done.succeeds_silently();
        assert!(!is_loaded("t_slow"));
    });
    first.succeeds_silently();
}

fn removed_by_another_process() {
    let _loaded = Loaded::new("t_hold", "hold_ms=1000");
    let first = meanwhile(&["rmmod", "--wait", "t_hold"], || {
        run(["rmmod", "--wait", "t_hold"]).succeeds_silently();
    });
    first.succeeds_silently();
}

fn permanent() {
    let _loaded = Loaded::new("t_noexit", "");
    let done = run(["rmmod", "--wait", "t_noexit"]);
    done.fails(4, "rmmod: ERROR: could not remove 't_noexit': Device or resource busy");
    done.check(done.took < Duration::from_secs(1), "fails at once");
}

fn not_loaded() {
    run(["rmmod", "--wait", "t_absent"])
        .fails(3, "rmmod: ERROR: Module t_absent is not currently loaded");
}
