//! Each system call of each tool fails once, in each way that it plausibly can: the tool does not
//! crash, does not hang, claims no success that is none, and says what failed.
//!
//! The calls are taken from a run of the tool itself, so that new ones are covered by themselves.
//! `make check` tries each kind of call on each file with its most plausible error; `make faults`
//! tries it with every error that the table in `guest/calls.rs` has for it, on the first two such
//! calls and on the last.

use std::collections::HashMap;
use std::fs;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::guest::{
    Call, Fault, Faulted, Loaded, Until, is_loaded, remove, run_with_fault, thorough,
};

crate::tests![
    insmod_plain,
    insmod_by_the_kernels_decoder_or_ours,
    insmod_by_our_decoder,
    insmod_of_nothing,
    insmod_with_a_missing_symbol,
    insmod_of_a_loaded_module,
    insmod_of_a_damaged_file,
    insmod_as_json,
    insmod_with_dependencies,
    insmod_with_a_dependency_in_vain,
    insmod_look_before,
    insmod_parameters,
    rmmod_plain,
    rmmod_of_two,
    rmmod_of_users,
    rmmod_of_a_pattern,
    rmmod_of_a_used_module,
    rmmod_of_a_held_module,
    rmmod_in_vain,
    rmmod_wait,
    rmmod_who,
    lsmod_plain,
    lsmod_json,
    lsmod_all_columns,
    lsmod_tree,
    lsmod_of_nothing,
];

/// How many calls are tried, unless all are: what comes later is the reading of lists for an
/// explanation.
const BEGINNING: usize = 150;

/// How long it may take; what is most likely and most different comes first.
const BUDGET: Duration = Duration::from_secs(3);
const THOROUGH_BUDGET: Duration = Duration::from_secs(150);

/// What a run is to bring about, by which a false success is known.
#[derive(Clone, Copy)]
enum Effect {
    /// All of these, or none.
    Loads(&'static [&'static str]),
    Removes(&'static [&'static str]),
    /// Nothing but output, the same whenever it claims success.
    Shows,
    /// Nothing: it must fail.
    None,
}

struct Scenario {
    line: &'static [&'static str],
    /// What is loaded before it.
    loaded: &'static [(&'static str, &'static str)],
    effect: Effect,
    /// Words of which a failure's first line has one.
    subjects: &'static [&'static str],
}

fn insmod_plain() {
    Scenario {
        line: &["insmod", "/modules/t_plain.ko"],
        loaded: &[],
        effect: Effect::Loads(&["t_plain"]),
        subjects: &["/modules/t_plain.ko"],
    }
    .try_all();
}

fn insmod_by_the_kernels_decoder_or_ours() {
    Scenario {
        line: &["insmod", "/modules/t_plain.ko.xz"],
        loaded: &[],
        effect: Effect::Loads(&["t_plain"]),
        subjects: &["/modules/t_plain.ko.xz"],
    }
    .try_all();
}

fn insmod_by_our_decoder() {
    Scenario {
        line: &["insmod", "-f", "/modules/t_plain.ko.gz"],
        loaded: &[],
        effect: Effect::Loads(&["t_plain"]),
        subjects: &["/modules/t_plain.ko.gz"],
    }
    .try_all();
}

fn insmod_of_nothing() {
    Scenario {
        line: &["insmod", "--explain=always", "/gone.ko"],
        loaded: &[],
        effect: Effect::None,
        subjects: &["/gone.ko"],
    }
    .try_all();
}

fn insmod_with_a_missing_symbol() {
    Scenario {
        line: &["insmod", "--explain=always", "/modules/t_user.ko"],
        loaded: &[],
        effect: Effect::None,
        subjects: &["/modules/t_user.ko"],
    }
    .try_all();
}

fn insmod_of_a_loaded_module() {
    Scenario {
        line: &["insmod", "--explain=always", "/modules/t_plain.ko"],
        loaded: &[("t_plain", "")],
        effect: Effect::None,
        subjects: &["/modules/t_plain.ko"],
    }
    .try_all();
}

fn insmod_of_a_damaged_file() {
    Scenario {
        line: &["insmod", "--explain=always", "/etc/passwd.ko.zst"],
        loaded: &[],
        effect: Effect::None,
        subjects: &["/etc/passwd.ko.zst"],
    }
    .try_all();
}

fn insmod_as_json() {
    Scenario {
        line: &["insmod", "-J", "/modules/t_plain.ko"],
        loaded: &[],
        effect: Effect::Loads(&["t_plain"]),
        subjects: &["/modules/t_plain.ko", "could not write"],
    }
    .try_all();
}

fn insmod_with_dependencies() {
    Scenario {
        line: &["insmod", "--deps", "/modules/t_user.ko"],
        loaded: &[],
        effect: Effect::Loads(&["t_base", "t_user"]),
        subjects: &["t_user", "t_base"],
    }
    .try_all();
}

fn insmod_with_a_dependency_in_vain() {
    Scenario {
        line: &["insmod", "--deps", "--strict", "--explain=always", "/modules/t_user.ko", "none=1"],
        loaded: &[],
        effect: Effect::None,
        subjects: &["t_user", "t_base"],
    }
    .try_all();
}

fn insmod_look_before() {
    Scenario {
        line: &["insmod", "--check", "/modules/t_plain.ko.xz"],
        loaded: &[],
        effect: Effect::Shows,
        subjects: &["t_plain"],
    }
    .try_all();
}

fn insmod_parameters() {
    Scenario {
        line: &["insmod", "--params", "/modules/t_params.ko.zst"],
        loaded: &[],
        effect: Effect::Shows,
        subjects: &["t_params", "could not write"],
    }
    .try_all();
}

fn rmmod_plain() {
    Scenario {
        line: &["rmmod", "t_plain"],
        loaded: &[("t_plain", "")],
        effect: Effect::Removes(&["t_plain"]),
        subjects: &["t_plain"],
    }
    .try_all();
}

fn rmmod_of_two() {
    Scenario {
        line: &["rmmod", "t_base", "t_user"],
        loaded: &[("t_base", ""), ("t_user", "")],
        effect: Effect::Removes(&["t_base", "t_user"]),
        subjects: &["t_base", "t_user"],
    }
    .try_all();
}

fn rmmod_of_users() {
    Scenario {
        line: &["rmmod", "-r", "--explain=always", "t_base"],
        loaded: &[("t_base", ""), ("t_user", "")],
        effect: Effect::Removes(&["t_base", "t_user"]),
        subjects: &["t_base", "t_user", "/proc/modules"],
    }
    .try_all();
}

fn rmmod_of_a_pattern() {
    Scenario {
        line: &["rmmod", "t_pl*"],
        loaded: &[("t_plain", "")],
        effect: Effect::Removes(&["t_plain"]),
        subjects: &["t_plain", "t_pl*", "/proc/modules"],
    }
    .try_all();
}

fn rmmod_of_a_used_module() {
    Scenario {
        line: &["rmmod", "--explain=always", "t_base"],
        loaded: &[("t_base", ""), ("t_user", "")],
        effect: Effect::None,
        subjects: &["t_base"],
    }
    .try_all();
}

fn rmmod_of_a_held_module() {
    Scenario {
        line: &["rmmod", "--explain=always", "t_hold"],
        loaded: &[("t_hold", "hold_ms=500000")],
        effect: Effect::None,
        subjects: &["t_hold"],
    }
    .try_all();
}

fn rmmod_in_vain() {
    Scenario {
        line: &["rmmod", "--wait=0.15", "t_hold"],
        loaded: &[("t_hold", "hold_ms=500000")],
        effect: Effect::None,
        subjects: &["t_hold"],
    }
    .try_all();
}

fn rmmod_wait() {
    Scenario {
        line: &["rmmod", "--wait", "t_hold"],
        loaded: &[("t_hold", "hold_ms=250")],
        effect: Effect::Removes(&["t_hold"]),
        subjects: &["t_hold"],
    }
    .try_all();
}

fn rmmod_who() {
    Scenario {
        line: &["rmmod", "--who", "t_base"],
        loaded: &[("t_base", ""), ("t_user", "")],
        effect: Effect::Shows,
        subjects: &["t_base", "/proc/modules", "could not write"],
    }
    .try_all();
}

fn lsmod(line: &'static [&'static str]) {
    Scenario {
        line,
        loaded: &[("t_base", ""), ("t_user", "")],
        effect: Effect::Shows,
        subjects: &["/proc/modules", "/sys/module/", "could not write"],
    }
    .try_all();
}

fn lsmod_plain() {
    lsmod(&["lsmod"]);
}

fn lsmod_json() {
    lsmod(&["lsmod", "-J"]);
}

fn lsmod_all_columns() {
    lsmod(&["lsmod", "--output-all"]);
}

fn lsmod_tree() {
    lsmod(&["lsmod", "-T"]);
}

fn lsmod_of_nothing() {
    Scenario {
        line: &["lsmod", "--explain=always", "t_gone"],
        loaded: &[],
        effect: Effect::None,
        subjects: &["t_gone", "/proc/modules", "could not write"],
    }
    .try_all();
}

impl Scenario {
    fn try_all(&self) {
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
    fn clean(&self) {
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

    fn judge(&self, ordinary: &Faulted, run: &Faulted, fault: Fault) -> Result<(), String> {
        // Modules that came, and those that went, are put back first.
        let mut half_done = false;
        let achieved = match self.effect {
            Effect::Loads(names) => {
                let count = names.iter().filter(|name| is_loaded(name)).count();
                self.clean();
                half_done = count > 0 && count < names.len();
                Some(count == names.len())
            }
            Effect::Removes(names) => Some(!names.iter().any(|name| is_loaded(name))),
            Effect::Shows | Effect::None => None,
        };
        if run.overlong {
            return Err("it hangs".to_owned());
        }
        if run.stderr.contains("panicked") {
            return Err("it panics".to_owned());
        }
        let hit = run.hit.as_ref();
        if run.signal == Some(Signal::SIGABRT) && is_memory(hit) {
            // A Rust program that gets no memory says so and ends this way.
            return if run.stderr.contains("memory allocation of") {
                Ok(())
            } else {
                Err("it aborts without a word".to_owned())
            };
        }
        let Some(status) = run.status else { return Err("a signal ends it".to_owned()) };
        if status == 0 {
            return self.judge_success(ordinary, run, achieved, fault);
        }
        // It cannot take out what it is kept from taking out.
        if half_done && hit.is_none_or(|call| call.kind.name != "delete_module") {
            return Err("it leaves half of it".to_owned());
        }
        if achieved == Some(true) && !writes_to(hit, 1) && ordinary.status == Some(0) {
            return Err("it denies what it did".to_owned());
        }
        let first = run.stderr.lines().next().unwrap_or_default();
        let prefix = format!("{}: ", self.line[0]);
        // In kmod's words it is the kernel that fails, and not for this module only.
        let named = self.subjects.iter().any(|subject| first.contains(subject))
            || first.ends_with("Module unloading is not supported");
        match first.strip_prefix(&prefix) {
            // Its only channel was broken.
            None if first.is_empty() && writes_to(hit, 2) => Ok(()),
            None if is_memory(hit) && !first.is_empty() => Ok(()),
            None => Err("it does not say that it failed".to_owned()),
            Some(_) if named => Ok(()),
            Some(_) => Err("it does not say what failed".to_owned()),
        }
    }

    fn judge_success(
        &self,
        ordinary: &Faulted,
        run: &Faulted,
        achieved: Option<bool>,
        fault: Fault,
    ) -> Result<(), String> {
        if ordinary.status != Some(0) {
            return Err("it claims success".to_owned());
        }
        // What the kernel says is not there was removed by somebody else.
        let gone = fault == Fault::Error(nix::errno::Errno::ENOENT)
            && run.hit.as_ref().is_some_and(|call| call.kind.name == "delete_module");
        if achieved == Some(false) && !gone {
            return Err("it claims what it did not do".to_owned());
        }
        // A record may have less in it.
        if run.stdout.contains("\"status\":0") && achieved == Some(true) {
            return Ok(());
        }
        let gone_reader = fault == Fault::Error(nix::errno::Errno::EPIPE);
        if run.stdout != ordinary.stdout && !(writes_to(run.hit.as_ref(), 1) && gone_reader) {
            // Facts that cannot be read may be missing, and then nothing else may differ.
            let rows = |text: &str| text.lines().count();
            if matches!(self.effect, Effect::Shows)
                && reads_extras(run.hit.as_ref())
                && rows(&run.stdout) == rows(&ordinary.stdout)
            {
                return Ok(());
            }
            return Err(format!("it prints something else:\n{}", run.stdout));
        }
        Ok(())
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

/// What is to go wrong, and where: on the first call of each sort the most plausible error, and one
/// byte only; if thorough, also on the second and the last such call, and with all other errors.
fn faults(calls: &[Call], thorough: bool) -> Vec<(usize, Fault)> {
    let mut sorts: HashMap<_, Vec<usize>> = HashMap::new();
    for (index, call) in calls.iter().enumerate() {
        sorts.entry(sort(call)).or_default().push(index);
    }
    let mut ranked = Vec::new();
    for places in sorts.values() {
        let chosen = match places[..] {
            [first, second, .., last] if thorough => vec![first, second, last],
            [first, ..] if !thorough => vec![first],
            _ => places.clone(),
        };
        for (place, &index) in chosen.iter().enumerate() {
            let partial = calls[index].can_be_partial().then_some(Fault::Partial);
            let errors = calls[index].kind.errors.iter().map(|&errno| Fault::Error(errno));
            let errors = errors.take(if thorough { usize::MAX } else { 1 });
            let all = errors.enumerate().chain(partial.map(|fault| (0, fault)));
            ranked.extend(all.map(|(rank, fault)| (rank + place, index, fault)));
        }
    }
    ranked.sort_by_key(|&(rank, index, _)| (rank, index));
    ranked.into_iter().map(|(_, index, fault)| (index, fault)).collect()
}

/// Calls that are alike, whatever process or device they are about.
fn sort(call: &Call) -> (&'static str, String, u64) {
    let path = call.path.as_deref().or(call.file.as_deref()).unwrap_or_default();
    let path = path.chars().filter(|character| !character.is_ascii_digit()).collect();
    // Of descriptors, the standard ones are special.
    (call.kind.name, path, call.first.min(3))
}

fn is_memory(hit: Option<&Call>) -> bool {
    hit.is_some_and(|call| matches!(call.kind.name, "brk" | "mmap" | "mremap"))
}

fn writes_to(hit: Option<&Call>, descriptor: u64) -> bool {
    hit.is_some_and(|call| call.kind.name == "write" && call.first == descriptor)
}

/// What is known of modules beyond their list, which is all or nothing.
fn reads_extras(hit: Option<&Call>) -> bool {
    hit.is_some_and(|call| match &call.path {
        Some(path) => path.starts_with("/sys/") || path.starts_with("/lib/modules/"),
        None => matches!(call.kind.name, "read" | "getdents64" | "statx" | "fstat"),
    })
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
