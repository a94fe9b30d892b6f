//! Messages: names that match nothing, and an unreadable list.

use modutils::availability::Catalog;
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
        let mut explanation = Explanation::default();
        match (&missing.of, &catalog) {
            (Absent::Name(name), Some(catalog)) => {
                let found = catalog.look_up(name);
                explanation = absent::explanation(&found, options.detail);
                records.push(absent::record(&found));
            }
            (Absent::Pattern(pattern), Some(catalog)) => {
                let matching = catalog.matching(pattern);
                explanation = absent::explanation_of_pattern(&matching, options.detail);
                if options.json {
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
    let explanation = Explanation { cause: cause.map(str::to_owned), ..Explanation::default() };
    reporter.error(line.as_bytes(), &explanation);
    if options.json
        && let Ok(document) = json::failure(&line, cause)
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
