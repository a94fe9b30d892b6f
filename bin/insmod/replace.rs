//! `--replace`: another build in place of the one that is loaded.
//!
//! Nothing is touched before everything that can be checked has been; from the moment the first
//! module is removed, each way out ends with a line that says which module is loaded.

mod check;
mod steps;

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;

use modutils::diagnosis::{Change, CommandLine, Remedy};
use modutils::replace::{self, Obstacle, Plan, Step, Survey, Wishes};
use modutils::{Arguments, Kernel, ModuleFile};

use crate::common::output;
use crate::common::report::Reporter;
use crate::common::results::Record;
use crate::common::signals::Signals;
use crate::common::status::Status;
use crate::insmod::TOOL;
use crate::insmod::cli::Cli;
use crate::insmod::failure::Failure;
use crate::insmod::load::{self, Outcome};
use steps::Steps;

/// What a replacement needs throughout.
#[derive(Clone, Copy)]
pub(crate) struct Job<'a> {
    pub(crate) kernel: &'a Kernel,
    pub(crate) cli: &'a Cli,
    pub(crate) reporter: &'a Reporter,
    pub(crate) file: &'a ModuleFile,
    pub(crate) arguments: &'a Arguments,
}

/// How it ended: what happened, and a signal that came meanwhile.
pub(crate) struct Ended {
    pub(crate) result: Result<Outcome, Failure>,
    pub(crate) signal: Option<Status>,
}

impl From<Result<Outcome, Failure>> for Ended {
    fn from(result: Result<Outcome, Failure>) -> Self {
        Self { result, signal: None }
    }
}

pub(crate) fn run(job: Job<'_>, record: &mut Record) -> Ended {
    let (survey, plan) = match prepare(job, record) {
        Ok(Some(prepared)) => prepared,
        Ok(None) => return Ok(Outcome::Already).into(),
        Err(failure) => return Err(failure).into(),
    };
    if job.cli.check {
        return show(job, &survey, &plan).map(|()| Outcome::WouldLoad).into();
    }
    // A signal from here on ends the replacement where nothing is half done.
    let signals = Signals::collect();
    let result = perform(job, &survey, &plan, signals.as_ref(), record);
    Ended { result, signal: signals.and_then(|signals| signals.status()) }
}

/// Everything that can be found out before the first step; `None` if there is nothing to do.
fn prepare(job: Job<'_>, record: &mut Record) -> Result<Option<(Survey, Plan)>, Failure> {
    let Job { kernel, cli, file, arguments, .. } = job;
    let survey = match Survey::take(kernel, file, arguments) {
        Ok(survey) => survey,
        Err(error) => return Err(check::unreadable(job, &error)),
    };
    record.module = Some(survey.name.to_string());
    let wishes = Wishes {
        recursive: cli.recursive,
        wait: cli.wait.is_some(),
        keep_parameters: cli.keep_params,
        if_needed: cli.if_needed,
    };
    let stands = |failure: Failure| match &survey.old {
        Some(_) => failure.with_last_line(steps::standing(kernel, &survey)),
        None => failure,
    };
    let plan = replace::plan(&survey, arguments, wishes)
        .map_err(|obstacle| stands(in_the_way(job, &obstacle)))?;
    if plan.steps.is_empty() {
        return Ok(None);
    }
    check::all(job, &survey, &plan).map_err(stands)?;
    for (module, hidden) in &plan.hidden {
        let warning = format!(
            "parameters of {module} that sysfs does not show return to their defaults: {}",
            hidden.join(", ")
        );
        load::remark(cli, job.reporter, vec![warning], record);
    }
    if !plan.dropped.is_empty() {
        let warning = format!(
            "parameters that the new {} does not have were dropped: {}",
            survey.name,
            plan.dropped.join(", ")
        );
        load::remark(cli, job.reporter, vec![warning], record);
    }
    Ok(Some((survey, plan)))
}

fn perform(
    job: Job<'_>,
    survey: &Survey,
    plan: &Plan,
    signals: Option<&Signals>,
    record: &mut Record,
) -> Result<Outcome, Failure> {
    let loaded = load::with_dependencies(job.kernel, job.cli, job.reporter, job.file, record)?;
    let mut steps = Steps::open(job, survey, plan, signals)
        .map_err(|failure| failure.with_last_line(steps::standing(job.kernel, survey)))?;
    let result = replace::carry_out(plan, &mut |step| steps.perform(step));
    record.steps = steps.done;
    let standing = steps::standing(job.kernel, survey);
    match result {
        Ok(()) => {
            if job.cli.common.verbose {
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
    }
}

/// The words for what keeps a replacement from being begun, and what would help.
fn in_the_way(job: Job<'_>, obstacle: &Obstacle) -> Failure {
    let remedies = match obstacle {
        Obstacle::Users { .. } => vec![Remedy::Repeat(Change::Recursive)],
        Obstacle::Held { .. } | Obstacle::Initializing { .. } | Obstacle::BeingUnloaded { .. } => {
            vec![Remedy::Repeat(Change::Wait)]
        }
        _ => Vec::new(),
    };
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
        remedies,
    )
}

/// `--check`: the steps as the commands that would do the same.
fn show(job: Job<'_>, survey: &Survey, plan: &Plan) -> Result<(), Failure> {
    if job.cli.json {
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
