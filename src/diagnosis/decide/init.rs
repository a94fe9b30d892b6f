//! When no check found a reason: the module's init function, or an unknown cause.
//!
//! Init is blamed only where something shows that it ran; by elimination, it is most likely.

use super::{SIGNATURE, findings, signature};
use crate::diagnosis::cause::Cause;
use crate::diagnosis::evidence::{Evidence, Finding, Meaning};
use crate::diagnosis::facts::Facts;
use crate::errno::Errno;

/// Answers that only come from the loader before it runs anything.
const NEVER: &[Errno] = &[Errno::ETXTBSY, Errno::EFBIG, Errno::EINTR, Errno::EISDIR];

/// Answers of the loader, of security modules and of filters, which init functions hardly give.
const HARDLY: &[Errno] = &[
    Errno::ENOEXEC,
    Errno::EACCES,
    Errno::ENOSYS,
    Errno::EPERM,
    Errno::ENOPKG,
    // Cryptography that failed its own tests, in FIPS mode.
    Errno::ELIBBAD,
];

/// Answers that the loader gives, too; some of them without a word in the log.
const SHARED: &[Errno] = &[
    Errno::EINVAL,
    Errno::ENOENT,
    Errno::EBUSY,
    Errno::EEXIST,
    Errno::ENOMEM,
    Errno::ERANGE,
    Errno::ENOSPC,
    Errno::EIO,
    Errno::EOPNOTSUPP,
    Errno::EBADF,
    Errno::EFAULT,
];

/// What shows that the init function ran.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Proof {
    /// The kernel logged its return, or it logged something itself.
    Seen,
    /// Nothing else gives such an answer, and nothing else was logged.
    Eliminated,
    None,
}

fn proof(facts: &Facts, errno: Errno) -> Proof {
    let returned = |finding: &Finding| match finding {
        Finding::InitReturned(number) => Some(Errno::from_raw(*number) == errno),
        _ => None,
    };
    if let Some(same) = findings(facts).find_map(returned) {
        return if same { Proof::Seen } else { Proof::None };
    }
    let own = |evidence: &Evidence| evidence.meaning == Meaning::Own;
    let is_hard = HARDLY.contains(&errno);
    if facts.log.iter().flatten().any(own) && facts.log_complete && !is_hard {
        return Proof::Seen;
    }
    let shared = is_hard || SHARED.contains(&errno);
    // A filter of seccomp(2) or a tracer may give any answer in the kernel's place.
    // The kernel may fail to read a file for the same reason.
    let could = facts.module.is_some() && !facts.policy.caller.is_filtered();
    if facts.log.is_some() && facts.log_complete && !shared && could {
        return Proof::Eliminated;
    }
    Proof::None
}

fn failed(facts: &Facts, errno: Errno, certain: bool) -> Cause {
    let ignored = findings(facts).filter_map(|finding| match finding {
        Finding::Ignored(name) => Some(name.clone()),
        _ => None,
    });
    let built_in = facts.has_builtin_twin;
    Cause::InitFailed { errno, certain, ignored: ignored.collect(), built_in }
}

pub(super) fn rest(facts: &Facts, errno: Errno) -> Cause {
    let unknown = |unseen| Cause::Unknown { errno: Some(errno), unseen };
    let mut unseen = Vec::new();
    if let Some(error) = &facts.log_error {
        unseen.push(format!("the kernel log: {error}"));
    }
    if let Some(error) = &facts.unreadable {
        unseen.push(format!("the module: {error}"));
    }
    // Nearly always a hidden module.
    if errno == Errno::EEXIST && facts.blind {
        unseen.push("which modules are loaded".to_owned());
        return unknown(unseen);
    }
    let has_init = facts.module.as_ref().is_none_or(|module| module.has_init);
    // Where no signatures are asked for, a module without one cannot fail for it.
    let by_signature =
        SIGNATURE.contains(&errno) && (facts.module.is_none() || !signature::is_irrelevant(facts));
    if NEVER.contains(&errno) || !has_init || by_signature {
        return unknown(unseen);
    }
    if proof(facts, errno) != Proof::None {
        return failed(facts, errno, true);
    }
    let own = |evidence: &&Evidence| evidence.meaning == Meaning::Own;
    let lines = facts.log.iter().flatten().filter(own).count();
    if HARDLY.contains(&errno) && lines == 0 {
        unseen.push("whether a seccomp filter or a security module denied the call".to_owned());
        return unknown(unseen);
    }
    // Without the log, what was looked up instead decides, if it could be looked up.
    let looked_up = facts.module.is_some() && facts.exports.is_some();
    // Only the log has whether it was the kernel itself that lacked memory.
    let looked_up = looked_up && errno != Errno::ENOMEM;
    if facts.log.is_some() || looked_up || !SHARED.contains(&errno) {
        return failed(facts, errno, false);
    }
    unknown(unseen)
}
