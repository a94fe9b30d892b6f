//! insmod with Ctrl-C: of `--replace`, at any moment, what its last line says is so, and of `--deps`,
//! nothing is left.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::replace::{build_id, new_build};
use crate::guest::{
    Call, Fault, Hidden, Loaded, Run, Until, is_loaded, run, run_with_fault, thorough,
};

crate::tests![replacement, at_any_moment, dependencies_and_a_signal];

/// Where to interrupt it before a module is removed: one call is like another, and a call in three
/// hundred stands for all. Each time it is followed from its start, which takes seconds in an
/// emulated machine.
fn places_before(line: &[&str]) -> Vec<Until> {
    let until = if thorough() { usize::MAX } else { 1 };
    let calls = {
        let _old = old_pair();
        run_with_fault(line, Until::Calls(until)).calls
    };
    let is_removal = |call: &Call| call.kind.name == "delete_module";
    let removal = calls.iter().position(is_removal);
    let places = (0..removal.unwrap_or(1)).step_by(300).chain(removal);
    places.map(|at| Until::Fault(at, Fault::Interrupt)).collect()
}

/// Where from the end of the first removal on.
fn places_after(line: &[&str]) -> Vec<Until> {
    let calls = {
        let _old = old_pair();
        run_with_fault(line, Until::AfterRemoval(usize::MAX, Fault::Interrupt)).made
    };
    let step = if thorough() { 1 } else { calls.div_ceil(6) };
    (0..calls).step_by(step).map(|at| Until::AfterRemoval(at, Fault::Interrupt)).collect()
}

/// How it ended, and what it said.
struct End {
    status: Option<i32>,
    signal: Option<Signal>,
    stderr: String,
}

impl End {
    /// Whether the last line names the build that is loaded; without one, nothing was done or all was.
    #[track_caller]
    fn is_honest(&self, old: &str, at: &str) -> &'static str {
        let End { status, signal, stderr } = self;
        let at = format!("{at}: status {status:?}, signal {signal:?}: {stderr}");
        assert!(is_loaded("t_swap") && is_loaded("t_swap_user"), "{at}");
        let build = if build_id("t_swap") == old { "old" } else { "new" };
        let last = stderr.lines().last().unwrap_or_default();
        if last.is_empty() {
            // It was too early for anything to be done, or so late that all was done.
            let is_done = build == "new" && *status == Some(0);
            assert!(build == "old" && signal.is_some() || is_done, "{at}");
        } else {
            let says = format!("the {build} build of t_swap is loaded now");
            assert!(last.contains(&says) && (signal.is_some() || *status == Some(0)), "{at}");
        }
        build
    }
}

/// The first of a pair is removed first, which takes long enough to be noticed.
fn old_pair() -> (Loaded, Loaded) {
    let base = Loaded::new("t_swap", "");
    (Loaded::new("t_swap_user", "mode=3 exit_ms=50"), base)
}

fn replacement() {
    let new = new_build();
    let line = ["insmod", "--replace", "--recursive", &new];
    // To follow thousands of reads takes a minute each time.
    let _hidden = Hidden::new("/proc/kallsyms");
    let (before, after) = (places_before(&line), places_after(&line));
    let (mut ends, mut hits) = (BTreeMap::<String, usize>::new(), 0);
    for &place in before.iter().chain(&after) {
        let _old = old_pair();
        let old = build_id("t_swap");
        let done = run_with_fault(&line, place);
        // There may be fewer calls than the first time.
        let call = done.hit.as_ref().map_or("no call", |call| call.kind.name);
        hits += usize::from(matches!(place, Until::AfterRemoval(..)) && done.hit.is_some());
        let end = End { status: done.status, signal: done.signal, stderr: done.stderr };
        let build = end.is_honest(&old, &format!("{place:?}, {call}"));
        *ends.entry(format!("{build} build, status {:?}, {call}", end.status)).or_default() += 1;
    }
    println!(
        "interrupted at {} calls before and {hits} after the first removal: {ends:?}",
        before.len()
    );
    // There may be some fewer calls than the first time.
    assert!(hits > after.len() / 2, "{hits} of {}: {ends:?}", after.len());
}

/// Between calls, in the middle of one, and while the kernel starts the tool or ends it.
fn at_any_moment() {
    let new = new_build();
    // So that much of the time is for the replacement, little for the check before it.
    let _hidden = Hidden::new("/proc/kallsyms");
    let start = || {
        let mut insmod = Command::new("insmod");
        insmod.args(["--replace", "--recursive", &new]).stderr(Stdio::piped()).spawn().unwrap()
    };
    // A module that is loaded again has another directory.
    let user = || fs::metadata("/sys/module/t_swap_user").map(|metadata| metadata.ino()).ok();
    let wait_for_removal = |child: &mut Child, old| {
        while user() == old && child.try_wait().unwrap().is_none() {
            thread::sleep(Duration::from_millis(2));
        }
    };
    let (check, work) = {
        let _old = old_pair();
        let (old, begin, mut child) = (user(), Instant::now(), start());
        wait_for_removal(&mut child, old);
        let removal = Instant::now();
        assert!(child.wait().unwrap().success());
        (removal.duration_since(begin), removal.elapsed())
    };
    let (times, budget) = if thorough() { (1_000, 3_000) } else { (40, 12) };
    let begin = Instant::now();
    let mut ends = BTreeMap::<String, usize>::new();
    for time in 0..times {
        if begin.elapsed() > Duration::from_secs(budget) {
            break;
        }
        let _old = old_pair();
        let (old, old_user) = (build_id("t_swap"), user());
        let mut child = start();
        // Evenly, but not in this order: all parts get their share if the time runs out. Most are
        // after the removal has begun.
        let part = time * 7 % times;
        let moment = if time % 4 == 0 {
            check * part / times
        } else {
            wait_for_removal(&mut child, old_user);
            work * part / times
        };
        thread::sleep(moment);
        let _ = kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGINT);
        let output = child.wait_with_output().unwrap();
        let signal = output.status.signal().map(|signal| Signal::try_from(signal).unwrap());
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        let end = End { status: output.status.code(), signal, stderr };
        let build = end.is_honest(&old, &format!("after {moment:?}"));
        let said = if end.stderr.is_empty() { "nothing" } else { "a line" };
        *ends.entry(format!("{build} build, status {:?}, {said}", end.status)).or_default() += 1;
    }
    println!("at moments of {check:?} before the removal and {work:?} from it on: {ends:?}");
    assert!(ends.keys().any(|end| end.starts_with("new build")), "{ends:?}");
}

/// What was loaded for a module goes with it.
fn dependencies_and_a_signal() {
    // The first load ends 2 s late.
    let strace = "strace -fqq --seccomp-bpf --output=/dev/null --signal=none --trace=finit_module \
                  --inject=finit_module:delay_exit=2000000:when=1";
    let line = format!("exec {strace} timeout -s INT 1 /sbin/insmod --deps /modules/t_user.ko");
    let done = Run::new("sh").args(["-c", &line]).env("MODUTILS_EXPLAIN", "always").done();
    done.check(done.signal == Some(2), "dies of SIGINT");
    let said = "insmod: ERROR: could not insert module /modules/t_user.ko: Interrupted system \
                call\n  cause: interrupted before /modules/t_user.ko was tried\n";
    done.check(done.stderr == said, said);
    assert!(!is_loaded("t_user") && !is_loaded("t_base"));
    // Nothing is left to stop.
    let _base = Loaded::new("t_base", "");
    run(["insmod", "--deps", "/modules/t_user.ko"]).succeeds_silently();
    run(["rmmod", "t_user"]).succeeds_silently();
}
