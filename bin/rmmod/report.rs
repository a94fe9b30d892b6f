//! The result of each module: messages as it happens, and a record for the end.

use std::ffi::OsStr;
use std::path::Path;

use modutils::diagnosis::WayOut;
use modutils::holders::{HolderKind, Holders, Recording};
use modutils::loaded::LoadedModule;
use modutils::remove::{Extent, RemoveError};
use modutils::{Errno, Error, ModuleName, Refusal, RemoveMode, Snapshot, System};
use serde_json::{Value, json};

use super::explain::{self, Account};
use super::options::{Options, TOOL};
use super::output::{self, Results};
use super::targets::{self, Targets, Unusable};
use super::{holders, message, recorded};
use crate::common::argument::{is_path, name_of};
use crate::common::invocation::Invocation;
use crate::common::output::{not_written, show};
use crate::common::report::{Explanation, Reporter};
use crate::common::results::Record;
use crate::common::status::Status;
use crate::common::{absence, refusal};

pub(crate) struct Report<'a> {
    options: &'a Options,
    reporter: &'a Reporter,
    system: &'a System,
    records: Vec<Record>,
    text: String,
    first_failure: Option<Status>,
    /// Modules that stayed because of another that was reported.
    behind: Vec<(ModuleName, ModuleName)>,
}

impl<'a> Report<'a> {
    pub(crate) fn new(options: &'a Options, reporter: &'a Reporter, system: &'a System) -> Self {
        let (records, text, behind) = (Vec::new(), String::new(), Vec::new());
        Self { options, reporter, system, records, text, first_failure: None, behind }
    }

    /// Returns the results of the whole call.
    pub(crate) fn finish(self) -> Results {
        for behind in self.behind.chunk_by(|a, b| a.1 == b.1) {
            let names: Vec<_> = behind.iter().map(|(name, _)| name.to_string()).collect();
            if let Some((_, first)) = behind.first() {
                let line = format!("not removed because {first} stays loaded: {}", names.join(" "));
                self.reporter.error(line.as_bytes(), &Explanation::default());
            }
        }
        let status = self.first_failure.unwrap_or(Status::Done);
        Results { status, records: self.records, text: self.text }
    }

    fn fail(&mut self, status: Status) {
        self.first_failure.get_or_insert(status);
    }

    /// The command line names no module.
    pub(crate) fn no_module(&mut self) {
        let line = "missing module name.";
        self.reporter.error(line.as_bytes(), &Explanation::default());
        let (status, message) = (Status::Usage, Some(line.to_owned()));
        let failed =
            Record { outcome: "failed", status: status as u8, message, ..Record::default() };
        self.records.push(failed);
        self.fail(status);
    }

    /// Without a list nothing was tried: each requested module failed.
    pub(crate) fn no_list(&mut self, error: &Error) {
        let line = message::no_list(error);
        let cause = error.is_absent().then(|| absence::cause(self.system).to_owned());
        let kind = match &cause {
            Some(_) if self.system.has_proc() => "no-unload-support",
            _ => "unknown",
        };
        let text = cause.clone().unwrap_or_else(|| error.to_string());
        self.records.extend(self.options.modules.iter().map(|argument| Record {
            outcome: "failed",
            status: Status::Failed as u8,
            errno: error.errno().map(Errno::name),
            message: Some(String::from_utf8_lossy(&line).into_owned()),
            cause: Some(json!({ "kind": kind, "text": text })),
            ..asked(argument)
        }));
        self.reporter.error(&line, &Explanation { cause, ..Explanation::default() });
        self.fail(Status::Failed);
    }

    pub(crate) fn unusable(&mut self, argument: &Unusable<'_>) {
        let (status, kind, given) = match argument {
            Unusable::NoMatch(pattern) => (Status::Already, "not-loaded", pattern),
            Unusable::Name(argument, _) => (Status::Failed, "unknown", argument),
        };
        let excused = status == Status::Already && self.options.if_loaded;
        let line = message::unusable(argument);
        let text = match argument {
            Unusable::NoMatch(_) => "no loaded module matches this pattern".to_owned(),
            Unusable::Name(_, error) => error.detail().to_owned(),
        };
        let module = Some(given.to_string_lossy().into_owned());
        if excused {
            self.records.push(Record { module, outcome: "already", ..Record::default() });
            return;
        }
        self.records.push(Record {
            module,
            outcome: if status == Status::Already { "already" } else { "failed" },
            status: status as u8,
            message: Some(String::from_utf8_lossy(&line).into_owned()),
            cause: Some(json!({ "kind": kind, "text": text })),
            ..Record::default()
        });
        self.reporter.error(&line, &Explanation { cause: Some(text), ..Explanation::default() });
        self.fail(status);
    }

    /// A module that was not removed, or would not be.
    /// Where it stayed because of `first`, which was reported, that is all there is to say.
    pub(crate) fn refused(
        &mut self,
        error: &RemoveError,
        targets: &Targets,
        first: Option<&ModuleName>,
    ) {
        let status = error.refusal().class().into();
        let Some(first) = first else { return self.failed(error, targets, status) };
        let line = refusal::not_removed(error, self.options.mode);
        if self.reporter.explains() {
            self.behind.push((error.name().clone(), first.clone()));
        } else {
            self.reporter.error(&line, &Explanation::default());
        }
        self.fail(status);
        let text = format!("not removed because {first} stays loaded");
        self.records.push(Record {
            outcome: if self.options.is_dry_run() { "would-fail" } else { "failed" },
            status: status as u8,
            errno: Some(error.errno().name()),
            message: Some(String::from_utf8_lossy(&line).into_owned()),
            cause: cause(error.refusal(), Some(text)),
            ..record(error.name(), targets)
        });
    }

    /// A module that was not removed because of a signal, which tells the status of the whole call,
    /// whatever failed before.
    pub(crate) fn interrupted(&mut self, error: &RemoveError, targets: &Targets, status: Status) {
        self.first_failure = Some(status);
        self.failed(error, targets, status);
    }

    fn failed(&mut self, error: &RemoveError, targets: &Targets, status: Status) {
        let absent = matches!(error.refusal(), Refusal::NotLoaded { .. });
        let excused = absent && (self.options.if_loaded || !targets.is_named(error.name()));
        if excused {
            self.records.push(Record { outcome: "already", ..record(error.name(), targets) });
            return;
        }
        let line = refusal::not_removed(error, self.options.mode);
        let account = if self.options.json || self.reporter.explains() {
            explain::account(self.system, error)
        } else {
            Account::default()
        };
        let invocation = self.invocation(error.name(), targets);
        let mut fix: Vec<WayOut> =
            account.remedies.iter().filter_map(|remedy| invocation.show(remedy)).collect();
        fix.extend(explain::time_meant(self.options, error, &invocation));
        self.reporter.error(
            &line,
            &Explanation {
                cause: account.cause.clone(),
                fix: fix.clone(),
                ..Explanation::default()
            },
        );
        self.fail(status);
        let failed = if self.options.is_dry_run() { "would-fail" } else { "failed" };
        self.records.push(Record {
            outcome: if absent { "already" } else { failed },
            status: status as u8,
            errno: Some(error.errno().name()),
            message: Some(String::from_utf8_lossy(&line).into_owned()),
            cause: cause(error.refusal(), account.cause),
            fix,
            holders: account.holders.as_ref().map(holders::to_json),
            unexplained: account.holders.as_ref().and_then(unexplained),
            ..record(error.name(), targets)
        });
    }

    /// The call to repeat for one module: some of the others may be gone.
    fn invocation(&self, name: &ModuleName, targets: &Targets) -> Invocation {
        let whole = Invocation::of_process(TOOL);
        match targets.file_of(name) {
            _ if self.options.modules.len() == 1 => whole,
            Some(file) => whole.for_operand(file),
            None if self.options.extent == Extent::WithUsers && !targets.is_named(name) => whole,
            None => whole.for_operand(name.as_os_str()),
        }
    }

    /// `--who`: the holders of a module.
    pub(crate) fn held(&mut self, module: &LoadedModule, targets: &Targets) {
        if !self.options.json {
            self.text.push_str(&output::who(self.system, module));
            return;
        }
        let holders = self.system.holders(module);
        self.records.push(Record {
            outcome: "held",
            holders: Some(holders::to_json(&holders)),
            unexplained: unexplained(&holders),
            warnings: holders.uninspected().into_iter().collect(),
            state: Some(module.state.to_string()),
            permanent: Some(module.permanent),
            ..record(&module.name, targets)
        });
    }

    /// Prints the text so far: the rest takes a while.
    pub(crate) fn flush(&mut self) {
        if let Err(errno) = show(std::mem::take(&mut self.text).as_bytes()) {
            self.reporter.error(not_written(errno).as_bytes(), &Explanation::default());
            self.fail(Status::Failed);
        }
    }

    /// `--who --wait`: the references to a module that were taken and dropped.
    pub(crate) fn recorded(&mut self, name: &ModuleName, recording: &Recording) {
        if !self.options.json {
            self.text.push_str(&recorded::text(name, recording));
            return;
        }
        let module = Some(name.to_string());
        if let Some(record) = self.records.iter_mut().find(|record| record.module == module) {
            record.recorded = Some(recorded::to_json(name, recording));
        }
    }

    /// `--who --wait` cannot record.
    pub(crate) fn not_recorded(&mut self, error: &Error) {
        let path = error.path().map(|path| path.display().to_string()).unwrap_or_default();
        let line = format!("could not record references: {path}: {}", error.detail());
        self.reporter.error(line.as_bytes(), &Explanation::default());
        let is_refused = matches!(error.errno(), Some(Errno::EACCES | Errno::EPERM));
        self.fail(if is_refused { Status::NotPermitted } else { Status::Failed });
    }

    /// A signal ended the call, with nothing left to try: these modules are gone.
    pub(crate) fn stopped(&mut self, status: Status, gone: &[ModuleName]) {
        self.first_failure = Some(status);
        if !gone.is_empty() && !self.reporter.is_verbose() {
            let names: Vec<_> = gone.iter().map(ToString::to_string).collect();
            self.reporter.tell(format!("removed {}", names.join(", ")).as_bytes());
        }
    }

    /// A module that was asked about and is not loaded.
    pub(crate) fn absent(&mut self, snapshot: &Snapshot, name: &ModuleName, targets: &Targets) {
        if let Err(error) = self.system.check_remove(snapshot, name, self.options.mode, &[]) {
            self.refused(&error, targets, None);
        }
    }

    /// A module that would be removed, with the doubts.
    pub(crate) fn would_go(
        &mut self,
        module: Option<&LoadedModule>,
        name: &ModuleName,
        targets: &Targets,
        doubts: &[String],
    ) {
        let bound = module.map(|module| self.system.bound_to(module)).unwrap_or_default();
        let warnings = [doubts, &holders::consequences(&bound)].concat();
        if self.options.json {
            self.records.push(Record {
                outcome: "would-remove",
                warnings,
                ..record(name, targets)
            });
            return;
        }
        let line = [b"rmmod ", name.as_bytes(), b"\n"].concat();
        if let Err(errno) = show(&line) {
            self.reporter.error(not_written(errno).as_bytes(), &Explanation::default());
            self.fail(Status::Failed);
        }
        for warning in &warnings {
            self.reporter.warn(warning);
        }
    }

    /// On a terminal, says what goes away with a module before it is removed.
    pub(crate) fn warn_of_consequences(&self, name: &ModuleName) {
        if !self.reporter.explains() {
            return;
        }
        let snapshot = Snapshot::take(self.system).ok();
        let Some(module) = snapshot.as_ref().and_then(|snapshot| snapshot.get(name)) else {
            return;
        };
        if module.refcnt != Some(0) {
            return;
        }
        let mut bound = self.system.bound_to(module);
        bound.retain(|holder| matches!(holder.kind, HolderKind::Interface { .. }));
        for consequence in holders::consequences(&bound) {
            self.reporter.warn(&consequence);
        }
    }

    /// The facts about a module before it is removed by force.
    pub(crate) fn before(&self, name: &ModuleName) -> Option<LoadedModule> {
        let asked = self.options.json || self.reporter.is_verbose();
        if self.options.mode == RemoveMode::Refuse || !asked {
            return None;
        }
        Snapshot::take(self.system).ok()?.get(name).cloned()
    }

    pub(crate) fn removed(
        &mut self,
        name: &ModuleName,
        before: Option<&LoadedModule>,
        targets: &Targets,
    ) {
        let forced = before.map(explain::forced);
        if self.reporter.is_verbose() {
            self.reporter.tell(&[b"removed ", name.as_bytes()].concat());
            if let Some(forced) = &forced {
                self.reporter.warn(forced);
            }
            if let Some(text) = explain::comeback(self.system, name) {
                self.reporter.tell(text.as_bytes());
            }
        }
        if self.options.json {
            self.records.push(Record {
                outcome: "removed",
                warnings: forced.into_iter().collect(),
                ..record(name, targets)
            });
        }
    }
}

/// The refusal as data, with the sentence that names the holders.
fn cause(refusal: &Refusal, text: Option<String>) -> Option<Value> {
    let mut value = serde_json::to_value(refusal).ok()?;
    if let (Some(object), Some(text)) = (value.as_object_mut(), text) {
        object.insert("text".to_owned(), text.into());
    }
    Some(value)
}

fn unexplained(holders: &Holders) -> Option<i64> {
    holders.unexplained.map(|count| i64::try_from(count).unwrap_or(i64::MAX))
}

/// An argument as the user wrote it: a name, a pattern, or a file.
fn asked(argument: &OsStr) -> Record {
    let text = argument.to_string_lossy().into_owned();
    if is_path(argument) {
        let name = name_of(argument).ok().map(|name| name.to_string());
        return Record { module: name, file: Some(text), ..Record::default() };
    }
    let name = name_of(argument).ok().filter(|_| !targets::is_pattern(argument));
    Record { module: Some(name.map_or(text, |name| name.to_string())), ..Record::default() }
}

fn record(name: &ModuleName, targets: &Targets) -> Record {
    Record {
        module: Some(name.to_string()),
        file: targets.file_of(name).map(|file| Path::new(file).display().to_string()),
        ..Record::default()
    }
}
