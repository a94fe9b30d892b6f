//! Standard output: results as JSON, holders as text.

use std::fmt::Write;

use modutils::System;
use modutils::diagnosis::{Remedy, WayOut};
use modutils::loaded::{LoadedModule, State};

use super::holders;
use super::options::{Options, TOOL};
use crate::common::invocation::Invocation;
use crate::common::output;
use crate::common::report::Reporter;
use crate::common::results::{self, Record};
use crate::common::status::Status;
use crate::common::unprintable::escaped;

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
    let invocation = Invocation::of_process(TOOL);
    let holders = system.holders(module);
    let mut text = format!("{}: {}\n", module.name, holders::count(module));
    let mut advised = Vec::new();
    // Writing to a String cannot fail.
    for holder in holders.holding() {
        let _ = writeln!(text, "  {}", escaped(holder.to_string().as_bytes()));
        for way_out in holders::ways_out_of(holder) {
            if !advised.contains(&way_out) {
                let shown = invocation.show(&Remedy::Other(way_out.clone()));
                if let Some(WayOut::Command(what) | WayOut::Step(what)) = shown {
                    let _ = writeln!(text, "    fix: {what}");
                }
                advised.push(way_out);
            }
        }
    }
    if holders.holding().next().is_none() && module.refcnt == Some(0) {
        text.push_str("  not in use\n");
    }
    let rest = holders.remainder().into_iter();
    for phrase in rest.chain(obstacle(module).map(str::to_owned)) {
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
