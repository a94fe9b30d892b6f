//! The result of a call: messages, and the record for JSON.

use std::ffi::OsStr;

use modutils::diagnosis::{Diagnosis, Remedy, WayOut};
use modutils::{Cause, Errno};
use serde_json::{Value, json};

use super::failure::Failure;
use super::options::{Action, Options, TOOL};
use crate::common::invocation::Invocation;
use crate::common::report::{Explanation, Reporter};
use crate::common::results::Record;
use crate::common::status::Status;

/// A success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Loaded,
    Already,
    WouldLoad,
}

/// The result of a call.
pub(crate) struct Report {
    pub(crate) result: Result<Outcome, Failure>,
    /// The name of the module, unless the failure has it.
    pub(crate) module: Option<String>,
    /// Modules that were loaded before it.
    pub(crate) dependencies: Vec<Value>,
    /// The steps of a replacement.
    pub(crate) steps: Vec<Value>,
    pub(crate) warnings: Vec<String>,
    /// A signal that came meanwhile.
    pub(crate) signal: Option<Status>,
}

impl From<Result<Outcome, Failure>> for Report {
    fn from(result: Result<Outcome, Failure>) -> Self {
        let (dependencies, steps, warnings) = (Vec::new(), Vec::new(), Vec::new());
        Self { result, module: None, dependencies, steps, warnings, signal: None }
    }
}

impl From<Failure> for Report {
    fn from(failure: Failure) -> Self {
        Err(failure).into()
    }
}

impl Report {
    /// Explains a failure, and returns the exit status with the record.
    pub(crate) fn tell(self, options: &Options, reporter: &Reporter) -> (Status, Record) {
        let file = options.file.as_ref().map(|path| path.to_string_lossy().into_owned());
        let record = Record {
            file,
            module: self.module,
            dependencies: self.dependencies,
            steps: self.steps,
            ..Record::default()
        };
        let (status, record) = match self.result {
            Ok(outcome) => (Status::Done, Record { outcome: outcome.word(), ..record }),
            Err(mut failure) => {
                let status = failure.status;
                let last_line = failure.last_line.take();
                let record = failed(failure, options, record, reporter);
                // The first line is that of the failure. With -v, a replacement has said them
                // before its first step.
                if !matches!(options.action, Action::Replace(_)) || !reporter.is_verbose() {
                    self.warnings.iter().for_each(|warning| reporter.warn(warning));
                }
                if let Some(line) = last_line {
                    reporter.tell(line.as_bytes());
                }
                (status, record)
            }
        };
        let status = self.signal.unwrap_or(status);
        (status, Record { status: status as u8, warnings: self.warnings, ..record })
    }
}

impl Outcome {
    fn word(self) -> &'static str {
        match self {
            Self::Loaded => "loaded",
            Self::Already => "already",
            Self::WouldLoad => "would-load",
        }
    }
}

fn failed(failure: Failure, options: &Options, record: Record, reporter: &Reporter) -> Record {
    let fix = fix(&failure, &Invocation::of_process(TOOL), options.file.as_deref());
    let (cause, text, kernel_log) = if let Some(found) = &failure.diagnosis {
        let cause = serde_json::to_value(&found.cause).ok();
        (cause, Some(found.cause.to_string()), found.kernel_log.clone())
    } else {
        let (kind, text) = failure.reason.map(|reason| *reason).unzip();
        (text.as_ref().map(|text| json!({"kind": kind, "text": text})), text, Vec::new())
    };
    // The first line says as much; a program wants the path.
    let is_plain =
        |found: &Diagnosis| matches!(found.cause, Cause::FileNotFound { note: None, .. });
    let text = text.filter(|_| !failure.diagnosis.as_deref().is_some_and(is_plain));
    let explanation = Explanation { cause: text, kernel: kernel_log.clone(), fix: fix.clone() };
    reporter.error(&failure.line, &explanation);
    let module = failure.diagnosis.and_then(|found| found.module).map(|name| name.to_string());
    Record {
        module: module.or(record.module),
        outcome: match failure.status {
            Status::Already => "already",
            _ if options.check => "would-fail",
            _ => "failed",
        },
        errno: failure.errno.map(Errno::name),
        message: Some(failure.text),
        cause,
        kernel_log,
        fix,
        ..record
    }
}

/// What helps, as commands and steps.
fn fix(failure: &Failure, invocation: &Invocation, of_call: Option<&OsStr>) -> Vec<WayOut> {
    let remedies = failure.diagnosis.as_ref().map_or(&failure.remedies, |found| &found.remedies);
    let other = failure.other_file(of_call);
    let show = |remedy: &Remedy| match (other, remedy) {
        (None, _) => invocation.show(remedy),
        // A module that uses the one to replace, and is loaded still: no other file can be.
        (Some(_), Remedy::Instead(_) | Remedy::InstalledInstead(_)) if failure.foreseen => None,
        (Some(file), _) => invocation.show_for(file, remedy),
    };
    remedies.iter().filter_map(show).collect()
}
