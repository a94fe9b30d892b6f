//! `insmod --replace` with Ctrl-C at any of its system calls: what its last line says is so.

use std::collections::BTreeMap;

use super::replace::{build_id, new_build};
use crate::guest::{Call, Fault, Loaded, Until, is_loaded, run, run_with_fault, thorough};

crate::tests![replacement];

/// A file that shows nothing.
struct Hidden(&'static str);

impl Hidden {
    fn new(path: &'static str) -> Self {
        run(["mount", "--bind", "/dev/null", path]).succeeds();
        Self(path)
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        run(["umount", self.0]);
    }
}

/// Where to interrupt it: before a module is removed, one call is like another, and a call in three
/// hundred stands for all. Each time it is followed from its start, which takes seconds in an
/// emulated machine.
fn places(calls: &[Call]) -> Vec<Until> {
    let removal = calls.iter().position(|call| call.kind.name == "delete_module").unwrap();
    let after = calls.len() - removal;
    let (before, step) = if thorough() { (300, 1) } else { (removal, after.div_ceil(2)) };
    let before = (0..removal).step_by(before).map(|at| Until::Fault(at, Fault::Interrupt));
    let after = (0..after).step_by(step).map(|at| Until::AfterRemoval(at, Fault::Interrupt));
    before.chain(after).collect()
}

fn replacement() {
    let new = new_build();
    let line = ["insmod", "--replace", "--recursive", &new];
    // To follow thousands of reads takes a minute each time.
    let _hidden = Hidden::new("/proc/kallsyms");
    // The first of a pair is removed first.
    let load = || {
        let base = Loaded::new("t_swap", "");
        (Loaded::new("t_swap_user", "mode=3"), base)
    };
    let calls = {
        let _old = load();
        run_with_fault(&line, Until::Calls(usize::MAX)).calls
    };
    let places = places(&calls);
    let (mut ends, mut hits) = (BTreeMap::<String, usize>::new(), 0);
    for &place in &places {
        let _old = load();
        let old = build_id("t_swap");
        let done = run_with_fault(&line, place);
        // There may be fewer calls than the first time.
        let call = done.hit.as_ref().map_or("no call", |call| call.kind.name);
        hits += usize::from(matches!(place, Until::AfterRemoval(..)) && done.hit.is_some());
        let (status, signal, said) = (done.status, done.signal, done.stderr.trim_end());
        let at = format!("{place:?}, {call}: status {status:?}, signal {signal:?}: {said}");
        assert!(is_loaded("t_swap") && is_loaded("t_swap_user"), "{at}");
        let build = if build_id("t_swap") == old { "old" } else { "new" };
        let last = said.lines().last().unwrap_or_default();
        if last.is_empty() {
            // It was too early for anything to be done, or so late that all was done.
            let is_done = build == "new" && status == Some(0);
            assert!(build == "old" && signal.is_some() || is_done, "{at}");
        } else {
            let says = format!("the {build} build of t_swap is loaded now");
            assert!(last.contains(&says) && (signal.is_some() || status == Some(0)), "{at}");
        }
        *ends.entry(format!("{build} build, status {status:?}, {call}")).or_default() += 1;
    }
    println!("{} calls, interrupted at {} from the removal on: {ends:?}", calls.len(), hits);
    assert!(hits > 0, "{ends:?}");
}
