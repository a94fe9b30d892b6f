//! The steps of a replacement, made on the running kernel.

use std::collections::HashMap;
use std::os::fd::AsFd;
use std::path::Path;
use std::time::Instant;

use modutils::diagnosis::Request;
use modutils::file::hexadecimal;
use modutils::loaded::Attributes;
use modutils::replace::{Plan, Resident, Step, Survey};
use modutils::{
    Arguments, Error, Kernel, ModuleFile, ModuleName, Refusal, RemoveMode, Snapshot, Waiting,
};
use serde_json::{Value, json};

use super::again::{force_of, open_again};
use crate::common::signals::Signals;
use crate::common::wait_time::WaitTime;
use crate::insmod::failure::{Failure, Unproven};
use crate::insmod::job::Job;
use crate::insmod::load;
use crate::insmod::options::Replacement;

/// Performs the steps, and records them.
pub(crate) struct Steps<'a> {
    job: Job<'a>,
    how: Replacement,
    survey: &'a Survey,
    /// The files that modules are loaded from, open since before the first step: a path may mean
    /// another file by the time it is needed.
    files: HashMap<ModuleName, ModuleFile>,
    /// When `--wait` ends.
    end: Option<Instant>,
    signals: Option<&'a Signals>,
    /// A record for each step.
    pub(crate) done: Vec<Value>,
}

impl<'a> Steps<'a> {
    /// Opens the files of all modules that may be loaded again.
    pub(crate) fn open(
        job: Job<'a>,
        how: Replacement,
        survey: &'a Survey,
        plan: &Plan,
        signals: Option<&'a Signals>,
    ) -> Result<Self, Failure> {
        let mut files = HashMap::new();
        let reloads = plan.steps.iter().filter(|step| matches!(step, Step::Reload { .. }));
        for step in reloads.chain(&plan.rollback) {
            let Some(path) = file_of(survey, step.module()) else { continue };
            files.insert(step.module().clone(), open_again(job, path)?);
        }
        let end = how.wait.and_then(WaitTime::end);
        Ok(Self { job, how, survey, files, end, signals, done: Vec::new() })
    }

    pub(crate) fn perform(&mut self, step: &Step) -> Result<(), Failure> {
        let start = Instant::now();
        let (action, file, result) = match step {
            Step::Remove { module } => ("remove", None, self.remove(module)),
            Step::Load { arguments, .. } => {
                let file = self.job.file;
                (
                    "load",
                    Some(file.path()),
                    self.insert(file, arguments, step).and_then(|()| self.prove()),
                )
            }
            Step::Restore { module, arguments } | Step::Reload { module, arguments } => {
                let action = if matches!(step, Step::Reload { .. }) { "reload" } else { "restore" };
                let Some(file) = self.files.get(module) else { return Ok(()) };
                (action, Some(file.path()), self.insert(file, arguments, step))
            }
            _ => return Ok(()),
        };
        let outcome = match (&result, action) {
            (Err(_), _) => "failed",
            (Ok(()), "remove") => "removed",
            (Ok(()), _) => "loaded",
        };
        self.done.push(json!({
            "action": action,
            "module": step.module().to_string(),
            "file": file.map(|path| path.to_string_lossy()),
            "outcome": outcome,
            "milliseconds": u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX),
        }));
        if result.is_ok() && self.job.reporter.is_verbose() {
            let from = file.map(|path| format!(" from {}", path.display())).unwrap_or_default();
            self.job.reporter.tell(format!("{outcome} {}{from}", step.module()).as_bytes());
        }
        result
    }

    fn remove(&self, module: &ModuleName) -> Result<(), Failure> {
        let kernel = self.job.kernel;
        let result = if self.how.wait.is_some() {
            let mut waiting = Waiting::until(self.end).unless_used_by_modules();
            if let Some(signals) = self.signals {
                waiting = waiting.or_stopped_by(signals.as_fd());
            }
            kernel.remove_when_free(module, RemoveMode::Refuse, waiting)
        } else if self.signals.is_some_and(Signals::has_come) {
            return Err(Failure::interrupted(module));
        } else {
            kernel.remove(module, RemoveMode::Refuse)
        };
        match result {
            // Another process removed it: so be it.
            Err(error) if matches!(error.refusal(), Refusal::NotLoaded { .. }) => Ok(()),
            result => result.map_err(|error| Failure::not_removed(&error)),
        }
    }

    fn insert(&self, file: &ModuleFile, arguments: &Arguments, step: &Step) -> Result<(), Failure> {
        load::load(self.job, Request { file, arguments, force: force_of(self.job, step) })
    }

    /// Compares the build that is loaded now with the file's, if that has an ID.
    fn prove(&self) -> Result<(), Failure> {
        let Some(file) = &self.survey.build_id else { return Ok(()) };
        let name = &self.survey.name;
        let loaded = Attributes::new(self.job.kernel, name).build_id();
        let is_listed = || Some(Snapshot::take(self.job.kernel).ok()?.get(name).is_some());
        unproven(file, loaded, is_listed).map_or(Ok(()), |it| Err(Failure::not_proven(name, it)))
    }
}

/// Nothing but the same build ID proves that a file was loaded.
fn unproven(
    file: &[u8],
    loaded: Result<Option<Vec<u8>>, Error>,
    is_listed: impl FnOnce() -> Option<bool>,
) -> Option<Unproven> {
    match loaded {
        Ok(Some(loaded)) if loaded == file => None,
        Ok(Some(loaded)) => {
            let (loaded, file) = (hexadecimal(&loaded), hexadecimal(file));
            Some(Unproven::AnotherBuild { loaded, file })
        }
        Ok(None) if is_listed() == Some(false) => Some(Unproven::NotLoaded),
        Ok(None) => Some(Unproven::Unreadable("sysfs shows no build ID of the module".to_owned())),
        Err(error) => Some(Unproven::Unreadable(format!("the build ID is unreadable: {error}"))),
    }
}

/// The file that a loaded module is loaded from again.
pub(crate) fn file_of<'a>(survey: &'a Survey, module: &ModuleName) -> Option<&'a Path> {
    let residents = survey.users.iter().chain(&survey.old);
    let mut found = residents.filter(|resident| resident.module.name == *module);
    found.find_map(|resident| resident.file.as_deref())
}

/// Returns which module is loaded now, in one line.
pub(crate) fn standing(kernel: &Kernel, survey: &Survey) -> String {
    let Ok(snapshot) = Snapshot::take(kernel) else {
        return "which modules are loaded now is unknown: /proc/modules cannot be read".to_owned();
    };
    let name = &survey.name;
    let mut text = if snapshot.get(name).is_none() {
        format!("{name} is not loaded now")
    } else {
        let loaded = Attributes::new(kernel, name).build_id().ok().flatten();
        match loaded.as_ref().map(|id| (which(survey, id), hexadecimal(id))) {
            Some((which, id)) => {
                format!("the {which} build of {name} is loaded now (build ID {id})")
            }
            None => format!("{name} is loaded now"),
        }
    };
    let is_loaded = |user: &&Resident| snapshot.get(&user.module.name).is_some();
    let (with, without): (Vec<&Resident>, Vec<&Resident>) =
        survey.users.iter().partition(is_loaded);
    if !with.is_empty() {
        text = format!("{text}, with {}", names(&with));
    }
    if !without.is_empty() {
        text = format!("{text}; not loaded: {}", names(&without));
    }
    text
}

fn which(survey: &Survey, id: &Vec<u8>) -> &'static str {
    let old = survey.old.as_ref().and_then(|old| old.build_id.as_ref());
    match (survey.build_id.as_ref() == Some(id), old == Some(id)) {
        (true, true) => "same",
        (true, false) => "new",
        (false, true) => "old",
        (false, false) => "other",
    }
}

fn names(residents: &[&Resident]) -> String {
    let names: Vec<_> = residents.iter().map(|one| one.module.name.to_string()).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_the_same_build_is_a_proof() {
        let error = || ModuleFile::open("/nonexistent").map(|_| ()).unwrap_err();
        let found = |loaded, listed| unproven(b"\x0a", loaded, || listed);
        let unreadable = |found| matches!(found, Some(Unproven::Unreadable(_)));
        assert_eq!(found(Ok(Some(vec![10])), None), None);
        let other = Unproven::AnotherBuild { loaded: "0b".to_owned(), file: "0a".to_owned() };
        assert_eq!(found(Ok(Some(vec![11])), None), Some(other));
        assert_eq!(found(Ok(None), Some(false)), Some(Unproven::NotLoaded));
        assert!(unreadable(found(Ok(None), Some(true))));
        assert!(unreadable(found(Ok(None), None)));
        assert!(unreadable(found(Err(error()), Some(true))));
    }
}
