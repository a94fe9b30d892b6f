//! How `rmmod --wait` learns that a module is free: by the kernel's events, or by the clock where
//! there are none. What it costs, and that it leaves nothing behind; `lateness` has how late it is.

use std::fs;
use std::path::Path;
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;

use crate::guest::{Done, Loaded, Run, is_loaded, remove, run, wait_for};

crate::tests![
    costs_next_to_nothing,
    few_attempts,
    on_and_off_by_clock,
    never_free,
    ended_by_signals,
    ignored_signals_stay_ignored,
    killed_and_cleaned_up,
    instances_of_others_stay,
    loaded_again_meanwhile,
];

const INSTANCES: &str = "/sys/kernel/tracing/instances";

/// The tracing instances of ours that exist.
pub(super) fn instances() -> Vec<String> {
    let names = fs::read_dir(INSTANCES).unwrap().map(|entry| entry.unwrap().file_name());
    let names = names.map(|name| name.to_str().unwrap().to_owned());
    names.filter(|name| name.starts_with("modutils.")).collect()
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Route {
    Events,
    Clock,
}

/// A command line as it is, or where tracefs is not mounted.
pub(super) fn by(path: Route, line: &str) -> Run {
    match path {
        Route::Events => Run::new("sh").args(["-c", &format!("exec {line}")]),
        Route::Clock => {
            let umount = "umount -l /sys/kernel/tracing; umount -l /sys/kernel/debug";
            Run::new("unshare").args(["-m", "sh", "-c", &format!("{umount}; exec {line}")])
        }
    }
    .limit(Duration::from_secs(40))
}

pub(super) fn runs(program: &str) -> bool {
    run(["pidof", program]).status == Some(0)
}

/// What the ended children of this process used.
fn processor_time() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap();
    let time = usage.user_time() + usage.system_time();
    Duration::from_micros(u64::try_from(time.num_microseconds()).unwrap())
}

/// Ten seconds of waiting, beside a wait that is over at once.
fn costs_next_to_nothing() {
    for path in [Route::Events, Route::Clock] {
        let used_for = |line: &str, status| {
            let used_before = processor_time();
            let done = by(path, line).done();
            done.check(done.status == Some(status), &format!("ends with status {status}"));
            processor_time().saturating_sub(used_before)
        };
        let _loaded = Loaded::new("t_hold", "hold_ms=20000");
        let at_once = used_for("rmmod --wait=0 t_hold", 5);
        let ten_seconds = used_for("rmmod --wait=10 t_hold", 5).saturating_sub(at_once);
        println!("rmmod waits for 10 s by {path:?}: {ten_seconds:?} of processor time");
        assert!(ten_seconds <= Duration::from_millis(100), "{path:?}: {ten_seconds:?}");
        fs::write("/sys/module/t_hold/parameters/hold_ms", "0").unwrap();
    }
}

/// Each attempt takes the lock of all modules and leaves a record in the audit log.
fn few_attempts() {
    for path in [Route::Events, Route::Clock] {
        let _loaded = Loaded::new("t_hold", "hold_ms=1500");
        let trace =
            "strace -f -qq -X raw -e trace=delete_module,mkdir -e signal=none -o /tmp/trace";
        by(path, &format!("{trace} rmmod --wait t_hold")).done().succeeds_silently();
        let trace = fs::read_to_string("/tmp/trace").unwrap();
        let count = |call: &str| trace.lines().filter(|line| line.contains(call)).count();
        assert!(count("delete_module(\"t_hold\", 0)") >= 2, "{trace}");
        assert!(count("delete_module(") <= 3, "{trace}");
        assert_eq!(count("/instances/modutils."), usize::from(path == Route::Events), "{trace}");
    }
}

fn on_and_off_by_clock() {
    let _loaded = Loaded::new("t_hold", "flap_us=500");
    by(Route::Clock, "rmmod --wait=10 t_hold").done().succeeds_silently();
    assert!(!is_loaded("t_hold"));
}

/// References come and go without end, and one always stays.
fn never_free() {
    let _loaded = Loaded::new("t_dev", "");
    wait_for("the device", || fs::exists("/dev/t_dev").unwrap());
    let _open = fs::File::open("/dev/t_dev").unwrap();
    let end = Instant::now() + Duration::from_millis(1500);
    thread::scope(|scope| {
        scope.spawn(|| {
            while Instant::now() < end {
                drop(fs::File::open("/dev/t_dev").unwrap());
                sleep(Duration::from_micros(200));
            }
        });
        let done = run(["rmmod", "--wait=1", "t_dev"]);
        done.fails(5, "rmmod: ERROR: Module t_dev is in use");
        done.check(done.took >= Duration::from_secs(1), "waits for a second");
        done.check(done.took <= Duration::from_millis(1300), "ends in time");
    });
}

fn ended_by_signals() {
    for (signal, status) in [("HUP", 129), ("INT", 130), ("TERM", 143)] {
        let _loaded = Loaded::new("t_hold", "hold_ms=3000");
        let timeout = ["timeout", "-s", signal, "1"];
        let done = Run::new(timeout[0])
            .args(&timeout[1..])
            // By its path: busybox prefers its own.
            .args(["/sbin/rmmod", "--wait", "-J", "t_hold"])
            .env("MODUTILS_EXPLAIN", "always")
            .done();
        done.check(done.signal == Some(status - 128), &format!("dies of SIG{signal}"));
        let expected = "rmmod: ERROR: Module t_hold is in use\n  \
                        cause: interrupted: 1 reference of unknown origin\n  fix: rmmod --wait t_hold\n";
        done.check(done.stderr == expected, expected);
        done.check(done.stdout.contains("\"kind\":\"interrupted\""), "says interrupted");
        done.check(done.stdout.contains(&format!("\"status\":{status}")), "has the status");
        done.check(done.took <= Duration::from_millis(1300), "ends at once");
        assert!(is_loaded("t_hold"));
        assert_eq!(instances(), [""; 0]);
    }
}

/// As nohup(1) ignores SIGHUP, and a shell SIGINT for what it runs in the background.
fn ignored_signals_stay_ignored() {
    let _loaded = Loaded::new("t_hold", "hold_ms=1500");
    let script = "trap '' HUP INT; rmmod --wait t_hold & \
                  sleep 0.5; kill -HUP $!; kill -INT $!; wait $!";
    run(["sh", "-c", script]).succeeds_silently();
    assert!(!is_loaded("t_hold"));
}

/// What a killed process leaves, the next one that waits takes away.
fn killed_and_cleaned_up() {
    let _loaded = Loaded::new("t_hold", "hold_ms=3000");
    let done = run(["timeout", "-s", "KILL", "1", "/sbin/rmmod", "--wait", "t_hold"]);
    done.check(done.status != Some(0), "is killed");
    assert_eq!(instances().len(), 1, "{:?}", instances());
    run(["rmmod", "--wait", "t_hold"]).succeeds_silently();
    assert_eq!(instances(), [""; 0]);
}

fn instances_of_others_stay() {
    let others = ["modutils.1.0", "modutils.x", "mine"].map(|name| format!("{INSTANCES}/{name}"));
    for path in &others {
        fs::create_dir(path).unwrap();
    }
    let _loaded = Loaded::new("t_hold", "hold_ms=600");
    let done = run(["rmmod", "--wait", "t_hold"]);
    let left: Vec<_> = others.iter().filter(|path| Path::new(path).exists()).collect();
    for path in &left {
        fs::remove_dir(path).unwrap();
    }
    done.succeeds_silently();
    assert_eq!(left.len(), others.len());
}

/// A module that is loaded under the name in the meantime is removed, too.
fn loaded_again_meanwhile() {
    let (base, user) = (Loaded::new("t_base", ""), Loaded::new("t_user", ""));
    let done = thread::scope(|scope| -> Done {
        let waiting = scope.spawn(|| run(["rmmod", "--wait", "t_base"]));
        wait_for("rmmod", || runs("rmmod"));
        sleep(Duration::from_millis(300));
        run(["killall", "-STOP", "rmmod"]).succeeds();
        remove("t_user").unwrap();
        remove("t_base").unwrap();
        let again = (Loaded::new("t_base", ""), Loaded::new("t_user", ""));
        run(["killall", "-CONT", "rmmod"]).succeeds();
        sleep(Duration::from_millis(500));
        assert!(is_loaded("t_base") && runs("rmmod"));
        remove("t_user").unwrap();
        let done = waiting.join().unwrap();
        drop((again.1, again.0));
        done
    });
    done.succeeds_silently();
    assert!(!is_loaded("t_base"));
    drop((user, base));
}
