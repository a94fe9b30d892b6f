//! The life of a module: load it, look at it, and remove it as soon as it is free.
//!
//! usage: lifecycle FILE [NAME=VALUE]...

use std::error::Error;
use std::ffi::OsString;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use modutils::diagnosis::{KernelLog, Request};
use modutils::remove::WaitProgress;
use modutils::{
    Arguments, Cause, Force, Kernel, ModuleFile, Refusal, RemoveMode, Snapshot, Waiting,
};

/// How long others may go on using the module.
const PATIENCE: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let Some(file) = arguments.next() else {
        eprintln!("usage: lifecycle FILE [NAME=VALUE]...");
        return ExitCode::from(2);
    };
    match live(&file, arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn live(file: &OsString, parameters: impl Iterator<Item = OsString>) -> Result<(), Box<dyn Error>> {
    let kernel = Kernel::running();
    let file = ModuleFile::open(file)?;
    let name = file.name()?;
    let arguments = Arguments::new(parameters)?;
    let force = Force::default();

    // What the kernel logs from here on belongs to an explanation.
    let log = KernelLog::open(&kernel);
    if let Err(error) = kernel.insert(&file, &arguments, force) {
        let request = Request { file: &file, arguments: &arguments, force };
        let diagnosis = kernel.explain(request, &error, Some(log));
        // Some causes a program can do something about.
        if let Cause::MissingSymbol { symbols, .. } = &diagnosis.cause {
            for symbol in symbols {
                let provider = symbol.provider.as_ref().map_or("no module", |name| {
                    std::str::from_utf8(name.as_bytes()).unwrap_or("a module of an odd name")
                });
                println!("{name} needs {} of {provider}", symbol.name);
            }
        }
        return Err(format!("{}: {}", diagnosis.cause.kind(), diagnosis.cause).into());
    }

    let snapshot = Snapshot::take(&kernel)?;
    if let Some(module) = snapshot.get(&name) {
        println!("{name} is {}, and takes {} bytes", module.state, module.size);
    }

    let mut report = |progress: &WaitProgress<'_>| {
        println!("waiting for {name}: {}", progress.error);
    };
    let waiting = Waiting::until(Some(Instant::now() + PATIENCE)).reporting_to(&mut report);
    match kernel.remove_when_free(&name, RemoveMode::Refuse, waiting) {
        Ok(()) => println!("{name} is gone"),
        Err(error) if matches!(error.refusal(), Refusal::TimedOut { .. }) => {
            println!("{name} stays in use");
        }
        Err(error) => return Err(error.into()),
    }
    Ok(())
}
