//! The host half: presents each guest test as a test of its own and runs it in a
//! virtual machine of the right kind.

mod at_once;
mod bare;
mod distribution;
mod machine;
mod results;
mod table;

use std::env;
use std::process::{Command, ExitCode};
use std::sync::{Arc, Mutex};

use libtest_mimic::{Arguments, Failed, Trial};

use crate::{AREAS, Boot, DEFAULT, MAIN, STEADY, TOOLS_32};
use at_once::Unit;
use machine::{Failure, Machine};

pub(crate) fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // One machine at a time; and in order, so that each is booted only once.
    arguments.test_threads = Some(1);

    if env::var_os("MODUTILS_SKIP_KERNEL").is_some() {
        println!("kernel tests: skipped, as MODUTILS_SKIP_KERNEL asks");
        return ExitCode::SUCCESS;
    }
    if env::var_os("MODUTILS_TABLE").is_some() {
        return table::rewrite();
    }
    let kernels = match kernels() {
        Ok(Asked::One(kernel)) => [kernel],
        Ok(Asked::Several { kernels, main }) => return at_once::run(&units(&kernels, &main)),
        Err(message) => {
            eprintln!("kernel tests: {message}");
            return ExitCode::FAILURE;
        }
    };
    let lab = Arc::new(Mutex::new(Lab::default()));
    let here = |kernel: &&String| {
        is_ordinary(kernel) && is_of_this_machine(kernel) && has_every_test(kernel)
    };
    let without_lab = kernels.iter().filter(|_| is_wanted(FILES, false));
    let ordinary: Vec<String> = without_lab.filter(here).cloned().collect();
    let mut all = distribution::trials(&ordinary);
    all.extend(bare::trials(&ordinary));
    all.extend(trials(&kernels, &lab));
    libtest_mimic::run(&arguments, all).exit_code()
}

/// What the tests are called that need none of the machines that others share.
const FILES: &str = "files";

/// The kernels to test on.
enum Asked {
    One(String),
    /// In processes of their own; on those in `main`, only the main tests.
    Several {
        kernels: Vec<String>,
        main: Vec<String>,
    },
}

/// The kernels that are asked for, or those that are tested each time.
fn kernels() -> Result<Asked, String> {
    let words = |text: String| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    if let Ok(names) = env::var("MODUTILS_KERNELS") {
        let mut kernels = words(names);
        return match kernels.len() {
            0 => Err("MODUTILS_KERNELS names no kernel".to_owned()),
            1 => Ok(Asked::One(kernels.remove(0))),
            _ => Ok(Asked::Several { kernels, main: Vec::new() }),
        };
    }
    let flavors =
        |which: &[&str]| script(Command::new("tests/vm/flavors.sh").args(which)).map(words);
    let mut kernels = flavors(&[])?;
    let mut main = Vec::new();
    // Other runs than that of every day are for the first ones.
    if env::var_os("MODUTILS_RUN").is_none() {
        main = flavors(&["main"])?;
        if main.is_empty() {
            println!("kernel tests: this distribution has no kernel that is newer or for arm64");
        }
        kernels.extend(main.iter().cloned());
    }
    Ok(Asked::Several { kernels, main })
}

/// What the tests on several kernels are divided into: a boot of a kernel each, what takes longest
/// first.
fn units(kernels: &[String], main: &[String]) -> Vec<Unit> {
    const OF_MAIN: [(&str, &str); 2] = [("MODUTILS_RUN", "main"), ("MODUTILS_PROFILE", "dev")];
    let everything = env::var_os("MODUTILS_RUN").is_none();
    let mut units = Vec::new();
    for kernel in kernels {
        let mut add = |what: &'static str, variables: &[_]| {
            let variables = variables.to_vec();
            units.push(Unit { kernel: kernel.clone(), what, variables });
        };
        if main.contains(kernel) {
            add("main", &OF_MAIN);
        } else if everything && has_every_test(kernel) {
            let files = is_ordinary(kernel).then_some(FILES);
            for name in boots(kernel).into_iter().map(|boot| boot.name).chain(files) {
                add(name, &[("MODUTILS_RUN", name)]);
            }
        } else {
            add("", &[]);
        }
    }
    let long = [DEFAULT.name, "main", STEADY.name];
    units.sort_by_key(|unit| long.iter().position(|it| *it == unit.what).unwrap_or(long.len()));
    units
}

/// Runs one of the scripts in `tests/vm` and returns what it printed.
fn script(command: &mut Command) -> Result<String, String> {
    let output = command
        .current_dir(crate::REPOSITORY)
        .output()
        .map_err(|error| format!("cannot run {command:?}: {error}"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        let stderr = String::from_utf8_lossy(&output.stderr);
        Err(format!("{command:?} failed, {}:\n{stderr}", output.status))
    }
}

/// A test on a kernel, the outcome of which is kept.
fn trial(
    kernel: &str,
    name: String,
    run: impl FnOnce() -> Result<(), Failed> + Send + 'static,
) -> Trial {
    let kernel = kernel.to_owned();
    Trial::test(format!("{kernel}::{name}"), move || {
        let result = run();
        results::note(&kernel, &name, result.is_ok());
        result
    })
}

/// All tests on all kernels, those of one machine together.
fn trials(kernels: &[String], lab: &Arc<Mutex<Lab>>) -> Vec<Trial> {
    let mut trials = Vec::new();
    for kernel in kernels {
        let everything = has_every_test(kernel);
        for boot in boots(kernel) {
            for guest_name in tests_of(boot).filter(|test| everything || is_main(test)) {
                let name = format!("{}::{guest_name}", boot.name);
                let (on, lab) = (kernel.clone(), Arc::clone(lab));
                trials.push(trial(kernel, name, move || {
                    let mut lab = lab.lock().map_err(|_| "an earlier test panicked")?;
                    for line in lab.run(&on, boot, &guest_name)?.lines() {
                        println!("{line}");
                    }
                    Ok(())
                }));
            }
        }
    }
    trials
}

/// The ways in which a kernel is booted.
fn boots(kernel: &str) -> Vec<&'static Boot> {
    let mut boots: Vec<&'static Boot> = Vec::new();
    for boot in AREAS.iter().flat_map(|area| area.boots) {
        let fits = boot.only_on.map_or(is_ordinary(kernel), |end| kernel.ends_with(end));
        if fits
            && is_wanted(boot.name, boot.on_request)
            && !boots.iter().any(|known| known.name == boot.name)
        {
            boots.push(boot);
        }
    }
    boots
}

/// The tests that are run on a boot, as the guest calls them.
fn tests_of(boot: &Boot) -> impl Iterator<Item = String> {
    AREAS
        .iter()
        .filter(|area| area.boots.iter().any(|wanted| wanted.name == boot.name))
        .flat_map(|area| area.tests.iter().map(|test| format!("{}::{}", area.name, test.name)))
}

/// Whether every test is run on a kernel: on those for other machines or with their tools, only
/// the main ones are, unless `MODUTILS_RUN` names either.
fn has_every_test(kernel: &str) -> bool {
    match env::var("MODUTILS_RUN").as_deref() {
        Ok("machines") => true,
        Ok("main") => false,
        _ => is_of_this_machine(kernel),
    }
}

/// Whether a kernel and the tools on it are for the machine that this program is for.
fn is_of_this_machine(kernel: &str) -> bool {
    let machine = || script(Command::new("tests/vm/machine.sh").arg(kernel));
    !kernel.ends_with(TOOLS_32) && machine().is_ok_and(|it| it.trim() == env::consts::ARCH)
}

fn is_main(test: &str) -> bool {
    MAIN.contains(&test.split("::").next().unwrap_or_default())
}

/// Whether it is a kernel that can do what the distribution's kernels can.
fn is_ordinary(kernel: &str) -> bool {
    let boots = AREAS.iter().flat_map(|area| area.boots);
    !boots.filter_map(|boot| boot.only_on).any(|end| kernel.ends_with(end))
}

/// Whether a boot is for every day, or asked for.
fn is_wanted(boot: &str, on_request: bool) -> bool {
    match env::var("MODUTILS_RUN") {
        Ok(names) if !matches!(&*names, "machines" | "main") => {
            names.split_whitespace().any(|name| name == boot)
        }
        _ => !on_request,
    }
}

/// The place for the one machine that may run at a time.
#[derive(Default)]
struct Lab {
    /// Which machine it is: kernel and name of the boot.
    current: (String, &'static str),
    /// The machine, or why there is none.
    machine: Option<Result<Machine, String>>,
}

impl Lab {
    /// What the test printed, or why it failed.
    fn run(&mut self, kernel: &str, boot: &'static Boot, test: &str) -> Result<String, String> {
        if self.machine.is_none()
            || (self.current.0.as_str(), self.current.1) != (kernel, boot.name)
        {
            // The old machine goes before the new one comes.
            self.machine = None;
            self.current = (kernel.to_owned(), boot.name);
            match Machine::boot(kernel, boot) {
                Ok(machine) => self.machine = Some(Ok(machine)),
                Err(reason) => {
                    self.machine = Some(Err("the machine did not come up".to_owned()));
                    return Err(reason);
                }
            }
        }
        match self.machine.as_mut() {
            Some(Ok(machine)) => machine.run(test).map_err(|failure| match failure {
                Failure::Test(output) => output,
                Failure::Machine(reason) => {
                    self.machine = Some(Err(format!("the machine was lost during {test}")));
                    reason
                }
            }),
            Some(Err(reason)) => Err(format!("not run: {reason}")),
            None => unreachable!("there is a machine or a reason by now"),
        }
    }
}
