//! All that is measured of the contenders of one case.

use std::fs;
use std::process::{Command, Stdio};

use nix::sys::resource::{UsageWho, getrusage};

use crate::race::{Contender, Start, Times, execute, race};
use crate::result::{Measured, microseconds};

/// Races the contenders and looks at one run of each through strace and for its peak memory.
pub(crate) fn measure(
    place: &str,
    case: &str,
    rounds: usize,
    start: Start,
    contenders: &[Contender],
) -> Vec<Measured> {
    let times = race(contenders, rounds, start);
    let measured = contenders
        .iter()
        .zip(times)
        .map(|(contender, times)| observed(contender, with_times(place, case, contender, &times)));
    measured.collect()
}

/// What a race tells of a contender.
pub(crate) fn with_times(
    place: &str,
    case: &str,
    contender: &Contender,
    times: &Times,
) -> Measured {
    Measured {
        median_us: Some(microseconds(times.median())),
        min_us: Some(microseconds(times.min())),
        max_us: Some(microseconds(times.max())),
        ..Measured::of(place, case, contender.tool)
    }
}

/// And what one more run of each kind tells.
pub(crate) fn observed(contender: &Contender, measured: Measured) -> Measured {
    Measured { calls: Some(calls(contender)), peak_kib: Some(peak(contender)), ..measured }
}

fn calls(contender: &Contender) -> u64 {
    let trace = "/tmp/bench.strace";
    observe(contender, &["strace", "-f", "-qq", "-e", "signal=none", "-o", trace]);
    let lines = fs::read(trace).expect("what strace wrote");
    String::from_utf8_lossy(&lines).lines().count() as u64
}

/// Only the largest of all children is known of a process, so that a new one has to ask.
fn peak(contender: &Contender) -> u64 {
    // Not current_exe, which asks a /proc that may be made up.
    let own = std::env::args().next().expect("a name");
    let output = observe(contender, &[&own, "peak"]);
    output.trim().parse().expect("a number of KiB")
}

/// One run of a contender through another program, whose standard output is returned.
fn observe(contender: &Contender, through: &[&str]) -> String {
    execute(&contender.before);
    let output = Command::new(through[0])
        .args(&through[1..])
        .args(&contender.run)
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{}: {error}", through[0]));
    assert!(output.status.success(), "{through:?} {:?}: {output:?}", contender.run);
    execute(&contender.after);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The other end of [`peak`]: runs a command and prints its peak resident memory in KiB.
pub(crate) fn print_peak(command: &[String]) {
    execute(command);
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("getrusage");
    println!("{}", usage.max_rss());
}
