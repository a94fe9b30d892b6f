//! Whether this module may be loaded by this process into this kernel.

use super::{findings, log_decides, logged};
use crate::diagnosis::cause::Cause;
use crate::diagnosis::evidence::{Evidence, Finding, Meaning};
use crate::diagnosis::facts::Facts;
use crate::diagnosis::upgrade;
use crate::errno::Errno;
use crate::file::vermagic_differences;

pub(super) fn no_module_support(facts: &Facts) -> Option<Cause> {
    // A kernel that lists modules supports them: the answer came from elsewhere.
    let none = match facts.answer {
        None => facts.module_support == Some(false),
        Some(_) => facts.module_support != Some(true),
    };
    let wsl = facts.release.ends_with("-Microsoft");
    none.then_some(Cause::NoModuleSupport { wsl })
}

pub(super) fn modules_disabled(facts: &Facts) -> Option<Cause> {
    (facts.policy.modules_disabled == Some(true)).then(|| Cause::ModulesDisabled {
        at_boot: facts.policy.command_line.iter().any(|word| word == "nomodule"),
    })
}

/// Privileges are not a property of the module: they do not count if the kernel was not called.
pub(in crate::diagnosis) fn no_privilege(facts: &Facts) -> Option<Cause> {
    facts.answer?;
    let lacks = facts.policy.caller.lacks?;
    Some(Cause::NoPrivilege { lacks, container: facts.policy.caller.container.clone() })
}

/// Not the name but the whole file is on a list, such as that of revoked hashes (dbx) of UEFI.
pub(super) fn revoked(facts: &Facts) -> Option<Cause> {
    logged(facts, |finding| (*finding == Finding::Revoked).then_some(Cause::Revoked))
}

/// The kernel may have the key, and was not let search for it.
pub(super) fn key_denied(facts: &Facts) -> Option<Cause> {
    logged(facts, |finding| (*finding == Finding::KeyDenied).then_some(()))?;
    let modules = facts.policy.opinionated().cloned().collect();
    Some(Cause::SecurityPolicy { modules, certain: true })
}

pub(super) fn blacklisted(facts: &Facts) -> Option<Cause> {
    let name = logged(facts, |finding| match finding {
        Finding::Blacklisted(name) => Some(name.clone()),
        _ => None,
    });
    // The kernel compares the name in modinfo, byte by byte. Before Linux 5.15 it said nothing.
    let listed = || {
        let name = facts.module.as_ref()?.modinfo_name.as_ref()?;
        facts.policy.blacklist.contains(name).then(|| name.clone())
    };
    name.or_else(listed).map(|name| Cause::Blacklisted { name })
}

pub(super) fn vermagic(facts: &Facts) -> Option<Cause> {
    let module = facts.valid_module()?;
    let from_log = logged(facts, |finding| match finding {
        Finding::Vermagic(module, kernel) => Some((module.clone(), kernel.clone())),
        _ => None,
    });
    if from_log.is_none() {
        if facts.force.vermagic {
            // Of a kernel that cannot do that, this answer is all there is.
            let refused = facts.answer.is_some() || facts.policy.force_load == Some(false);
            let differs = || mismatch(facts).is_some();
            let cannot = facts.policy.force_load != Some(true) && refused && differs();
            return cannot.then_some(Cause::NotForceable);
        }
        if log_decides(facts) {
            return None;
        }
    }
    let (module, kernel) = match from_log {
        Some(magics) => magics,
        None => (module.vermagic.clone().unwrap_or_default(), mismatch(facts)?),
    };
    let has_versions = facts.valid_module().is_some_and(|module| module.has_versions_section);
    let mut differences = vermagic_differences(&module, &kernel, has_versions);
    if differences.is_empty() {
        // By other rules than mainline's, the kernel refused it all the same.
        differences = vermagic_differences(&module, &kernel, false);
    }
    if facts.was_upgraded {
        return Some(not_rebooted(facts, &module, true));
    }
    Some(Cause::VermagicMismatch { module, kernel: Some(kernel), differences, certain: true })
}

/// No modules are installed for the running kernel any more, but for the one that this module is
/// of.
pub(super) fn not_rebooted(facts: &Facts, vermagic: &str, certain: bool) -> Cause {
    let module = vermagic.split(' ').next().unwrap_or_default().to_owned();
    let (kernel, booted_since) = (facts.release.clone(), facts.booted_since);
    Cause::NotRebooted { module, kernel, booted_since, certain }
}

/// Before the call, without modules of the running kernel to compare with, only the releases can be.
pub(super) fn upgraded(facts: &Facts) -> Option<Cause> {
    let module = facts.valid_module()?;
    let magic = module.vermagic.as_ref()?;
    if facts.answer.is_some() || facts.reference.vermagic.is_some() || facts.force.any() {
        return None;
    }
    // A kernel with symbol versions, too, compares those instead of the releases. They mostly differ.
    let certain = !module.has_versions_section;
    if facts.was_upgraded {
        return Some(not_rebooted(facts, magic, certain));
    }
    // With symbol versions, a module may fit another kernel of the same series.
    let own = magic.split(' ').next().unwrap_or_default();
    let may_fit = own == facts.release
        || module.has_versions_section && upgrade::same_series(own, &facts.release);
    let kernel = facts.kernel_magic().filter(|_| !may_fit)?;
    let differences = vermagic_differences(magic, &kernel, false);
    let module = magic.clone();
    Some(Cause::VermagicMismatch { module, kernel: Some(kernel), differences, certain })
}

/// The magic of the kernel, if that of the module does not fit it.
fn mismatch(facts: &Facts) -> Option<String> {
    let module = facts.valid_module()?;
    let kernel = facts.reference.vermagic.as_ref()?;
    let has_versions = module.has_versions_section && !facts.force.modversions;
    let magic = module.vermagic.as_deref().unwrap_or_default();
    let differences = vermagic_differences(magic, kernel, has_versions);
    (!differences.is_empty()).then(|| kernel.clone())
}

pub(super) fn security_policy(facts: &Facts) -> Option<Cause> {
    let said = logged(facts, |finding| match finding {
        Finding::Denied(module) => Some(vec![(*module).to_owned()]),
        _ => None,
    });
    if let Some(modules) = said {
        return Some(Cause::SecurityPolicy { modules, certain: true });
    }
    // The init function might answer so, too, and would mostly log something.
    let own = |evidence: &Evidence| evidence.meaning == Meaning::Own;
    if facts.log.iter().flatten().any(own) {
        return None;
    }
    let seccomp = facts.policy.caller.seccomp == Some(true);
    let modules = match facts.answer? {
        // Audit logs a few denials a second, and a daemon may keep them for itself.
        Errno::EACCES => facts.policy.opinionated().cloned().collect(),
        Errno::EPERM | Errno::ENOSYS if seccomp => vec!["seccomp".to_owned()],
        _ => return None,
    };
    Some(Cause::SecurityPolicy { modules, certain: false })
}

pub(super) fn protected_symbol(facts: &Facts) -> Option<Cause> {
    let symbols: Vec<String> = findings(facts)
        .filter_map(|finding| match finding {
            Finding::Protected(symbol) => Some(symbol.clone()),
            _ => None,
        })
        .collect();
    (!symbols.is_empty()).then_some(Cause::ProtectedSymbol { symbols })
}

/// A notifier that runs before the init function may refuse the module.
pub(super) fn refused_by_notifier(facts: &Facts) -> Option<Cause> {
    // Where the kernel was built to overlook it, or has come to the init function, it only warned.
    let own = |evidence: &Evidence| evidence.meaning == Meaning::Own;
    let warned = facts.policy.overlooks_btf || facts.log.iter().flatten().any(own);
    let answer = facts.answer;
    logged(facts, |finding| match finding {
        Finding::Btf(errno) if !warned && answer == Some(Errno::from_raw(*errno)) => {
            Some(Cause::Btf)
        }
        Finding::Livepatch(patch) => {
            Some(Cause::Livepatch { patch: Some(patch.clone()).filter(|patch| !patch.is_empty()) })
        }
        _ => None,
    })
}
