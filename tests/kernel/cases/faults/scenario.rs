//! One command line, run again and again, each time with another fault.

use std::fs;
use std::time::{Duration, Instant};

use super::plan::faults;
use crate::guest::{
    Call, Fault, Faulted, Loaded, Until, is_loaded, remove, run_with_fault, thorough,
};

/// How many calls are tried, unless all are: what comes later is the reading of lists for an
/// explanation.
const BEGINNING: usize = 150;

/// How long it may take; the most likely and most different faults come first.
const BUDGET: Duration = Duration::from_secs(2);
const THOROUGH_BUDGET: Duration = Duration::from_secs(900);

/// What a run is to bring about, by which a false success is known.
#[derive(Clone, Copy)]
pub(super) enum Effect {
    /// All of these, or none.
    Loads(&'static [&'static str]),
    Removes(&'static [&'static str]),
    /// Nothing but output, the same whenever it claims success.
    Shows,
    /// Nothing: it must fail.
    None,
}

pub(super) struct Scenario {
    pub(super) line: &'static [&'static str],
    /// The modules to load before it.
    pub(super) loaded: &'static [(&'static str, &'static str)],
    pub(super) effect: Effect,
    /// Words of which a failure's first line has one.
    pub(super) subjects: &'static [&'static str],
}

impl Scenario {
    pub(super) fn try_all(&self) {
        let thorough = thorough();
        let ordinary = self.run(Until::Calls(if thorough { usize::MAX } else { BEGINNING }));
        let begin = Instant::now();
        if let Effect::Loads(_) = self.effect {
            self.clean();
        }
        let start = calls_before_main(self.line[0], &ordinary);
        let (mut tried, mut missed, mut failures) = (0, 0, Vec::new());
        let calls = ordinary.calls.get(start..).unwrap_or_default();
        let budget = if thorough { THOROUGH_BUDGET } else { BUDGET };
        let faults = faults(calls, thorough);
        for &(index, fault) in &faults {
            if begin.elapsed() > budget {
                break;
            }
            let faulted = self.run(Until::Fault(start + index, fault));
            let verdict = self.judge(&ordinary, &faulted, fault);
            tried += 1;
            missed += usize::from(faulted.hit.is_none());
            if let Err(complaint) = verdict {
                failures.push(describe(index, fault, &faulted, &complaint));
            }
        }
        self.clean();
        println!(
            "{}: {} calls, {tried} of {} faults tried ({missed} not reached), {} failures, {} s",
            self.line.join(" "),
            calls.len(),
            faults.len(),
            failures.len(),
            begin.elapsed().as_secs()
        );
        assert!(failures.is_empty(), "{}", failures.join("\n"));
    }

    fn run(&self, until: Until) -> Faulted {
        for (name, parameters) in self.loaded {
            if !is_loaded(name) {
                // Removed at the end, not when it goes out of scope.
                std::mem::forget(Loaded::new(name, parameters));
            }
        }
        let faulted = run_with_fault(self.line, until);
        if let Effect::Loads(names) = self.effect
            && matches!(until, Until::Calls(_))
        {
            let all = names.iter().all(|name| is_loaded(name));
            assert!(all, "{names:?} are not loaded: {}", faulted.stderr);
        }
        faulted
    }

    /// Takes out what this run has loaded, or all at the end.
    pub(super) fn clean(&self) {
        let mut names: Vec<_> = self.loaded.iter().map(|(name, _)| *name).collect();
        if let Effect::Loads(loaded) = self.effect {
            names.extend(loaded);
        }
        for name in names.iter().rev() {
            // Lets go of a module that holds itself.
            let _ = fs::write(format!("/sys/module/{name}/parameters/hold_ms"), "0");
            if is_loaded(name) {
                remove(name).unwrap_or_else(|error| panic!("cannot remove {name}: {error}"));
            }
        }
    }
}

/// What happens before `main` is the C library's and Rust's business: how many calls a run has in
/// common with one that only prints.
fn calls_before_main(tool: &str, run: &Faulted) -> usize {
    let version = run_with_fault(&[tool, "--version"], Until::Calls(BEGINNING));
    assert_eq!(version.status, Some(0));
    let name = |call: &Call| call.kind.name;
    run.calls
        .iter()
        .zip(&version.calls)
        .take_while(|(one, other)| name(one) == name(other) && one.path == other.path)
        .count()
}

fn describe(index: usize, fault: Fault, run: &Faulted, complaint: &str) -> String {
    let call = match &run.hit {
        Some(call) => {
            let path = call.path.as_deref().unwrap_or_default();
            format!("{}({}, {path:?})", call.kind.name, call.first)
        }
        None => "not reached".to_owned(),
    };
    format!(
        "call {index}, {call}, {fault:?}: {complaint}; status {:?}, signal {:?}, stderr: {}",
        run.status, run.signal, run.stderr
    )
}
