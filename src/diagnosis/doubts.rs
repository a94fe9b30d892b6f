//! What a look at a module cannot tell: the kernel may refuse all the same.

use std::fmt;

use super::facts::Facts;
use crate::caller::Privilege;
use crate::file::{Signature, is_gpl_compatible};

/// Why the kernel may refuse a module that nothing was found wrong with. `Display` gives a clause
/// that follows "unless".
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Doubt {
    /// The calling process may not load modules; another one may.
    #[non_exhaustive]
    Privilege {
        /// What it lacks.
        lacks: Privilege,
    },
    /// A filter of seccomp(2) decides on the system calls of the calling process.
    Filter,
    /// Security modules of the kernel that have rules about modules.
    #[non_exhaustive]
    SecurityModules {
        /// Their names.
        names: Vec<String>,
    },
    /// Only the kernel compares the signature with what it signs.
    Signature,
    /// The kernel requires a signature, and whether it has the key does not show.
    Key,
    /// The kernel does not show which symbols it exports, and the module needs or exports some.
    Symbols,
    /// The kernel does not show which of its symbols are for modules under the GPL only, and the
    /// module is under another license.
    License,
    /// No modules of the running kernel are installed: there are no versions to compare with.
    Versions,
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Privilege { lacks: Privilege::Namespace } => {
                f.write_str("it is loaded from inside this user namespace")
            }
            Self::Privilege { .. } => {
                f.write_str("it is loaded by this process, which lacks CAP_SYS_MODULE")
            }
            Self::Filter => {
                f.write_str("the seccomp filter of this process blocks the system call")
            }
            Self::SecurityModules { names } => {
                write!(f, "a security policy denies it ({})", names.join(", "))
            }
            Self::Signature => f.write_str("its signature does not match"),
            Self::Key => f.write_str("the kernel lacks the key that it is signed with"),
            Self::Symbols => f.write_str(
                "its symbols do not fit those of the kernel, which does not show what it exports",
            ),
            Self::License => f.write_str("a symbol that it needs is for GPL modules only"),
            Self::Versions => f.write_str(
                "its versions differ from those of this kernel, which has no modules installed to \
                 compare with",
            ),
        }
    }
}

/// What remains unknown after a look that found nothing.
pub(super) fn doubts(facts: &Facts) -> Vec<Doubt> {
    let policy = &facts.policy;
    let signer = facts.module.as_ref().and_then(|module| match &module.signature {
        Signature::Present(signer) if !facts.force.any() => Some(signer),
        _ => None,
    });
    let is_proof = facts.module.as_ref().is_some_and(|module| {
        module.signature == Signature::Other(Signature::PROOF) && !facts.force.any()
    });
    let locked = policy.lockdown.as_ref().is_some_and(|mode| mode != "none");
    let required = policy.sig_enforce == Some(true) || locked;
    let names: Vec<String> = policy.opinionated().cloned().collect();
    let doubts = [
        policy.caller.lacks.map(|lacks| Doubt::Privilege { lacks }),
        (policy.caller.seccomp == Some(true)).then_some(Doubt::Filter),
        (!names.is_empty()).then_some(Doubt::SecurityModules { names }),
        // A kernel without signatures does not look.
        (signer.is_some() && policy.sig_enforce.is_some() || is_proof).then_some(Doubt::Signature),
        signer
            .filter(|signer| required && facts.reference.has_key(signer) != Some(true))
            .map(|_| Doubt::Key),
        lacks_symbols(facts).then_some(Doubt::Symbols),
        lacks_licenses(facts).then_some(Doubt::License),
        facts.reference.file.is_none().then_some(Doubt::Versions),
    ];
    doubts.into_iter().flatten().collect()
}

fn lacks_symbols(facts: &Facts) -> bool {
    let module = facts.module.as_ref().filter(|_| facts.exports.is_none());
    module.is_some_and(|module| {
        module.imports.iter().any(|import| !import.weak) || !module.exports.is_empty()
    })
}

fn lacks_licenses(facts: &Facts) -> bool {
    let other = facts.module.as_ref().filter(|it| !is_gpl_compatible(it.license.as_deref()));
    let exports = facts.exports.as_ref().filter(|_| other.is_some());
    exports.is_some_and(|exports| {
        exports.found.values().any(|found| found.owner.is_none() && found.gpl_only.is_none())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clauses() {
        let mut facts = Facts::default();
        facts.policy.caller.lacks = Some(Privilege::Missing);
        facts.policy.caller.seccomp = Some(true);
        facts.policy.security_modules =
            ["lockdown", "capability", "selinux", "ipe"].map(str::to_owned).to_vec();
        let found = doubts(&facts);
        let expected = Doubt::SecurityModules { names: vec!["selinux".into(), "ipe".into()] };
        assert_eq!(
            found,
            [
                Doubt::Privilege { lacks: Privilege::Missing },
                Doubt::Filter,
                expected.clone(),
                Doubt::Versions,
            ]
        );
        assert_eq!(expected.to_string(), "a security policy denies it (selinux, ipe)");
    }
}
