//! Standard output: results as JSON, holders as text.

use std::fmt::Write;

use modutils::System;
use modutils::loaded::{LoadedModule, State};

use super::holders;
use super::options::Options;
use crate::common::output;
use crate::common::report::Reporter;
use crate::common::results::{self, Record};
use crate::common::status::Status;

/// The end of a call.
pub(crate) struct Results {
    pub(crate) status: Status,
    pub(crate) records: Vec<Record>,
    /// The text of `--who`.
    pub(crate) text: String,
}

/// Prints the results, and returns the exit status.
pub(crate) fn print(results: Results, options: &Options, reporter: &Reporter) -> Status {
    let Results { status, records, text } = results;
    let written =
        if options.json { results::print(&records) } else { output::show(text.as_bytes()) };
    output::written(written, reporter, status)
}

/// Returns the lines of `--who` about one module.
pub(crate) fn who(system: &System, module: &LoadedModule) -> String {
    let holders = system.holders(module);
    let mut text = format!("{}: {}\n", module.name, holders::count(module));
    let phrases = holders::phrases(module, &holders).into_iter();
    // Writing to a String cannot fail.
    for phrase in phrases.chain(obstacle(module).map(str::to_owned)) {
        let _ = writeln!(text, "  {phrase}");
    }
    for consequence in holders::consequences(&holders.list) {
        let _ = writeln!(text, "  if removed: {consequence}");
    }
    text
}

/// Returns what prevents a removal besides references. A module that loads has the loader's.
fn obstacle(module: &LoadedModule) -> Option<&'static str> {
    match module.state {
        State::Unloading => Some("it is being removed: its exit function has not returned"),
        State::Live if module.permanent => {
            Some("it has no exit function and cannot be removed until reboot")
        }
        _ => None,
    }
}
