//! Whether this module may be loaded by this process into this kernel.

use super::{log_decides, logged};
use crate::diagnosis::cause::Cause;
use crate::diagnosis::evidence::Finding;
use crate::diagnosis::facts::Facts;
use crate::errno::Errno;
use crate::module_file::vermagic_differences;

pub(super) fn no_module_support(facts: &Facts) -> Option<Cause> {
    // Where modules are listed there are some, and the answer is somebody else's.
    let none = match facts.answer {
        None => facts.module_support == Some(false),
        Some(_) => facts.module_support != Some(true),
    };
    none.then_some(Cause::NoModuleSupport)
}

pub(super) fn modules_disabled(facts: &Facts) -> Option<Cause> {
    (facts.policy.modules_disabled == Some(true)).then(|| Cause::ModulesDisabled {
        at_boot: facts.policy.command_line.iter().any(|word| word == "nomodule"),
    })
}

/// Who asks is no property of the module: it does not count if the kernel was not asked.
pub(super) fn no_privilege(facts: &Facts) -> Option<Cause> {
    facts.answer?;
    (facts.policy.privileged == Some(false))
        .then_some(Cause::NoPrivilege { in_namespace: facts.policy.in_namespace })
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
    let has_versions = facts.valid_module().is_some_and(|module| !module.versions.is_empty());
    let differences = vermagic_differences(&module, &kernel, has_versions);
    Some(Cause::VermagicMismatch { module, kernel: Some(kernel), differences })
}

/// The magic of the kernel, if that of the module does not fit it.
fn mismatch(facts: &Facts) -> Option<String> {
    let module = facts.valid_module()?;
    let kernel = facts.reference.vermagic.as_ref()?;
    let has_versions = !module.versions.is_empty() && !facts.force.modversions;
    let magic = module.vermagic.as_deref().unwrap_or_default();
    let differences = vermagic_differences(magic, kernel, has_versions);
    (!differences.is_empty()).then(|| kernel.clone())
}

/// Security modules of the kernel that look at modules.
const OPINIONATED: &[&str] = &["selinux", "loadpin", "ipe", "ima", "integrity"];

pub(super) fn security_policy(facts: &Facts) -> Option<Cause> {
    let by_loadpin = logged(facts, |finding| (*finding == Finding::LoadPin).then_some(()));
    if by_loadpin.is_some() {
        return Some(Cause::SecurityPolicy { modules: vec!["loadpin".to_owned()] });
    }
    // The loader itself never answers so. An init function might, and would say something.
    let silent = facts.log.as_ref().is_none_or(Vec::is_empty);
    let denied = facts.answer == Some(Errno::EACCES) && silent;
    let modules = facts.policy.security_modules.iter();
    let modules = modules.filter(|name| OPINIONATED.contains(&name.as_str())).cloned().collect();
    denied.then_some(Cause::SecurityPolicy { modules })
}
