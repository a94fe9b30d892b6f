//! The steps of a replacement, from the survey. Pure: nothing is read here.

use std::collections::HashSet;
use std::fmt;

use super::parameters::{self, Unusable};
use super::survey::{Resident, Survey};
use crate::class::{Class, kinds};
use crate::crash::{self, Crash};
use crate::insert::Arguments;
use crate::loaded::State;
use crate::name::ModuleName;
use crate::remedy::{Change, Remedy};

/// The caller's options.
#[derive(Clone, Copy, Debug, Default)]
#[allow(clippy::exhaustive_structs, reason = "switches of the caller")]
pub struct Wishes {
    /// Also reload the modules that use the one replaced.
    pub recursive: bool,
    /// Wait for references to be dropped instead of refusing a module that is in use.
    pub wait: bool,
    /// Start from the old module's parameters; those given override them.
    pub keep_parameters: bool,
    /// Do nothing if the loaded module is the same build with the same parameters.
    pub if_needed: bool,
}

/// The steps of a replacement, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Plan {
    /// The steps; none if there is nothing to do.
    pub steps: Vec<Step>,
    /// What brings the old module back if the new one does not load; `None` if no file with its
    /// build was found, or it was not loaded.
    pub rollback: Option<Step>,
    /// Parameters of the old module that the new one does not have.
    pub dropped: Vec<String>,
    /// Parameters that sysfs does not show, by module: they return to their defaults.
    pub hidden: Vec<(ModuleName, Vec<String>)>,
}

/// One step of a replacement.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// Remove a loaded module.
    Remove {
        /// The module.
        module: ModuleName,
    },
    /// Load the new file.
    Load {
        /// The module.
        module: ModuleName,
        /// Its parameters.
        arguments: Arguments,
    },
    /// Load the old file again, because the new one did not load.
    Restore {
        /// The module.
        module: ModuleName,
        /// The parameters that it had, as far as they can be given to it again.
        arguments: Arguments,
    },
    /// Load a module that was removed because it uses the one replaced.
    Reload {
        /// The module.
        module: ModuleName,
        /// The parameters that it had.
        arguments: Arguments,
    },
}

impl Step {
    /// Returns the module that the step is about.
    pub fn module(&self) -> &ModuleName {
        match self {
            Self::Remove { module }
            | Self::Load { module, .. }
            | Self::Restore { module, .. }
            | Self::Reload { module, .. } => module,
        }
    }
}

/// Why a replacement was not begun.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Obstacle {
    /// Other modules use it, and were not to be reloaded.
    Users {
        /// The module.
        module: ModuleName,
        /// Its users, those that have to go first in front.
        users: Vec<ModuleName>,
    },
    /// No file has the build of a module that has to be loaded again.
    NoFile {
        /// The module.
        module: ModuleName,
    },
    /// The current value of a parameter cannot be read.
    UnreadableParameter {
        /// The module.
        module: ModuleName,
        /// The parameter.
        parameter: String,
    },
    /// The current value of a parameter cannot be passed to the kernel again.
    UnusableParameter {
        /// The module.
        module: ModuleName,
        /// The parameter and its value.
        argument: String,
        /// Why.
        reason: &'static str,
    },
    /// The module has no exit function.
    Permanent {
        /// The module.
        module: ModuleName,
    },
    /// The module's init function has not returned.
    Initializing {
        /// The module.
        module: ModuleName,
    },
    /// The module's init function crashed: it stays half loaded until reboot.
    InitCrashed {
        /// The module.
        module: ModuleName,
    },
    /// The module's exit function crashed: it stays half removed until reboot.
    ExitCrashed {
        /// The module.
        module: ModuleName,
    },
    /// Another process is removing the module.
    BeingUnloaded {
        /// The module.
        module: ModuleName,
    },
    /// Something other than a module holds references, and no wait was asked for.
    Held {
        /// The module.
        module: ModuleName,
        /// References that no module accounts for.
        references: u64,
    },
    /// Two modules use each other: neither can be removed.
    Cycle {
        /// The modules.
        modules: Vec<ModuleName>,
    },
}

kinds!(Obstacle {
    Users | Cycle => "used-by-modules", Busy;
    NoFile => "no-file", Failed;
    UnreadableParameter => "unreadable-parameter", Failed;
    UnusableParameter => "bad-parameter", Misfit;
    Permanent => "permanent", Busy;
    Initializing => "initializing", Busy;
    InitCrashed => "init-crashed", Busy;
    ExitCrashed => "exit-crashed", Busy;
    BeingUnloaded => "being-unloaded", Busy;
    Held => "in-use", Busy;
});

impl Obstacle {
    /// Returns the class of this reason.
    pub fn class(&self) -> Class {
        self.traits().class
    }

    /// Returns the module that is the obstacle.
    pub fn module(&self) -> Option<&ModuleName> {
        match self {
            Self::Users { module, .. }
            | Self::NoFile { module }
            | Self::UnreadableParameter { module, .. }
            | Self::UnusableParameter { module, .. }
            | Self::Permanent { module }
            | Self::Initializing { module }
            | Self::InitCrashed { module }
            | Self::ExitCrashed { module }
            | Self::BeingUnloaded { module }
            | Self::Held { module, .. } => Some(module),
            Self::Cycle { modules } => modules.first(),
        }
    }
}

impl Obstacle {
    /// Returns remedies that would let the replacement begin.
    pub fn remedies(&self) -> Vec<Remedy> {
        match self {
            Self::Users { .. } => vec![Remedy::Repeat(Change::Recursive)],
            // Only some of what may hold it goes away by itself.
            Self::Held { module, .. } => {
                vec![Remedy::ShowHolders(module.clone()), Remedy::Repeat(Change::Wait)]
            }
            Self::Initializing { .. } | Self::BeingUnloaded { .. } => {
                vec![Remedy::Repeat(Change::Wait)]
            }
            Self::InitCrashed { .. } | Self::ExitCrashed { .. } => vec![Remedy::step("reboot")],
            _ => Vec::new(),
        }
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Users { module, users } => {
                write!(f, "{module} is used by {}", list(users))
            }
            Self::NoFile { module } => {
                write!(f, "no file with the build ID of the loaded {module} was found")
            }
            Self::UnreadableParameter { module, parameter } => write!(
                f,
                "the value of parameter {parameter} of {module} cannot be read, so it could not \
                 be restored"
            ),
            Self::UnusableParameter { module, argument, reason } => {
                write!(f, "{argument} of {module} could not be restored: {reason}")
            }
            Self::Permanent { module } => {
                write!(f, "{module} has no exit function and cannot be removed until reboot")
            }
            Self::BeingUnloaded { module } => {
                write!(f, "another process is already removing {module}")
            }
            Self::Initializing { module } => write!(f, "{module} is still initializing"),
            Self::InitCrashed { module } => f.write_str(&crash::text(Crash::Init, module)),
            Self::ExitCrashed { module } => f.write_str(&crash::text(Crash::Exit, module)),
            Self::Held { module, references: 1 } => write!(f, "{module} is in use: 1 reference"),
            Self::Held { module, references } => {
                write!(f, "{module} is in use: {references} references")
            }
            Self::Cycle { modules } => {
                write!(f, "{} use each other and cannot be removed", list(modules))
            }
        }
    }
}

fn list(names: &[ModuleName]) -> String {
    names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Plans the steps that replace the surveyed module with `given` parameters.
///
/// # Errors
/// The first thing that stands in the way; nothing has been touched then.
pub fn plan(survey: &Survey, given: &Arguments, wishes: Wishes) -> Result<Plan, Obstacle> {
    let mut plan = Plan::default();
    let Some(old) = &survey.old else {
        let module = survey.name.clone();
        plan.steps.push(Step::Load { module, arguments: given.clone() });
        return Ok(plan);
    };
    if wishes.if_needed && survey.is_same_build() && survey.parameters_match {
        return Ok(plan);
    }
    let users = survey.users.iter();
    if !wishes.recursive && !survey.users.is_empty() {
        // To reload the users, too, would end there.
        survey.users.iter().try_for_each(stays)?;
        let users = users.map(|user| user.module.name.clone()).collect();
        return Err(Obstacle::Users { module: survey.name.clone(), users });
    }
    let residents: Vec<&Resident> = users.chain([old]).collect();
    in_order(&residents)?;
    for resident in &residents {
        removable(resident, wishes.wait)?;
    }
    let mut reloads = Vec::new();
    for user in &survey.users {
        let module = user.module.name.clone();
        if user.file.is_none() {
            return Err(Obstacle::NoFile { module });
        }
        let arguments = parameters::restored(user, &[]).map_err(|bad| unusable(&module, bad))?;
        let hidden = user.hidden_parameters();
        if !hidden.is_empty() {
            plan.hidden.push((module.clone(), hidden));
        }
        reloads.push(Step::Reload { module, arguments });
    }
    let mut arguments = given.clone();
    if wishes.keep_parameters {
        let kept = parameters::kept(old, given, &survey.declared)
            .map_err(|bad| unusable(&survey.name, bad))?;
        (arguments, plan.dropped) = kept;
    }
    plan.rollback = old.file.as_ref().map(|_| Step::Restore {
        module: survey.name.clone(),
        arguments: parameters::as_far_as_possible(old),
    });
    plan.steps.extend(
        residents.iter().map(|resident| Step::Remove { module: resident.module.name.clone() }),
    );
    plan.steps.push(Step::Load { module: survey.name.clone(), arguments });
    plan.steps.extend(reloads.into_iter().rev());
    Ok(plan)
}

/// Each module after all of those that use it.
fn in_order(residents: &[&Resident]) -> Result<(), Obstacle> {
    let mut gone = HashSet::new();
    for resident in residents {
        let module = &resident.module;
        let left: Vec<ModuleName> =
            module.used_by.iter().filter(|user| !gone.contains(*user)).cloned().collect();
        if !left.is_empty() {
            let modules = [vec![module.name.clone()], left].concat();
            return Err(Obstacle::Cycle { modules });
        }
        gone.insert(&module.name);
    }
    Ok(())
}

/// Refuses a module that cannot be removed until reboot.
fn stays(resident: &Resident) -> Result<(), Obstacle> {
    let module = resident.module.name.clone();
    match resident.crash {
        Some(Crash::Init) => Err(Obstacle::InitCrashed { module }),
        Some(Crash::Exit) => Err(Obstacle::ExitCrashed { module }),
        None if resident.module.permanent => Err(Obstacle::Permanent { module }),
        None => Ok(()),
    }
}

fn removable(resident: &Resident, wait: bool) -> Result<(), Obstacle> {
    stays(resident)?;
    let module = resident.module.name.clone();
    match &resident.module.state {
        State::Unloading if !wait => return Err(Obstacle::BeingUnloaded { module }),
        State::Loading if !wait => return Err(Obstacle::Initializing { module }),
        _ => {}
    }
    match resident.module.anonymous_references().and_then(|count| u64::try_from(count).ok()) {
        Some(references @ 1..) if !wait => Err(Obstacle::Held { module, references }),
        _ => Ok(()),
    }
}

fn unusable(module: &ModuleName, bad: Unusable) -> Obstacle {
    let module = module.clone();
    match bad {
        Unusable::Unreadable(parameter) => Obstacle::UnreadableParameter { module, parameter },
        Unusable::Inexpressible(argument, reason) => {
            Obstacle::UnusableParameter { module, argument, reason }
        }
    }
}

#[cfg(test)]
mod tests;
