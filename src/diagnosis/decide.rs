//! From facts to a cause. Pure: nothing is read here.
//!
//! The checks stand in the order in which the kernel makes them (`load_module` in
//! `kernel/module/main.c`, Linux 6.12). If the kernel was asked, only those count that can lead to
//! its answer; if it was not, the first that fails is what it would answer. So a module that is
//! only looked at gets the same verdict as one that is loaded.

mod file;
mod gate;
mod init;
mod signature;
mod symbols;
mod system;
#[cfg(test)]
mod tests;

pub(super) use gate::no_privilege;

use super::cause::Cause;
use super::evidence::{Evidence, Finding};
use super::facts::Facts;
use crate::errno::Errno;

/// A thing that the kernel checks.
struct Check {
    /// The answers that it can lead to.
    errnos: &'static [Errno],
    /// The fault, if there is one.
    find: fn(&Facts) -> Option<Cause>,
}

const fn check(errnos: &'static [Errno], find: fn(&Facts) -> Option<Cause>) -> Check {
    Check { errnos, find }
}

const SIGNATURE: &[Errno] = &[
    Errno::EKEYREJECTED,
    Errno::ENOKEY,
    Errno::EBADMSG,
    Errno::EKEYEXPIRED,
    Errno::EKEYREVOKED,
    Errno::ENOPKG,
];
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
    check(SIGNATURE, gate::revoked),
    check(SIGNATURE, gate::key_denied),
    check(SIGNATURE, signature::rejected),
    check(&[Errno::EPERM], system::locked_parameter),
    check(&[Errno::EPERM], signature::locked_down),
    check(&[Errno::ENOEXEC], file::not_elf),
    check(&[Errno::ENOEXEC], file::wrong_architecture),
    check(&[Errno::ENOEXEC, Errno::ENOENT, Errno::EINVAL], file::intermediate),
    check(&[Errno::ENOEXEC], file::truncated),
    check(&[Errno::ENOEXEC, Errno::EINVAL], file::not_a_module),
    check(&[Errno::EPERM], gate::blacklisted),
    check(&[Errno::ENOEXEC], symbols::layout_version),
    check(&[Errno::ENOEXEC], gate::vermagic),
    check(&[Errno::ENOEXEC], gate::upgraded),
    check(&[Errno::ENOEXEC], symbols::unversioned),
    check(&[Errno::EBUSY], system::initializing),
    check(&[Errno::EEXIST], system::already_loaded),
    check(&[Errno::EBUSY], system::being_unloaded),
    check(&[Errno::EBUSY], symbols::dependency_initializing),
    check(&[Errno::ENOENT], file::hollow),
    check(&[Errno::ENOENT], symbols::proprietary_provider),
    check(&[Errno::ENOENT], symbols::gpl_only),
    // Of several symbols, the last one gives the answer; a build for another kernel explains all.
    check(SYMBOLS, symbols::versions),
    check(SYMBOLS, symbols::missing),
    check(&[Errno::EINVAL, Errno::EPERM], symbols::namespaces),
    check(&[Errno::ENOEXEC, Errno::EINVAL], file::relocation),
    check(&[Errno::ENOEXEC], symbols::duplicate),
    check(PARAMETER, system::bad_parameter),
    check(&[Errno::EINVAL], system::built_in),
    check(&[Errno::EACCES], gate::protected_symbol),
    check(&[Errno::EACCES, Errno::EPERM, Errno::ENOSYS], gate::security_policy),
    check(&[Errno::ENOMEM], system::out_of_memory),
];

/// Why the module was not loaded, or, if the kernel was not asked, why it would not be; and the
/// kernel's answer, where it is known.
pub(super) fn verdict(facts: &Facts) -> Option<(Cause, Option<Errno>)> {
    let cause = decide(facts)?;
    let answer = facts.answer.or(cause.answer());
    // A signature would not help a file that is not a module, or not for this kernel.
    let untrusted = matches!(
        cause,
        Cause::Unsigned { voided: false, .. }
            | Cause::UnknownKey { .. }
            | Cause::ForeignSignature { .. }
            | Cause::BadSignature { .. }
            | Cause::LockedDown { .. }
    );
    let own = if untrusted { own_fault(facts) } else { None };
    Some((own.unwrap_or(cause), answer))
}

/// The fault of the file itself, whatever the kernel says about its signature.
fn own_fault(facts: &Facts) -> Option<Cause> {
    const FAULTS: &[fn(&Facts) -> Option<Cause>] = &[
        file::compression,
        file::not_elf,
        file::wrong_architecture,
        file::intermediate,
        file::truncated,
        file::not_a_module,
        file::hollow,
        symbols::layout_version,
        gate::vermagic,
        file::relocation,
    ];
    let unasked = Facts { answer: None, log: None, ..facts.clone() };
    FAULTS.iter().find_map(|fault| fault(&unasked))
}

/// The first check that fails.
fn decide(facts: &Facts) -> Option<Cause> {
    // A notifier gives whatever answer it has; what it logs tells.
    let refused = facts.answer.and_then(|_| gate::refused_by_notifier(facts));
    let possible = |check: &&Check| facts.answer.is_none_or(|errno| check.errnos.contains(&errno));
    let found = refused
        .or_else(|| CHECKS.iter().filter(possible).find_map(|check| (check.find)(facts)))
        .or_else(|| file::unread(facts));
    found.or_else(|| facts.answer.map(|errno| init::rest(facts, errno)))
}

/// The first thing that the log says which `pick` understands.
fn logged<T>(facts: &Facts, pick: impl Fn(&Finding) -> Option<T>) -> Option<T> {
    findings(facts).find_map(pick)
}

fn findings(facts: &Facts) -> impl Iterator<Item = &Finding> {
    facts.log.iter().flatten().filter_map(Evidence::finding)
}

/// Whether the log would have said so: then what was looked up does not count. Nothing was
/// logged about a call that was not made.
fn log_decides(facts: &Facts) -> bool {
    facts.answer.is_some() && facts.log.is_some()
}
