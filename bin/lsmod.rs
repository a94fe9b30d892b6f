//! `lsmod`: list the loaded modules.
mod absent;
mod cells;
pub mod classic;
mod cli;
mod columns;
mod facts;
mod json;
mod long;
mod select;
mod size;
mod sort;
mod summary;
mod table;
mod terminal;
mod tree;
mod view;

pub use cli::STATUSES;

use std::process::ExitCode;

use modutils::availability::Catalog;
use modutils::loaded::ModuleList;
use modutils::{Errno, Snapshot, System};

use crate::common::report::{Explanation, Reporter};
use crate::common::status::Status;
use crate::common::{absence, output};
use classic::DirectoryHash;
use cli::Cli;
use select::{Absent, Missing, Wanted};
use serde_json::Value;
use view::View;

const TOOL: &str = "lsmod";

/// Runs the command on this process's command line, and returns its exit status.
pub fn main() -> ExitCode {
    match cli::parse(std::env::args_os()) {
        Ok(cli) => run(&cli),
        Err(status) => status,
    }
    .end()
}

fn run(cli: &Cli) -> Status {
    let reporter = Reporter::new(TOOL, &cli.common);
    if cli.list_columns {
        return written(output::show(&columns::list()), &reporter, Status::Done);
    }
    let system = System::live();
    if cli.is_plain() {
        let text = ModuleList::read(&system).and_then(|list| {
            classic::whole(&list, cli.headings(), DirectoryHash::of_kernel(&system))
        });
        return match text {
            // As it is, on a terminal, too: it is kmod's byte for byte.
            Ok(text) => written(output::write(&text), &reporter, Status::Done),
            Err(error) => unknown(cli, &system, &error, &reporter),
        };
    }
    let snapshot = match Snapshot::take(&system) {
        Ok(snapshot) => snapshot,
        Err(error) => return unknown(cli, &system, &error, &reporter),
    };
    let (wanted, missing) = Wanted::new(&cli.modules, &snapshot);
    let absent = explain(cli, &system, &missing, &reporter);
    let status = if missing.is_empty() { Status::Done } else { Status::Failed };
    match view::view(cli, &system, &snapshot, &wanted, &absent) {
        Ok(View::Json(text)) => written(output::show_json(&text), &reporter, status),
        Ok(View::Bytes(text)) => written(output::show(&text), &reporter, status),
        Ok(View::Safe(text)) => written(output::write(&text), &reporter, status),
        Err(error) => {
            reporter.error(error.to_string().as_bytes(), &Explanation::default());
            Status::Failed
        }
    }
}

/// Says what the names are that match no loaded module, and returns that as data.
fn explain(cli: &Cli, system: &System, missing: &[Missing], reporter: &Reporter) -> Vec<Value> {
    // The lists of a release take some milliseconds to read.
    let catalog = (cli.json || reporter.explains()).then(|| Catalog::read(system));
    let mut records = Vec::new();
    for missing in missing {
        let mut explanation = Explanation::default();
        match (&missing.of, &catalog) {
            (Absent::Name(name), Some(catalog)) => {
                let found = catalog.look_up(name);
                explanation = absent::explanation(&found, cli.detail());
                records.push(absent::record(&found));
            }
            (Absent::Pattern(pattern), Some(catalog)) => {
                let matching = catalog.matching(pattern);
                explanation = absent::explanation_of_pattern(&matching, cli.detail());
                if cli.json {
                    let found = matching.iter().map(|name| catalog.look_up(name));
                    records.extend(found.map(|found| absent::record(&found)));
                }
            }
            (Absent::Nothing, _) | (_, None) => {}
        }
        reporter.error(&missing.line, &explanation);
    }
    records
}

/// The status, unless what was to be printed was not.
fn written(result: Result<(), Errno>, reporter: &Reporter, status: Status) -> Status {
    match result {
        Ok(()) => status,
        Err(error) => {
            reporter.error(format!("could not write: {error}").as_bytes(), &Explanation::default());
            Status::Failed
        }
    }
}

/// The list of modules cannot be read.
fn unknown(cli: &Cli, system: &System, error: &modutils::Error, reporter: &Reporter) -> Status {
    let path = error.path().unwrap_or("/proc/modules".as_ref()).display();
    let failed = if error.errno().is_some() { "open" } else { "read" };
    let line = format!("could not {failed} {path}: {}", error.detail());
    let cause = error.is_absent().then(|| absence::cause(system));
    let explanation = Explanation { cause: cause.map(str::to_owned), ..Explanation::default() };
    reporter.error(line.as_bytes(), &explanation);
    if cli.json
        && let Ok(document) = json::failure(&line, cause)
    {
        return written(output::show_json(&document), reporter, Status::Failed);
    }
    Status::Failed
}
