//! Messages: names that match nothing, and an unreadable list.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use modutils::availability::{Availability, Catalog, Presence};
use modutils::packages::owners;
use modutils::{Error, System};
use serde_json::Value;

use super::options::Options;
use super::output::{self, View};
use super::select::{Absent, Missing};
use super::{absent, json};
use crate::common::absence;
use crate::common::report::{Explanation, Reporter};
use crate::common::status::Status;

/// Reports each name that matches no loaded module, and returns what it is instead as data.
pub(crate) fn missing(
    options: &Options,
    system: &System,
    missing: &[Missing],
    reporter: &Reporter,
) -> Vec<Value> {
    // The lists of a release take some milliseconds to read.
    let catalog = (options.json || reporter.explains()).then(|| Catalog::read(system));
    let mut records = Vec::new();
    for missing in missing {
        let blank = |text: &str| absent::blank(&missing.argument.to_string_lossy(), text);
        let mut explanation = Explanation::default();
        match (&missing.of, &catalog) {
            (Absent::Name(name), Some(catalog)) => {
                let found = catalog.look_up(name);
                let packages = packages(system, std::slice::from_ref(&found));
                let package = package(&found, &packages);
                explanation = absent::explanation(&found, package, options.detail);
                records.push(absent::record(&found, package));
            }
            (Absent::Pattern(pattern), Some(catalog)) => {
                let matching = catalog.matching(pattern);
                explanation = absent::explanation_of_pattern(&matching, options.detail);
                if options.json {
                    let found: Vec<_> = matching.iter().map(|name| catalog.look_up(name)).collect();
                    let packages = packages(system, &found);
                    let record = |it| absent::record(it, package(it, &packages));
                    records.extend(found.iter().map(record));
                }
                if matching.is_empty() {
                    records.push(blank(explanation.cause.as_deref().unwrap_or_default()));
                }
            }
            (Absent::Nothing(reason), _) => records.push(blank(reason)),
            (_, None) => {}
        }
        reporter.error(&missing.line, &explanation);
    }
    records
}

/// The packages of the files: to look for all of them takes as long as for one.
fn packages(system: &System, found: &[Availability]) -> HashMap<PathBuf, String> {
    let files: Vec<PathBuf> = found.iter().filter_map(file).map(Path::to_owned).collect();
    if files.is_empty() { HashMap::new() } else { owners(system, &files) }
}

fn package<'a>(found: &Availability, packages: &'a HashMap<PathBuf, String>) -> Option<&'a str> {
    packages.get(file(found)?).map(String::as_str)
}

fn file(found: &Availability) -> Option<&Path> {
    match &found.presence {
        Presence::Loadable { file, .. } => Some(file),
        _ => None,
    }
}

/// The list of modules cannot be read.
pub(crate) fn no_list(
    options: &Options,
    system: &System,
    error: &Error,
    reporter: &Reporter,
) -> Status {
    let path = error.path().unwrap_or("/proc/modules".as_ref()).display();
    let failed = if error.errno().is_some() { "open" } else { "read" };
    let line = format!("could not {failed} {path}: {}", error.detail());
    let cause = error.is_absent().then(|| absence::cause(system));
    let kind = if system.has_proc() { "no-module-support" } else { "unknown" };
    let explanation = Explanation { cause: cause.map(str::to_owned), ..Explanation::default() };
    reporter.error(line.as_bytes(), &explanation);
    if options.json
        && let Ok(document) = json::failure(&line, cause.map(|text| json::Cause { kind, text }))
    {
        return output::print(View::Json(document), reporter, Status::Failed);
    }
    Status::Failed
}

/// The list could not be written as JSON.
pub(crate) fn failed(error: &serde_json::Error, reporter: &Reporter) -> Status {
    reporter.error(error.to_string().as_bytes(), &Explanation::default());
    Status::Failed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lsmod::cli;
    use crate::lsmod::select::Wanted;
    use modutils::Snapshot;
    use std::ffi::OsString;

    /// A status of 1 has a reason in the document.
    #[test]
    fn each_argument_without_a_module_has_a_record() {
        let words = ["lsmod", "-Jq", "zz_*", "..", "absent"].map(OsString::from);
        let options = cli::parse(words.into_iter()).unwrap();
        let snapshot = Snapshot::parse(b"loop 1 0 - Live 0x0\n").unwrap();
        let (_, absent) = Wanted::new(&options.modules, &snapshot);
        let reporter = Reporter::new("lsmod", options.messages);
        let records = missing(&options, &System::at("/nonexistent"), &absent, &reporter);
        let text = |record: &Value, field: &str| record[field].as_str().unwrap().to_owned();
        let found: Vec<_> = records
            .iter()
            .map(|record| (text(record, "name"), text(record, "state"), text(record, "text")))
            .collect();
        for ((name, state, text), (expected, said)) in found.iter().zip([
            ("zz_*", "no module that is built in or loadable matches either"),
            ("..", "a module cannot have the name '..'"),
            ("absent", "absent is unknown"),
        ]) {
            assert_eq!((name.as_str(), state.as_str()), (expected, "unknown"));
            assert!(text.starts_with(said), "{text}");
        }
        assert_eq!(found.len(), 3);
        let fields =
            |record: &Value| record.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(fields(&records[0]), fields(&records[2]));
    }
}
