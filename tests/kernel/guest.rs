//! The guest half: runs the requested tests, with their building blocks.

mod altered;
#[cfg(target_arch = "x86_64")]
mod calls;
#[cfg(target_arch = "x86_64")]
mod fault;
mod hidden;
mod kernel_log;
mod module;
mod run;
mod trace;
mod verdict;

use std::env;
use std::fs;
use std::io::{BufRead, stdin};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::errno::Errno;

pub(crate) use altered::{
    altered, distributions, has_symbol_versions, replace, replaced, with_another_crc,
};
#[cfg(target_arch = "x86_64")]
pub(crate) use fault::{Call, Fault, Faulted, Until, become_traced, run_with_fault};
pub(crate) use hidden::Hidden;
pub(crate) use kernel_log::KernelLog;
pub(crate) use module::{Loaded, is_loaded, loaded, loaded_names, remove, taints_of};
pub(crate) use run::{Done, Run, on_terminal, run};
pub(crate) use trace::{Trace, answering};
pub(crate) use verdict::{
    Expected, FORMAT, PARAMETERS, SYMBOL, assert_load, assert_loads, assert_verdict, judged,
    misfit, result,
};

use crate::AREAS;

/// How long one test may take: a minute, unless the kernel's command line sets another limit,
/// which init passes on.
fn test_limit() -> Duration {
    let seconds = env::var("LIMIT").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(seconds.unwrap_or(60))
}

/// Whether a test is to take the time for all that it could try, as the long runs do.
pub(crate) fn thorough() -> bool {
    env::var_os("THOROUGH").is_some()
}

/// The release of the kernel, as `uname -r` prints it.
pub(crate) fn release() -> String {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").expect("the release");
    release.trim().to_owned()
}

/// Whether the kernel is of this version or later.
pub(crate) fn is_since(major: u32, minor: u32) -> bool {
    let release = release();
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(|n| n.parse().unwrap());
    let own: (u32, u32) = (numbers.next().unwrap(), numbers.next().unwrap());
    own >= (major, minor)
}

/// Answers the host until it goes away.
pub(crate) fn serve() {
    println!("ready");
    for line in stdin().lock().lines().map_while(Result::ok) {
        if let Some(name) = line.strip_prefix("run ") {
            println!("{}", if passes(name) { "ok" } else { "failed" });
        }
    }
}

/// Runs one test in this process.
pub(crate) fn run_here(name: &str) {
    let test = AREAS
        .iter()
        .flat_map(|area| area.tests.iter().map(move |test| (area, test)))
        .find(|(area, test)| format!("{}::{}", area.name, test.name) == name);
    match test {
        Some((_, test)) => (test.run)(),
        None => panic!("the guest has no test {name}"),
    }
}

/// Runs one test in a process of its own, so that it can be ended when it hangs,
/// and takes its open files and its changes to the name spaces along.
fn passes(name: &str) -> bool {
    let log = KernelLog::from_now();
    let faults = kernel_faults();
    let done = Run::new("/proc/self/exe").args(["guest", name]).limit(test_limit()).done();

    let mut complaints = Vec::new();
    match done.status {
        Some(0) => {}
        // It panicked, and said why.
        Some(101) => complaints.push(done.stderr),
        _ => complaints.push(done.describe()),
    }
    // What these leave behind, only a reboot removes; and the kernel warns of some mutated modules.
    let crashes = name.starts_with("crashes::") || name.starts_with("mutations::");
    if !crashes && kernel_faults() != faults {
        complaints.push("the kernel warned or oopsed".to_owned());
    }
    // Modules of the distribution may stay: many cannot be removed.
    let left = loaded_names();
    for name in left.iter().filter(|name| !crashes && name.starts_with("t_")) {
        let removed = remove(name);
        if removed == Err(Errno::ENOSYS) {
            // A kernel that cannot unload leaves the test no choice.
            continue;
        }
        complaints.push(format!("{name} was left loaded"));
        if let Err(error) = removed {
            complaints.push(format!("{name} cannot be removed: {error}"));
        }
    }

    if complaints.is_empty() {
        for line in done.stdout.lines() {
            println!("| {line}");
        }
        return true;
    }
    complaints.extend(log.lines().into_iter().map(|line| format!("kernel: {line}")));
    for line in complaints.iter().flat_map(|complaint| complaint.lines()) {
        println!("| {line}");
    }
    false
}

/// The taints that tell of an oops (7) or a warning (9) since the boot.
fn kernel_faults() -> u64 {
    let taints = fs::read_to_string("/proc/sys/kernel/tainted").unwrap_or_default();
    taints.trim().parse::<u64>().unwrap_or_default() & (1 << 7 | 1 << 9)
}

/// Waits for something that the kernel brings about in its own time.
pub(crate) fn wait_for(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(5), "waited in vain for {what}");
        sleep(Duration::from_millis(5));
    }
}
