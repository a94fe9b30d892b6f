//! Why a module was not loaded.
//!
//! Facts are [collected](collect) after the failure, from the kernel's log, the file, and the
//! running system; each may be missing. A pure function [decides](decide) from them.

mod caller;
mod cause;
mod collect;
mod comparison;
mod decide;
mod evidence;
mod exports;
mod facts;
mod fix;
#[cfg(feature = "serde")]
mod json;
mod log;
mod looks;
mod parameter;
mod policy;
mod providers;
mod reference;
mod supposed;
mod symbol;
mod text;
mod unopened;

pub use caller::Privilege;
pub use cause::Cause;
pub use comparison::{Difference, differences};
pub use log::KernelLog;
pub use parameter::unknown_parameters;
pub use supposed::Supposed;
pub use symbol::{Builds, MissingSymbol, WrongVersion};
pub use unopened::explain_unopened;

pub(crate) use policy::Policy;

use facts::Facts;

use crate::class::Class;
use crate::errno::Errno;
use crate::file::ModuleFile;
use crate::insert::{Arguments, InsertError};
use crate::name::ModuleName;
use crate::remedy::Remedy;
use crate::syscall::Force;
use crate::system::System;

/// What is known about a failure.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Diagnosis {
    /// The name of the module, where the file tells.
    pub module: Option<ModuleName>,
    /// The reason.
    pub cause: Cause,
    /// The kernel's answer; before it is asked, the one to expect, where that is known.
    pub answer: Option<Errno>,
    /// What the kernel logged about this very call, verbatim.
    pub kernel_log: Vec<String>,
    /// What would help; empty where that would be a guess.
    pub remedies: Vec<Remedy>,
}

impl Diagnosis {
    /// A reason that needs nothing else.
    pub fn new(cause: Cause) -> Self {
        let answer = cause.answer();
        Self { module: None, cause, answer, kernel_log: Vec::new(), remedies: Vec::new() }
    }
}

/// What was asked of the kernel.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::exhaustive_structs, reason = "the arguments of the system call")]
pub struct Request<'a> {
    /// The module file.
    pub file: &'a ModuleFile,
    /// Its parameters.
    pub arguments: &'a Arguments,
    /// The checks that were to be left out.
    pub force: Force,
}

/// Finds out why a load failed. `log` is the kernel's log from a moment before the call on.
///
/// It takes from milliseconds to a few seconds, and never fails: what could not be found out is in
/// the cause.
pub fn explain(
    system: &System,
    request: Request<'_>,
    error: &InsertError,
    log: Option<KernelLog>,
) -> Diagnosis {
    diagnosis(system, &collect::after(system, request, error, log, Purpose::Explain))
        .unwrap_or_else(|| Diagnosis::new(unknown(error)))
}

/// Returns the class of the cause that [`explain`] finds, for callers whom nobody reads: neither
/// who would export a missing symbol nor what would help is looked up.
pub fn classify(
    system: &System,
    request: Request<'_>,
    error: &InsertError,
    log: Option<KernelLog>,
) -> Class {
    let facts = collect::after(system, request, error, log, Purpose::Classify);
    decide::verdict(&facts).map_or_else(|| unknown(error), |(cause, _)| cause).class()
}

fn unknown(error: &InsertError) -> Cause {
    Cause::Unknown { errno: Some(error.answer()), unseen: Vec::new() }
}

/// What a failure is looked into for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Classify,
    Explain,
}

/// Looks whether a module would be loaded, without loading it; `None` if nothing speaks against
/// it.
///
/// What its init function would do, and whether a signature by a known key is of these contents,
/// only the kernel can tell. Whether the calling process may load modules is not looked at.
pub fn check(system: &System, request: Request<'_>) -> Option<Diagnosis> {
    check_supposing(system, request, Supposed::default())
}

/// As [`check`], in a state that the system is not in yet.
pub fn check_supposing(
    system: &System,
    request: Request<'_>,
    supposed: Supposed<'_>,
) -> Option<Diagnosis> {
    diagnosis(system, &collect::before(system, request, supposed))
}

/// Checks whether the calling process may load modules; `None` if nothing is known to forbid it.
pub fn check_privilege(system: &System) -> Option<Diagnosis> {
    let facts = Facts {
        answer: Some(crate::errno::Errno::EPERM),
        policy: policy::Policy::read(system),
        ..Facts::default()
    };
    let cause = decide::no_privilege(&facts)?;
    let remedies = fix::remedies(system, &facts, &cause);
    Some(Diagnosis { remedies, ..Diagnosis::new(cause) })
}

fn diagnosis(system: &System, facts: &Facts) -> Option<Diagnosis> {
    let (cause, answer) = decide::verdict(facts)?;
    let remedies = fix::remedies(system, facts, &cause);
    // What a module of this name says of itself is about another one if this one never ran.
    let never_ran = matches!(cause, Cause::AlreadyLoaded { .. } | Cause::BeingUnloaded { .. });
    let log = facts.log.iter().flatten();
    let log = log.filter(|evidence| evidence.finding().is_some() || !never_ran);
    let kernel_log = log.map(|evidence| evidence.line.clone()).collect();
    let module = facts.module.as_ref().and_then(|module| module.name.clone());
    Some(Diagnosis { module, cause, answer, kernel_log, remedies })
}
