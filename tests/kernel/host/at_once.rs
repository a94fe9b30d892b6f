//! Several machines at the same time: a process of this program for each, two more at once than there
//! are processors. An emulated machine takes one, and is idle while its tests wait.

use std::collections::BTreeMap;
use std::env;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Mutex;
use std::thread;

/// What one process does.
pub(super) struct Unit {
    pub(super) kernel: String,
    /// A word for its part of the tests.
    pub(super) what: &'static str,
    /// Variables that select these.
    pub(super) variables: Vec<(&'static str, &'static str)>,
}

/// How many tests succeeded, and how many there were.
#[derive(Clone, Copy, Default)]
struct Count {
    passed: usize,
    all: usize,
}

/// Runs each unit in a process of its own, with the arguments of this one.
pub(super) fn run(units: &[Unit]) -> ExitCode {
    let at_once = thread::available_parallelism().map_or(1, usize::from) + 2;
    let queue = Mutex::new(units.iter());
    let next = || queue.lock().ok().and_then(|mut queue| queue.next());
    let results = thread::scope(|scope| {
        let worker = || {
            let mut results = Vec::new();
            while let Some(unit) = next() {
                let result = test(unit).unwrap_or_else(|error| {
                    eprintln!("kernel tests: cannot test {}: {error}", unit.kernel);
                    (false, Count::default())
                });
                results.push((&unit.kernel, result));
            }
            results
        };
        let workers: Vec<_> = (0..at_once).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().map(|worker| worker.join().ok()).collect::<Vec<_>>()
    });
    let mut succeeded = results.iter().all(Option::is_some);
    let mut counts = BTreeMap::<_, Count>::new();
    for (kernel, (unit_succeeded, count)) in results.into_iter().flatten().flatten() {
        succeeded &= unit_succeeded;
        let of_kernel = counts.entry(kernel).or_default();
        of_kernel.passed += count.passed;
        of_kernel.all += count.all;
    }
    for (kernel, Count { passed, all }) in counts {
        println!("{kernel}: {passed} of {all} tests succeeded");
    }
    if succeeded { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Whether all tests of a unit succeed. Each line about a test is shown as it comes, a report of
/// failures at the end and in one piece.
fn test(unit: &Unit) -> std::io::Result<(bool, Count)> {
    let mut process = Command::new(env::current_exe()?)
        .args(env::args_os().skip(1))
        .env("MODUTILS_KERNELS", &unit.kernel)
        .envs(unit.variables.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut count = Count::default();
    let mut report = String::new();
    for line in process.stdout.take().into_iter().flat_map(|output| BufReader::new(output).lines())
    {
        let line = line?;
        if !report.is_empty() || ["failures:", "test result:"].iter().any(|it| line.starts_with(it))
        {
            report.push_str(&line);
            report.push('\n');
        } else if !line.is_empty() && !line.starts_with("running ") {
            // Behind what the test printed.
            let outcome = line.rsplit(' ').next().unwrap_or_default();
            count.passed += usize::from(outcome == "ok");
            count.all += usize::from(matches!(outcome, "ok" | "FAILED"));
            writeln!(std::io::stdout().lock(), "{line}")?;
        }
    }
    let succeeded = process.wait()?.success();
    if !succeeded {
        let Unit { kernel, what, .. } = unit;
        writeln!(std::io::stdout().lock(), "\n{kernel} {what}: {report}")?;
    }
    Ok((succeeded, count))
}
