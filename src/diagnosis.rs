//! Why a module was not loaded.
//!
//! Facts are collected after the failure, from the kernel's log, the file, and the
//! running system; each may be missing. A pure function decides from them.

mod answer;
mod cause;
mod collect;
mod comparison;
mod decide;
mod depth;
mod doubts;
mod evidence;
mod exports;
mod facts;
mod fix;
#[cfg(feature = "serde")]
mod json;
mod looks;
mod namesake;
mod owners;
mod parameter;
mod phrases;
mod policy;
mod providers;
mod reference;
mod supposed;
mod symbol;
mod symvers;
mod text;
mod unopened;
mod untrusted;
mod upgrade;
mod vouched;

pub use crate::caller::Privilege;
pub use crate::class::Class;
pub use crate::log::KernelLog;
pub use crate::remedy::{Change, Remedy, WayOut};
pub use crate::shell::CommandLine;
pub use cause::Cause;
pub use comparison::Difference;
pub use doubts::Doubt;
pub use supposed::Supposed;
pub use symbol::{Builds, MissingSymbol, WrongVersion};
pub use untrusted::KeyOrigin;

pub(crate) use policy::Policy;

use std::fmt;

use facts::Facts;

use crate::errno::Errno;
use crate::file::ModuleFile;
use crate::insert::{Arguments, InsertError};
use crate::name::ModuleName;
use crate::syscall::Force;
use crate::system::System;

/// The facts about a failure.
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
    /// Before the kernel is asked: what it may refuse the module for if the cause is mended.
    pub doubts: Vec<Doubt>,
}

impl Diagnosis {
    /// Returns a diagnosis that consists of a cause only.
    pub fn new(cause: Cause) -> Self {
        let answer = cause.answer();
        Self {
            module: None,
            cause,
            answer,
            kernel_log: Vec::new(),
            remedies: Vec::new(),
            doubts: Vec::new(),
        }
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

fn unknown(error: &InsertError) -> Cause {
    Cause::Unknown { errno: Some(error.answer()), unseen: Vec::new() }
}

/// The purpose of a diagnosis.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Classify,
    Explain,
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(f)
    }
}

impl std::error::Error for Diagnosis {}

impl System {
    /// Finds out why a load failed. `log` is the kernel's log from a moment before the call on.
    ///
    /// Takes from milliseconds to a few seconds, and never fails: what could not be found out is in
    /// the cause.
    pub fn explain(
        &self,
        request: Request<'_>,
        error: &InsertError,
        log: Option<KernelLog>,
    ) -> Diagnosis {
        diagnosis(self, &collect::after(self, request, error, log, Purpose::Explain))
            .unwrap_or_else(|| Diagnosis::new(unknown(error)))
    }

    /// Returns the class of the cause that [`explain`](Self::explain) finds, for callers that print
    /// nothing: neither providers of missing symbols nor remedies are looked up.
    pub fn classify(
        &self,
        request: Request<'_>,
        error: &InsertError,
        log: Option<KernelLog>,
    ) -> Class {
        let facts = collect::after(self, request, error, log, Purpose::Classify);
        decide::verdict(&facts).map_or_else(|| unknown(error), |(cause, _)| cause).class()
    }

    /// Checks whether the kernel would load a module, without loading it.
    ///
    /// Only the kernel can tell what the init function would do, and whether a signature by a known
    /// key matches. Whether the calling process may load modules, [`check_privilege`] tells.
    ///
    /// [`check_privilege`]: Self::check_privilege
    ///
    /// Returns what such a check cannot tell about a module that it finds nothing wrong with. What
    /// the init function does is unknown in any case.
    ///
    /// # Errors
    /// The reason why it would not.
    pub fn check_insert(&self, request: Request<'_>) -> Result<Vec<Doubt>, Box<Diagnosis>> {
        self.check_insert_supposing(request, Supposed::default())
    }

    /// Checks as [`check_insert`](Self::check_insert) does, in a state that the system is not in
    /// yet.
    ///
    /// # Errors
    /// The reason why the kernel would not load the module.
    pub fn check_insert_supposing(
        &self,
        request: Request<'_>,
        supposed: Supposed<'_>,
    ) -> Result<Vec<Doubt>, Box<Diagnosis>> {
        let facts = collect::before(self, request, supposed);
        diagnosis(self, &facts).map_or_else(|| Ok(doubts::doubts(&facts)), |it| Err(Box::new(it)))
    }

    /// Checks whether the calling process may load modules, as far as that shows.
    ///
    /// # Errors
    /// What forbids it.
    pub fn check_privilege(&self) -> Result<(), Box<Diagnosis>> {
        let facts = Facts {
            answer: Some(crate::errno::Errno::EPERM),
            policy: policy::Policy::read(self),
            ..Facts::default()
        };
        let Some(cause) = decide::no_privilege(&facts) else { return Ok(()) };
        let remedies = fix::remedies(self, &facts, &cause);
        Err(Box::new(Diagnosis { remedies, ..Diagnosis::new(cause) }))
    }
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
    let doubts = if facts.answer.is_none() { doubts::doubts(facts) } else { Vec::new() };
    Some(Diagnosis { module, cause, answer, kernel_log, remedies, doubts })
}
