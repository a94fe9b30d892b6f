//! Several kernels at the same time: a process of this program for each, one more at once than there
//! are processors. An emulated machine takes one, and is idle while its tests wait.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Mutex;
use std::thread;

/// Tests each kernel in a process of its own, with the arguments of this one; those in `main` with
/// the main tests only.
pub(super) fn run(kernels: &[String], main: &[String]) -> ExitCode {
    let at_once = thread::available_parallelism().map_or(1, usize::from) + 1;
    let queue = Mutex::new(kernels.iter());
    let next = || queue.lock().ok().and_then(|mut queue| queue.next());
    let failed = thread::scope(|scope| {
        let worker = || {
            let mut failed = false;
            while let Some(kernel) = next() {
                failed |= !test(kernel, main.contains(kernel)).unwrap_or_else(|error| {
                    eprintln!("kernel tests: cannot test {kernel}: {error}");
                    false
                });
            }
            failed
        };
        let workers: Vec<_> = (0..at_once).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().map(|worker| worker.join().unwrap_or(true)).fold(false, |a, b| a | b)
    });
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Whether all tests on a kernel succeed. Each line about a test is shown as it comes, the report
/// at the end in one piece.
fn test(kernel: &str, main: bool) -> std::io::Result<bool> {
    let mut process = Command::new(env::current_exe()?)
        .args(env::args_os().skip(1))
        .env("MODUTILS_KERNELS", kernel)
        .envs(
            main.then_some([("MODUTILS_RUN", "main"), ("MODUTILS_PROFILE", "dev")])
                .into_iter()
                .flatten(),
        )
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut report = String::new();
    for line in process.stdout.take().into_iter().flat_map(|output| BufReader::new(output).lines())
    {
        let line = line?;
        if !report.is_empty() || ["failures:", "test result:"].iter().any(|it| line.starts_with(it))
        {
            report.push_str(&line);
            report.push('\n');
        } else if !line.is_empty() {
            writeln!(std::io::stdout().lock(), "{line}")?;
        }
    }
    if !report.is_empty() {
        writeln!(std::io::stdout().lock(), "\n{kernel}: {report}")?;
    }
    Ok(process.wait()?.success())
}
