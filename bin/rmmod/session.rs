//! One call of rmmod: all its modules, one after another.

use std::os::fd::AsFd;
use std::time::Instant;

use modutils::remove::{Extent, Plan, RemoveError, Used, Users};
use modutils::{Kernel, ModuleName, Refusal, RemoveMode, Snapshot, Waiting};

use crate::common::report::Reporter;
use crate::common::signals::Signals;
use crate::common::status::Status;
use crate::common::watch::Watch;
use crate::rmmod::cli::Cli;
use crate::rmmod::outcomes::Outcomes;
use crate::rmmod::progress::Progress;
use crate::rmmod::targets::{self, Targets};
use crate::rmmod::who;

pub(crate) struct Session<'a> {
    cli: &'a Cli,
    reporter: &'a Reporter,
    kernel: Kernel,
    mode: RemoveMode,
    extent: Extent,
    outcomes: Outcomes<'a>,
}

/// `--wait`: the budget of all modules together, what ends it early, and who sees it.
struct Patience {
    end: Option<Instant>,
    signals: Option<Signals>,
    progress: Option<Progress>,
}

impl<'a> Session<'a> {
    pub(crate) fn new(cli: &'a Cli, reporter: &'a Reporter) -> Self {
        let mode = if cli.force { RemoveMode::Force } else { RemoveMode::Refuse };
        Self {
            cli,
            reporter,
            kernel: Kernel::running(),
            mode,
            extent: if cli.recursive { Extent::WithUsers } else { Extent::Named },
            outcomes: Outcomes::new(cli, reporter, mode),
        }
    }

    pub(crate) fn run(mut self) -> Status {
        if self.cli.who {
            return who::run(self.cli, self.reporter, &self.kernel, self.outcomes);
        }
        let snapshot = match self.list() {
            Ok(snapshot) => snapshot,
            Err(error) => {
                self.outcomes.no_list(&self.kernel, &error);
                return self.outcomes.finish();
            }
        };
        let (targets, unusable) = Targets::find(&self.cli.modules, snapshot.as_ref(), self.extent);
        for argument in &unusable {
            self.outcomes.unusable(argument);
        }
        match snapshot {
            Some(snapshot) if self.cli.dry_run => self.foresee(&targets, &snapshot),
            _ => self.remove(&targets),
        }
        self.outcomes.finish()
    }

    /// The loaded modules, where that matters. One module that is named goes without it, and several
    /// go, if need be, in the order that was given.
    fn list(&self) -> Result<Option<Snapshot>, modutils::Error> {
        let cli = self.cli;
        let needed = cli.recursive
            || cli.dry_run
            || cli.modules.iter().any(|argument| targets::is_pattern(argument));
        if !needed && cli.modules.len() < 2 {
            return Ok(None);
        }
        match Snapshot::take(&self.kernel) {
            Err(error) if needed => Err(error),
            snapshot => Ok(snapshot.ok()),
        }
    }

    fn foresee(&mut self, targets: &Targets, snapshot: &Snapshot) {
        let mut plan = Plan::new(targets.order.clone(), self.extent);
        let mut gone = Vec::new();
        while let Some(name) = plan.next_module() {
            let name = &name;
            match self.kernel.check_remove(snapshot, name, self.mode, &gone) {
                Err(error) if self.cli.wait().is_some() && error.refusal().may_pass() => {
                    self.outcomes.would_go(&self.kernel, error.module(), name, targets, &[]);
                }
                Err(error) => {
                    let Some(doubt) = self.doubt(&error, &gone) else {
                        self.refused(&mut plan, &error, targets);
                        continue;
                    };
                    let module = error.module();
                    self.outcomes.would_go(&self.kernel, module, name, targets, &[doubt]);
                }
                Ok(()) => {
                    let module = snapshot.get(name);
                    self.outcomes.would_go(&self.kernel, module, name, targets, &[]);
                }
            }
            gone.push(name.clone());
        }
    }

    /// Unpredictable: a driver that releases its devices can free references of unknown
    /// origin.
    fn doubt(&self, error: &RemoveError, gone: &[ModuleName]) -> Option<String> {
        if gone.is_empty() || !matches!(error.refusal(), Refusal::InUse { .. }) {
            return None;
        }
        let module = error.module()?;
        let unknown = self.kernel.holders(module).unexplained?;
        let references =
            if unknown == 1 { "1 reference".to_owned() } else { format!("{unknown} references") };
        (unknown > 0)
            .then(|| format!("{}: {references} of unknown origin; it may stay in use", module.name))
    }

    /// Reports a failure; of a module behind another that was reported, only that.
    fn refused(&mut self, plan: &mut Plan, error: &RemoveError, targets: &Targets) {
        let behind = matches!(error.refusal(), Refusal::UsedByModules { .. });
        let module = error.module().filter(|_| behind);
        let users = module.map_or(&[][..], |module| &module.used_by);
        let first = plan.stays(error.name(), users);
        self.outcomes.refused(&self.kernel, error, targets, first.as_ref());
    }

    fn remove(&mut self, targets: &Targets) {
        let patience = self.cli.wait().map(|time| Patience {
            end: time.end(),
            signals: Signals::collect(),
            progress: Progress::of(self.cli, self.reporter, &self.kernel),
        });
        let mut plan = Plan::new(targets.order.clone(), self.extent);
        let mut interrupted = Vec::new();
        while let Some(name) = plan.next_module() {
            let before = self.outcomes.before(&self.kernel, &name);
            self.outcomes.warn_of_consequences(&self.kernel, &name);
            let mut result = self.attempt(&name, patience.as_ref(), plan.users());
            if let Err(error) = &result
                && matches!(error.refusal(), Refusal::UsedByModules { .. })
            {
                let users = error.module().map_or(&[][..], |module| &module.used_by);
                match plan.used_by(&name, users, || Snapshot::take(&self.kernel).ok()) {
                    Used::NewOrder => continue,
                    Used::LeftToOthers => {
                        result = self.attempt(&name, patience.as_ref(), Users::Others);
                    }
                    Used::Stays => {}
                }
            }
            let error = match result {
                Ok(()) => {
                    self.outcomes.removed(&self.kernel, &name, before.as_ref(), targets);
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
        if interrupted.is_empty() {
            return;
        }
        // Not before: a signal that is read no longer stops anything.
        let signals = patience.and_then(|patience| patience.signals);
        let status = signals.and_then(|signals| signals.status()).unwrap_or(Status::Failed);
        for error in &interrupted {
            self.outcomes.interrupted(&self.kernel, error, targets, status);
        }
    }

    fn attempt(
        &self,
        name: &ModuleName,
        patience: Option<&Patience>,
        users: Users,
    ) -> Result<(), RemoveError> {
        let doing = format!("removing {name}");
        let _watch = Watch::start(&self.kernel, &self.cli.common, self.reporter, doing);
        let Some(patience) = patience else {
            return self.kernel.remove(name, self.mode);
        };
        let mut waiting = Waiting::until(patience.end);
        if let Some(signals) = &patience.signals {
            waiting = waiting.or_stopped_by(signals.as_fd());
        }
        if users == Users::Ours {
            waiting = waiting.unless_used_by_modules();
        }
        let mut show;
        if let Some(progress) = &patience.progress {
            show = |state: &modutils::remove::WaitProgress<'_>| progress.show(state);
            waiting = waiting.reporting_to(&mut show);
        }
        let result = self.kernel.remove_when_free(name, self.mode, waiting);
        if let Some(progress) = &patience.progress {
            progress.end();
        }
        result
    }
}
