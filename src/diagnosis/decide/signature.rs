//! Whether the kernel trusts the module: `module_sig_check` in `kernel/module/signing.c`.

use super::{findings, logged};
use crate::diagnosis::cause::Cause;
use crate::diagnosis::evidence::Finding;
use crate::diagnosis::facts::Facts;
use crate::diagnosis::untrusted;
use crate::errno::Errno;
use crate::file::{Signature, Signer};

/// How the kernel will judge the signature, as far as that is predictable without its keys.
enum Standing {
    Unsigned,
    /// A flag of forced loading voids it.
    Voided,
    Malformed,
    /// Of a type that kernels do not know, or only the one that the module came with.
    Foreign(u8),
    UnknownKey(Signer),
    KnownKey(Signer),
    /// There is a key, but neither its owner nor whether the kernel has it is known.
    Unclear(Signer),
}

fn standing(facts: &Facts) -> Option<Standing> {
    let module = facts.module.as_ref()?;
    let signer = match &module.signature {
        Signature::Absent | Signature::Followed(_) => return Some(Standing::Unsigned),
        _ if facts.force.any() => return Some(Standing::Voided),
        Signature::Malformed => return Some(Standing::Malformed),
        // What kernels before 4.3 sign with, which does not name the key in the way of PKCS#7.
        Signature::Other(0 | 1) if facts.precedes_pkcs7 => Signer::default(),
        Signature::Other(id_type) => return Some(Standing::Foreign(*id_type)),
        Signature::Present(signer) => signer.clone(),
    };
    let rejected = logged(facts, |finding| match finding {
        Finding::SignatureRejected(what) => Some(what.as_str() != "unsigned module"),
        Finding::UnknownKey => Some(true),
        _ => None,
    });
    // The kernel has looked for the key in vain. Up to 4.19 it had an answer of its own for that.
    if rejected == Some(true) || lacks_key(facts) {
        return Some(Standing::UnknownKey(signer));
    }
    // Keys that owners of a machine enroll do not show in the modules of the distribution.
    Some(match facts.reference.has_key(&signer) {
        Some(true) => Standing::KnownKey(signer),
        Some(false) => Standing::UnknownKey(signer),
        None => Standing::Unclear(signer),
    })
}

/// Whether the kernel has said so by its answer, whatever `sig_enforce` is: Secure Boot had a switch
/// of its own in kernels of distributions.
fn lacks_key(facts: &Facts) -> bool {
    facts.answers_enokey && facts.answer == Some(Errno::ENOKEY)
}

/// Whether the log has it that the signature is why the module was refused.
fn kernel_said_so(facts: &Facts) -> bool {
    findings(facts)
        .any(|finding| matches!(finding, Finding::SignatureRejected(_) | Finding::UnknownKey))
}

/// Whether the module is unsigned and no signature is required.
pub(super) fn is_irrelevant(facts: &Facts) -> bool {
    let unsigned = matches!(standing(facts), Some(Standing::Unsigned | Standing::Voided));
    let said = kernel_said_so(facts) || lacks_key(facts);
    unsigned && facts.policy.sig_enforce == Some(false) && !said
}

fn unsigned(facts: &Facts, standing: &Standing) -> Cause {
    let followed = match facts.module.as_ref().map(|module| &module.signature) {
        Some(Signature::Followed(bytes)) => Some(*bytes),
        _ => None,
    };
    Cause::Unsigned {
        voided: matches!(standing, Standing::Voided),
        followed,
        signed: facts.installed.as_ref().filter(|one| one.signed).map(|one| one.file.clone()),
    }
}

fn unknown_key(facts: &Facts, signer: Signer) -> Cause {
    Cause::UnknownKey { origin: untrusted::origin(facts, &signer), signer }
}

pub(super) fn rejected(facts: &Facts) -> Option<Cause> {
    let standing = standing(facts)?;
    if matches!(standing, Standing::Malformed) {
        return Some(Cause::BadSignature { signer: None });
    }
    let enforced = facts.policy.sig_enforce;
    if facts.answer.is_none() {
        // Whether a known key's signature is of these contents, only the kernel can tell.
        return match standing {
            Standing::Unsigned | Standing::Voided if enforced == Some(true) => {
                Some(unsigned(facts, &standing))
            }
            Standing::UnknownKey(signer) if enforced == Some(true) => {
                Some(unknown_key(facts, signer))
            }
            // A kernel that has the root of such hashes takes its own modules.
            Standing::Foreign(id_type) if enforced == Some(true) && id_type != Signature::PROOF => {
                Some(Cause::ForeignSignature { id_type })
            }
            _ => None,
        };
    }
    if facts.answer == Some(Errno::EBADMSG) {
        return Some(Cause::BadSignature { signer: None });
    }
    // Since Linux 4.20, the kernel says so in the log, and only where it asks for signatures.
    if facts.answer == Some(Errno::ENOPKG) {
        return match standing {
            Standing::UnknownKey(signer)
            | Standing::Unclear(signer)
            | Standing::KnownKey(signer)
                if facts.answers_enokey =>
            {
                Some(unknown_key(facts, signer))
            }
            _ => None,
        };
    }
    // These say it themselves.
    if matches!(facts.answer, Some(Errno::EKEYEXPIRED | Errno::EKEYREVOKED)) {
        return None;
    }
    match standing {
        Standing::Unsigned | Standing::Voided if is_irrelevant(facts) => None,
        Standing::Unsigned | Standing::Voided => Some(unsigned(facts, &standing)),
        Standing::KnownKey(signer) => Some(Cause::BadSignature { signer: Some(signer) }),
        Standing::Foreign(id_type) => Some(Cause::ForeignSignature { id_type }),
        // Without enforcement, a missing key does not prevent loading; with it, the kernel logs
        // the refusal.
        Standing::UnknownKey(signer) | Standing::Unclear(signer)
            if !lacks_key(facts)
                && (enforced == Some(false) || facts.log.is_some() && !kernel_said_so(facts)) =>
        {
            Some(Cause::BadSignature { signer: Some(signer) })
        }
        Standing::UnknownKey(signer) => Some(unknown_key(facts, signer)),
        _ => None,
    }
}

/// Lockdown refuses, with an errno of its own, what `sig_enforce` would.
pub(super) fn locked_down(facts: &Facts) -> Option<Cause> {
    let said_so = logged(facts, |finding| (*finding == Finding::Lockdown).then_some(()));
    let mode = facts.policy.lockdown.clone().filter(|mode| mode != "none");
    if said_so.is_none() && mode.is_none() {
        return None;
    }
    // Where signatures are not checked at all, lockdown does not ask for them.
    facts.policy.sig_enforce?;
    let signature = match standing(facts)? {
        Standing::Unsigned => "is not signed",
        Standing::Voided => "loses its signature because of --force",
        Standing::UnknownKey(_) => "is signed with a key that this kernel does not trust",
        Standing::Foreign(id_type) if id_type != Signature::PROOF || facts.answer.is_some() => {
            "has a signature of a type that this kernel does not accept"
        }
        Standing::Unclear(_) if facts.answer.is_some() => {
            "is signed with a key that it does not accept"
        }
        _ => return None,
    };
    let secure_boot = facts.policy.secure_boot == Some(true);
    Some(Cause::LockedDown { mode, signature, secure_boot })
}
