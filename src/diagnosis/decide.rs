//! From facts to a cause. Pure: nothing is read here.
//!
//! The checks stand in the order in which the kernel makes them (`load_module` in
//! `kernel/module/main.c`, Linux 6.12). If the kernel was asked, only those count that can lead to
//! its answer; if it was not, the first that fails is what it would answer. So a module that is
//! only looked at gets the same verdict as one that is loaded.

mod file;
mod gate;
mod signature;
mod symbols;
mod system;
#[cfg(test)]
mod tests;

use super::cause::Cause;
use super::evidence::Finding;
use super::facts::Facts;
use crate::errno::Errno;

/// A thing that the kernel checks.
struct Check {
    /// The answers that it can lead to.
    errnos: &'static [Errno],
    /// What is wrong, if this is.
    find: fn(&Facts) -> Option<Cause>,
}

const fn check(errnos: &'static [Errno], find: fn(&Facts) -> Option<Cause>) -> Check {
    Check { errnos, find }
}

const SIGNATURE: &[Errno] =
    &[Errno::EKEYREJECTED, Errno::ENOKEY, Errno::EBADMSG, Errno::EKEYEXPIRED, Errno::EKEYREVOKED];
const FORMAT: &[Errno] = &[Errno::ENOEXEC, Errno::EINVAL, Errno::EFBIG];
const SYMBOLS: &[Errno] = &[Errno::ENOENT, Errno::EINVAL, Errno::EBUSY];
const PARAMETER: &[Errno] =
    &[Errno::EINVAL, Errno::ERANGE, Errno::ENOSPC, Errno::EPERM, Errno::ENOENT];

const CHECKS: &[Check] = &[
    check(&[Errno::ENOSYS], gate::no_module_support),
    check(&[Errno::EPERM], gate::modules_disabled),
    check(&[Errno::EPERM], gate::no_privilege),
    check(&[Errno::EINVAL, Errno::EISDIR], file::not_a_file),
    check(&[Errno::EINVAL], file::empty),
    check(&[Errno::ETXTBSY, Errno::EACCES, Errno::EIO], file::not_readable),
    check(FORMAT, file::compression),
    check(SIGNATURE, signature::rejected),
    check(&[Errno::EPERM], signature::locked_down),
    check(&[Errno::ENOEXEC], file::not_elf),
    check(&[Errno::ENOEXEC], file::wrong_architecture),
    check(&[Errno::ENOEXEC], file::truncated),
    check(&[Errno::ENOEXEC], file::not_a_module),
    check(&[Errno::EPERM], gate::blacklisted),
    check(&[Errno::ENOEXEC], symbols::layout_version),
    check(&[Errno::ENOEXEC], gate::vermagic),
    check(&[Errno::EEXIST], system::already_loaded),
    check(&[Errno::EBUSY], system::being_unloaded),
    check(&[Errno::EBUSY], symbols::dependency_initializing),
    check(&[Errno::ENOENT], symbols::gpl_only),
    check(SYMBOLS, symbols::missing),
    check(&[Errno::EINVAL], symbols::versions),
    check(&[Errno::EINVAL], symbols::namespaces),
    check(&[Errno::ENOEXEC], symbols::duplicate),
    check(PARAMETER, system::bad_parameter),
    check(&[Errno::EINVAL], system::built_in),
    check(&[Errno::EACCES, Errno::EPERM], gate::security_policy),
    check(&[Errno::ENOMEM], system::out_of_memory),
];

/// Why the module was not loaded, or, if the kernel was not asked, why it would not be.
pub(super) fn decide(facts: &Facts) -> Option<Cause> {
    let possible = |check: &&Check| facts.answer.is_none_or(|errno| check.errnos.contains(&errno));
    let found = CHECKS.iter().filter(possible).find_map(|check| (check.find)(facts));
    found.or_else(|| facts.answer.map(|errno| rest(facts, errno)))
}

/// Answers of the loader itself that it gives without a word in the log: if none of the checks
/// found their reason, it may be the init function's all the same.
const SILENT: &[Errno] = &[Errno::EPERM, Errno::EEXIST, Errno::EBUSY, Errno::EACCES, Errno::EINTR];

/// Answers that only come from the loader before it runs anything.
const NEVER_INIT: &[Errno] = &[Errno::ETXTBSY, Errno::EFBIG, Errno::EBADF, Errno::EFAULT];

/// No check found anything: then the module passed them, and its init function said no.
fn rest(facts: &Facts, errno: Errno) -> Cause {
    let mut unseen = Vec::new();
    if let Some(error) = &facts.log_error {
        unseen.push(format!("the kernel's log: {error}"));
    }
    if let Some(error) = &facts.unreadable {
        unseen.push(format!("the module: {error}"));
    }
    // Nearly always it is a module that nobody can see.
    let hidden = errno == Errno::EEXIST && facts.blind;
    if hidden {
        unseen.push("which modules are loaded".to_owned());
    }
    let by_loader = CHECKS.iter().any(|check| check.errnos.contains(&errno));
    // Where no signatures are asked for, a module without one cannot fail for it.
    let by_signature =
        SIGNATURE.contains(&errno) && (facts.module.is_none() || !signature::is_no_matter(facts));
    let may_be_init = !NEVER_INIT.contains(&errno)
        && !by_signature
        && facts.module.as_ref().is_none_or(|module| module.has_init);
    let certain = !by_loader || facts.log.is_some() && !SILENT.contains(&errno);
    // Without the log, what was looked up instead decides, if it could be looked up.
    let looked_up = facts.module.is_some() && facts.exports.is_some();
    // Filters of seccomp(2) and some security modules deny without a word, as init functions do.
    let denied = errno == Errno::EPERM && facts.log.as_ref().is_none_or(Vec::is_empty);
    if denied {
        unseen.push("whether a seccomp filter or a security module denied the call".to_owned());
    }
    if may_be_init
        && (certain || facts.log.is_some() || looked_up)
        && errno != Errno::EINTR
        && !denied
        && !hidden
    {
        return Cause::InitFailed { errno, certain };
    }
    Cause::Unknown { errno: Some(errno), unseen }
}

/// The first thing that the log says which `pick` understands.
fn logged<T>(facts: &Facts, pick: impl Fn(&Finding) -> Option<T>) -> Option<T> {
    findings(facts).find_map(pick)
}

fn findings(facts: &Facts) -> impl Iterator<Item = &Finding> {
    facts.log.iter().flatten().filter_map(|evidence| evidence.finding.as_ref())
}

/// Whether the log would have said so: then what was looked up does not count. Nothing was
/// logged about a call that was not made.
fn log_decides(facts: &Facts) -> bool {
    facts.answer.is_some() && facts.log.is_some()
}
