//! `--replace`: another build in place of the one that is loaded.
//!
//! Nothing is touched before everything that can be checked has been; from the moment the first
//! module is removed, each way out ends with a line that says which module is loaded.

mod again;
mod check;
mod steps;

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;

use modutils::Arguments;
use modutils::diagnosis::CommandLine;
use modutils::replace::{self, Obstacle, Plan, Step, Survey, Wishes};

use super::failure::Failure;
use super::job::Job;
use super::load;
use super::options::{Replacement, TOOL};
use super::report::{Outcome, Report};
use crate::common::output;
use crate::common::signals::Signals;
use steps::Steps;

pub(crate) fn run(job: Job<'_>, how: Replacement) -> Report {
    let survey = match Survey::take(job.kernel, job.file, job.arguments) {
        Ok(survey) => survey,
        Err(error) => return check::unreadable(job, &error).into(),
    };
    let module = Some(survey.name.to_string());
    let (plan, warnings) = match prepare(job, how, &survey) {
        Ok(prepared) => prepared,
        Err(failure) => return Report { module, ..failure.into() },
    };
    let report = if plan.steps.is_empty() {
        Ok(Outcome::Already).into()
    } else if job.options.check {
        show(job, &survey, &plan).map(|()| Outcome::WouldLoad).into()
    } else {
        // A signal from here on ends the replacement between two steps.
        let signals = Signals::collect();
        let report = perform(job, how, &survey, &plan, signals.as_ref());
        let signal = signals.and_then(|signals| signals.status());
        // One that came too late to stop anything leaves the question, too.
        if signal.is_some() && report.result.is_ok() && !job.reporter.is_verbose() {
            job.reporter.tell(steps::standing(job.kernel, &survey).as_bytes());
        }
        Report { signal, ..report }
    };
    Report { module, warnings, ..report }
}

/// Finds out everything before the first step: the plan, and the warnings about it.
fn prepare(
    job: Job<'_>,
    how: Replacement,
    survey: &Survey,
) -> Result<(Plan, Vec<String>), Failure> {
    let wishes = Wishes {
        recursive: how.recursive,
        wait: how.wait.is_some(),
        keep_parameters: how.keep_parameters,
        if_needed: job.options.if_needed,
    };
    let stands = |failure: Failure| match &survey.old {
        Some(_) => failure.with_last_line(steps::standing(job.kernel, survey)),
        None => failure,
    };
    let plan = replace::plan(survey, job.arguments, wishes)
        .map_err(|obstacle| stands(in_the_way(job, &obstacle)))?;
    if plan.steps.is_empty() {
        return Ok((plan, Vec::new()));
    }
    check::all(job, survey, &plan).map_err(stands)?;
    let mut warnings: Vec<String> = plan
        .hidden
        .iter()
        .map(|(module, hidden)| {
            format!(
                "parameters of {module} that sysfs does not show return to their defaults: {}",
                hidden.join(", ")
            )
        })
        .collect();
    if survey.build_id.is_none() {
        let file = job.file.path().display();
        warnings.push(format!("{file} has no build ID: the loaded build cannot be verified"));
    }
    if !plan.dropped.is_empty() {
        warnings.push(format!(
            "parameters that the new {} does not have were dropped: {}",
            survey.name,
            plan.dropped.join(", ")
        ));
    }
    Ok((plan, load::remark(job, warnings)))
}

fn perform(
    job: Job<'_>,
    how: Replacement,
    survey: &Survey,
    plan: &Plan,
    signals: Option<&Signals>,
) -> Report {
    let loaded = match load::only_dependencies(job, signals) {
        Ok(loaded) => loaded,
        Err(failure) => return failure.into(),
    };
    let dependencies = load::listed(&loaded);
    let mut steps = match Steps::open(job, how, survey, plan, signals) {
        Ok(steps) => steps,
        Err(failure) => {
            let failure = failure.with_last_line(steps::standing(job.kernel, survey));
            return Report { dependencies, ..failure.into() };
        }
    };
    let result = replace::carry_out(plan, &mut |step| steps.perform(step));
    let standing = steps::standing(job.kernel, survey);
    let result = match result {
        Ok(()) => {
            if job.reporter.is_verbose() {
                job.reporter.tell(standing.as_bytes());
            }
            Ok(Outcome::Loaded)
        }
        Err(incomplete) => {
            if matches!(incomplete.step, Step::Remove { .. } | Step::Load { .. }) {
                load::take_out(job.kernel, &loaded);
            }
            Err(incomplete.error.with_last_line(standing))
        }
    };
    Report { dependencies, steps: steps.done, ..result.into() }
}

/// The failure for an obstacle, with what would help.
fn in_the_way(job: Job<'_>, obstacle: &Obstacle) -> Failure {
    let name = obstacle.module().map(ToString::to_string).unwrap_or_default();
    let line = match obstacle {
        Obstacle::Users { users, .. } => {
            let users: Vec<_> = users.iter().map(ToString::to_string).collect();
            format!("Module {name} is in use by: {}", users.join(" "))
        }
        Obstacle::Held { .. } => format!("Module {name} is in use"),
        _ => format!("could not replace module {}", job.file.path().display()),
    };
    Failure::in_the_way(
        line,
        obstacle.class().into(),
        obstacle.kind(),
        obstacle.to_string(),
        obstacle.remedies(),
    )
}

/// `--check`: the steps as the commands that would do the same.
fn show(job: Job<'_>, survey: &Survey, plan: &Plan) -> Result<(), Failure> {
    if job.options.json {
        return Ok(());
    }
    let mut text = String::new();
    for step in &plan.steps {
        text.push_str(&command(job, survey, step));
        text.push('\n');
    }
    output::show(text.as_bytes()).map_err(Failure::not_written)
}

fn command(job: Job<'_>, survey: &Survey, step: &Step) -> String {
    let insert = |file: &Path, arguments: &Arguments| {
        let command = CommandLine::new(TOOL).operands([file]);
        let words = arguments.iter().map(|(name, value)| {
            let value = value.map(|value| [b"=".as_slice(), &value].concat());
            OsString::from_vec([name, value.unwrap_or_default()].concat())
        });
        words.fold(command, CommandLine::word).to_string()
    };
    match step {
        Step::Load { arguments, .. } => insert(job.file.path(), arguments),
        Step::Reload { module, arguments } | Step::Restore { module, arguments } => {
            steps::file_of(survey, module).map_or_else(String::new, |file| insert(file, arguments))
        }
        _ => CommandLine::new("rmmod").operands([step.module().as_os_str()]).to_string(),
    }
}
