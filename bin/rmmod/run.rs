//! One call of rmmod: all its modules, one after another.

use std::os::fd::AsFd;
use std::time::Instant;

use modutils::remove::{Extent, Plan, RemoveError, Used, Users, WaitProgress};
use modutils::{Error, Kernel, ModuleName, Refusal, Snapshot, Waiting};

use super::options::{Action, Options, TOOL};
use super::output;
use super::progress::Progress;
use super::report::Report;
use super::targets::{self, Targets};
use crate::common::report::Reporter;
use crate::common::signals::Signals;
use crate::common::status::Status;
use crate::common::wait_time::WaitTime;
use crate::common::watch::Watch;

pub(crate) fn run(options: &Options) -> Status {
    let reporter = &Reporter::new(TOOL, options.messages);
    let kernel = Kernel::running();
    let report = Report::new(options, reporter, &kernel);
    let session = Session { options, reporter, kernel: &kernel, report };
    output::print(session.run().finish(), options, reporter)
}

struct Session<'a> {
    options: &'a Options,
    reporter: &'a Reporter,
    kernel: &'a Kernel,
    report: Report<'a>,
}

/// `--wait`: the budget of all modules together, and its progress.
struct Patience {
    end: Option<Instant>,
    progress: Option<Progress>,
}

impl<'a> Session<'a> {
    fn run(mut self) -> Report<'a> {
        if self.options.modules.is_empty() {
            self.report.no_module();
            return self.report;
        }
        let snapshot = match self.list() {
            Ok(snapshot) => snapshot,
            Err(error) => {
                self.report.no_list(&error);
                return self.report;
            }
        };
        let (targets, unusable) =
            Targets::find(&self.options.modules, snapshot.as_ref(), self.options.extent);
        for argument in &unusable {
            self.report.unusable(argument);
        }
        match (snapshot, self.options.action) {
            (Some(snapshot), Action::DryRun) => self.foresee(&targets, &snapshot),
            (Some(snapshot), Action::Who) => self.who(&targets, &snapshot),
            _ => self.remove(&targets),
        }
        self.report
    }

    /// The loaded modules, where that matters. One module that is named goes without it, and several
    /// go, if need be, in the order that was given.
    fn list(&self) -> Result<Option<Snapshot>, Error> {
        let options = self.options;
        let needed = options.extent == Extent::WithUsers
            || options.action != Action::Remove
            || options.modules.iter().any(|argument| targets::is_pattern(argument));
        if !needed && options.modules.len() < 2 {
            return Ok(None);
        }
        match Snapshot::take(self.kernel) {
            Err(error) if needed => Err(error),
            snapshot => Ok(snapshot.ok()),
        }
    }

    /// `--who`: the holders of each module; with a time, what takes and drops references meanwhile.
    fn who(&mut self, targets: &Targets, snapshot: &Snapshot) {
        let signals = self.options.wait.and_then(|_| Signals::collect());
        let recorder = self.options.wait.map(|_| self.kernel.record_references(&targets.order));
        for name in &targets.order {
            match snapshot.get(name) {
                Some(module) => self.report.held(module, targets),
                None => self.report.absent(snapshot, name, targets),
            }
        }
        match recorder {
            Some(Ok(recorder)) => {
                self.report.flush();
                let end = self.options.wait.and_then(WaitTime::end);
                let recording = recorder.finish(end, signals.as_ref().map(AsFd::as_fd));
                for name in targets.order.iter().filter(|name| snapshot.get(name).is_some()) {
                    self.report.recorded(name, &recording);
                }
            }
            Some(Err(error)) => self.report.not_recorded(&error),
            None => {}
        }
        if let Some(status) = signals.and_then(|signals| signals.status()) {
            self.report.stopped(status, &[]);
        }
    }

    /// `--dry-run`: what would be removed, in order.
    fn foresee(&mut self, targets: &Targets, snapshot: &Snapshot) {
        let mut plan = Plan::new(targets.order.clone(), self.options.extent);
        let waits = self.options.wait.is_some_and(WaitTime::waits);
        let mut gone = Vec::new();
        while let Some(name) = plan.next_module() {
            let name = &name;
            match self.kernel.check_remove(snapshot, name, self.options.mode, &gone) {
                Err(error) if waits && error.refusal().may_pass() => {
                    let doubt =
                        format!("{name}: {}; --wait waits until that ends", error.refusal());
                    self.report.would_go(error.module(), name, targets, &[doubt]);
                }
                Err(error) => {
                    let Some(doubt) = self.doubt(&error, &gone) else {
                        self.refused(&mut plan, &error, targets);
                        continue;
                    };
                    let module = error.module();
                    self.report.would_go(module, name, targets, &[doubt]);
                }
                Ok(()) => {
                    let module = snapshot.get(name);
                    self.report.would_go(module, name, targets, &[]);
                }
            }
            gone.push(name.clone());
        }
    }

    /// Unpredictable: a driver that releases its devices can free references of unknown
    /// origin, and those of the devices.
    fn doubt(&self, error: &RemoveError, gone: &[ModuleName]) -> Option<String> {
        if gone.is_empty() || !matches!(error.refusal(), Refusal::InUse { .. }) {
            return None;
        }
        let module = error.module()?;
        let holders = self.kernel.holders(module);
        let reason = match holders.unexplained? {
            0 => {
                let mut holding = holders.list.iter().filter(|holder| holder.references > 0);
                let device = holding.find(|holder| holder.kind.is_device_in_use())?;
                device.kind.to_string()
            }
            1 => "1 reference of unknown origin".to_owned(),
            unknown => format!("{unknown} references of unknown origin"),
        };
        Some(format!("{}: {reason}; it may stay in use", module.name))
    }

    /// Reports a failure; of a module behind another that was reported, only that.
    fn refused(&mut self, plan: &mut Plan, error: &RemoveError, targets: &Targets) {
        let behind = matches!(error.refusal(), Refusal::UsedByModules { .. });
        let module = error.module().filter(|_| behind);
        let users = module.map_or(&[][..], |module| &module.used_by);
        let first = plan.stays(error.name(), users);
        self.report.refused(error, targets, first.as_ref());
    }

    fn remove(&mut self, targets: &Targets) {
        let patience = self.options.wait.map(|time| Patience {
            end: time.end(),
            progress: Progress::of(self.reporter, self.kernel),
        });
        // A single call to the kernel ends with its process, and costs nothing else.
        let one = targets.order.len() < 2 && self.options.extent == Extent::Named;
        let signals = if one && patience.is_none() { None } else { Signals::collect() };
        let mut plan = Plan::new(targets.order.clone(), self.options.extent);
        let (mut gone, mut interrupted) = (Vec::new(), Vec::new());
        while let Some(name) = plan.next_module() {
            let before = self.report.before(&name);
            self.report.warn_of_consequences(&name);
            let attempt = |users| self.attempt(&name, patience.as_ref(), signals.as_ref(), users);
            let mut result = attempt(plan.users());
            if let Err(error) = &result
                && matches!(error.refusal(), Refusal::UsedByModules { .. })
            {
                let users = error.module().map_or(&[][..], |module| &module.used_by);
                match plan.used_by(&name, users, || Snapshot::take(self.kernel).ok()) {
                    Used::NewOrder => continue,
                    Used::LeftToOthers => result = attempt(Users::Others),
                    Used::Stays => {}
                }
            }
            let error = match result {
                Ok(()) => {
                    self.report.removed(&name, before.as_ref(), targets);
                    gone.push(name);
                    continue;
                }
                Err(error) => error,
            };
            // After a signal, the rest ends up here, too, without an attempt.
            if matches!(error.refusal(), Refusal::Interrupted { .. }) {
                interrupted.push(error);
                continue;
            }
            self.refused(&mut plan, &error, targets);
        }
        // Not before: a signal that is read no longer stops anything.
        let signal = signals.and_then(|signals| signals.status());
        for error in &interrupted {
            self.report.interrupted(error, targets, signal.unwrap_or(Status::Failed));
        }
        // One that came too late to stop anything ends a shell's loop, too.
        if let Some(status) = signal {
            self.report.stopped(status, if interrupted.is_empty() { &gone } else { &[] });
        }
    }

    fn attempt(
        &self,
        name: &ModuleName,
        patience: Option<&Patience>,
        signals: Option<&Signals>,
        users: Users,
    ) -> Result<(), RemoveError> {
        let doing = format!("removing {name}");
        let _watch = Watch::start(self.kernel, self.reporter, doing);
        let Some(patience) = patience else {
            if signals.is_some_and(Signals::has_come) {
                return Err(RemoveError::untried(name));
            }
            return self.kernel.remove(name, self.options.mode);
        };
        let mut waiting = Waiting::until(patience.end);
        if let Some(signals) = signals {
            waiting = waiting.or_stopped_by(signals.as_fd());
        }
        if users == Users::Ours {
            waiting = waiting.unless_used_by_modules();
        }
        let mut show;
        if let Some(progress) = &patience.progress {
            show = |state: &WaitProgress<'_>| progress.show(state);
            waiting = waiting.reporting_to(&mut show);
        }
        let result = self.kernel.remove_when_free(name, self.options.mode, waiting);
        if let Some(progress) = &patience.progress {
            progress.end();
        }
        result
    }
}
