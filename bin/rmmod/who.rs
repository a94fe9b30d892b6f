//! `rmmod --who`: who holds the modules, without removing them.

use std::fmt::Write;

use modutils::loaded::{LoadedModule, State};
use modutils::{Snapshot, System};

use crate::common::output;
use crate::common::report::{Explanation, Reporter};
use crate::common::status::Status;
use crate::rmmod::cli::Cli;
use crate::rmmod::holders;
use crate::rmmod::outcomes::Outcomes;
use crate::rmmod::targets::Targets;

pub(crate) fn run(
    cli: &Cli,
    reporter: &Reporter,
    system: &System,
    mut outcomes: Outcomes<'_>,
) -> Status {
    let snapshot = match Snapshot::take(system) {
        Ok(snapshot) => snapshot,
        Err(error) => {
            outcomes.no_list(system, &error);
            return outcomes.finish();
        }
    };
    let (targets, unusable) =
        Targets::find(&cli.modules, Some(&snapshot), modutils::remove::Extent::Named);
    for argument in &unusable {
        outcomes.unusable(argument);
    }
    let mut text = String::new();
    for name in &targets.order {
        match snapshot.get(name) {
            Some(module) if cli.json => outcomes.held(system, module, &targets),
            Some(module) => describe(system, module, &mut text),
            None => outcomes.absent(system, &snapshot, name, &targets),
        }
    }
    let written = output::show(text.as_bytes());
    let status = outcomes.finish();
    match written {
        Ok(()) => status,
        Err(errno) => {
            let line = format!("could not write: {errno}");
            reporter.error(line.as_bytes(), &Explanation::default());
            Status::Failed
        }
    }
}

fn describe(system: &System, module: &LoadedModule, text: &mut String) {
    let holders = system.holders(module);
    let _ = writeln!(text, "{}: {}", module.name, holders::count(module));
    let phrases = holders::phrases(module, &holders).into_iter();
    for phrase in phrases.chain(obstacle(module).map(str::to_owned)) {
        let _ = writeln!(text, "  {phrase}");
    }
    for consequence in holders::consequences(&holders.list) {
        let _ = writeln!(text, "  if removed: {consequence}");
    }
}

/// What keeps it from being removed beside its references. Of a module that loads, the loader's
/// reference tells.
fn obstacle(module: &LoadedModule) -> Option<&'static str> {
    match module.state {
        State::Unloading => Some("it is being removed: its exit function has not returned"),
        State::Live if module.permanent => {
            Some("it has no exit function and cannot be removed until reboot")
        }
        _ => None,
    }
}
