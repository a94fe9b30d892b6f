//! `lsmod`: list the loaded modules.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test fails by panicking"))]

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/output.rs"]
mod output;

mod classic;
mod cli;

use std::process::ExitCode;

use modutils::{Snapshot, System};

use cli::Cli;
use common::report::{Explanation, Reporter};
use common::status::Status;

const TOOL: &str = "lsmod";

fn main() -> ExitCode {
    match cli::parse(std::env::args_os()) {
        Ok(cli) => run(&cli),
        Err(status) => status,
    }
    .into()
}

fn run(cli: &Cli) -> Status {
    let reporter = Reporter::new(TOOL, &cli.common);
    let system = System::live();
    let snapshot = match Snapshot::take(&system) {
        Ok(snapshot) => snapshot,
        Err(error) => {
            let path = error.path().unwrap_or("/proc/modules".as_ref()).display();
            let line = format!("could not open {path}: {}", error.detail());
            let cause = error.is_absent().then(|| absence(&system).to_owned());
            reporter.error(line.as_bytes(), &Explanation { cause, ..Explanation::default() });
            return Status::Failed;
        }
    };
    match output::write(&classic::table(snapshot.modules())) {
        Ok(()) => Status::Done,
        Err(error) => {
            reporter.error(format!("could not write: {error}").as_bytes(), &Explanation::default());
            Status::Failed
        }
    }
}

fn absence(system: &System) -> &'static str {
    if system.has_proc() {
        "this kernel was built without loadable modules"
    } else {
        "/proc is not mounted"
    }
}
