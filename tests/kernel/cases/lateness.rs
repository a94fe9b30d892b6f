//! How long after its last reference a module that is waited for begins to leave: woken by the
//! kernel's events, by the clock where there are none, and beside it by kmod's modprobe.

use std::fs;
use std::thread::{self, sleep};
use std::time::Duration;

use super::wait_paths::{Route, by, instances, runs};
use crate::guest::{KernelLog, Loaded, Run, release, run, thorough, wait_for};

crate::tests![
    by_events_after_5_to_50_ms,
    by_events_after_50_to_300_ms,
    by_events_after_300_to_1800_ms,
    by_events_after_2_to_9_s,
    by_clock_after_5_to_50_ms,
    by_clock_after_50_to_300_ms,
    by_clock_after_300_to_1800_ms,
    by_clock_after_2_to_9_s,
    beside_modprobe,
];

/// Who waits.
#[derive(Clone, Copy, Debug)]
enum Waiter {
    Rmmod(Route),
    Modprobe,
}

impl Waiter {
    fn command(self) -> Run {
        match self {
            Self::Rmmod(route) => by(route, "rmmod --wait t_hold"),
            Self::Modprobe => Run::new("/kmod/modprobe")
                .args(["-d", "/tmp/modprobe", "-r", "--wait", "60000", "t_hold"])
                .limit(Duration::from_secs(40)),
        }
    }

    fn runs(self) -> bool {
        runs(match self {
            Self::Rmmod(_) => "rmmod",
            Self::Modprobe => "modprobe",
        })
    }
}

/// Has `t_hold` let go so long after a wait began, and returns how late it began to
/// leave then. What follows is the kernel's work, the same for each removal.
fn lateness(waiter: Waiter, hold: Duration) -> Duration {
    let log = KernelLog::from_now();
    let _loaded = Loaded::new("t_hold", "hold_ms=60000");
    thread::scope(|scope| {
        let waiting = scope.spawn(|| waiter.command().done());
        wait_for("the one that waits", || waiter.runs());
        // It has yet to try.
        sleep(Duration::from_millis(10));
        let hold = hold.as_millis().to_string();
        fs::write("/sys/module/t_hold/parameters/hold_ms", hold).unwrap();
        waiting.join().unwrap().succeeds_silently();
    });
    lateness_of(&log)
}

/// How late `t_hold` began to leave, by what it logged.
pub(super) fn lateness_of(log: &KernelLog) -> Duration {
    let lines = log.lines();
    let times = lines.iter().find_map(|line| {
        let line = line.strip_prefix("t_hold: released at ")?.strip_suffix(" ns")?;
        let (released, exit) = line.split_once(" ns, exit at ")?;
        Some((released.parse::<u64>().ok()?, exit.parse::<u64>().ok()?))
    });
    let (released, exit) = times.unwrap_or_else(|| panic!("no times: {lines:#?}"));
    Duration::from_nanos(exit - released)
}

/// The median and the longest of so many waits, of lengths that grow evenly in ratio; four times
/// as many in a thorough run.
fn measure(waiter: Waiter, from_ms: f64, to_ms: f64, rounds: u32) -> (Duration, Duration) {
    let rounds = if thorough() { rounds * 4 } else { rounds };
    let step = (to_ms / from_ms).powf(1.0 / f64::from(rounds - 1));
    let mut late: Vec<_> = (0..rounds)
        .map(|round| from_ms * step.powf(f64::from(round)))
        .map(|millis| lateness(waiter, Duration::from_secs_f64(millis / 1000.0)))
        .collect();
    late.sort();
    let (median, longest) = (late[late.len() / 2], late[late.len() - 1]);
    println!(
        "{waiter:?}, {rounds} holds of {from_ms} to {to_ms} ms: late by {median:?}, at most {longest:?}"
    );
    (median, longest)
}

#[track_caller]
fn is_never_late(route: Route, from_ms: f64, to_ms: f64, rounds: u32) {
    let (median, longest) = measure(Waiter::Rmmod(route), from_ms, to_ms, rounds);
    let (median_limit, limit) = match route {
        // Short waits are over before the events are there.
        Route::Events if to_ms > 1000.0 => (5, 25),
        _ => (20, 25),
    };
    assert!(median <= Duration::from_millis(median_limit), "median {median:?}");
    assert!(longest <= Duration::from_millis(limit), "longest {longest:?}");
    assert_eq!(instances(), [""; 0]);
}

fn by_events_after_5_to_50_ms() {
    is_never_late(Route::Events, 5.0, 50.0, 31);
}

fn by_events_after_50_to_300_ms() {
    is_never_late(Route::Events, 50.0, 300.0, 31);
}

fn by_events_after_300_to_1800_ms() {
    is_never_late(Route::Events, 300.0, 1800.0, 30);
}

fn by_events_after_2_to_9_s() {
    is_never_late(Route::Events, 1800.0, 9000.0, 8);
}

fn by_clock_after_5_to_50_ms() {
    is_never_late(Route::Clock, 5.0, 50.0, 12);
}

fn by_clock_after_50_to_300_ms() {
    is_never_late(Route::Clock, 50.0, 300.0, 12);
}

fn by_clock_after_300_to_1800_ms() {
    is_never_late(Route::Clock, 300.0, 1800.0, 10);
}

fn by_clock_after_2_to_9_s() {
    is_never_late(Route::Clock, 1800.0, 9000.0, 3);
}

/// modprobe only removes what an index of depmod's lists.
fn index_for_modprobe() {
    let release = release();
    let directory = format!("/tmp/modprobe/lib/modules/{release}");
    fs::create_dir_all(&directory).unwrap();
    fs::copy("/modules/t_hold.ko", format!("{directory}/t_hold.ko")).unwrap();
    run(["/kmod/depmod", "-b", "/tmp/modprobe", &release]).succeeds();
}

/// modprobe doubles its pauses without a limit. In one run, on the same holds:
fn beside_modprobe() {
    index_for_modprobe();
    let (modprobe, _) = measure(Waiter::Modprobe, 100.0, 2000.0, 8);
    fs::remove_dir_all("/tmp/modprobe").unwrap();
    for route in [Route::Events, Route::Clock] {
        let (median, longest) = measure(Waiter::Rmmod(route), 100.0, 2000.0, 8);
        assert!(median * 4 < modprobe, "{route:?}: {median:?}, but modprobe {modprobe:?}");
        assert!(longest <= Duration::from_millis(25), "longest {longest:?}");
    }
}
