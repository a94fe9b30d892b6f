//! What the running kernel allows.

use crate::caller::Caller;
use crate::system::{self, System};

/// Settings that decide whether modules may be loaded at all. Each is `None` where it could not be
/// read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Policy {
    /// Module loading is disabled until the next boot.
    pub(crate) modules_disabled: Option<bool>,
    /// What this process may do.
    pub(crate) caller: Caller,
    /// The kernel takes validly signed modules only.
    pub(crate) sig_enforce: Option<bool>,
    /// `none`, `integrity` or `confidentiality`, see `kernel_lockdown`(7).
    pub(crate) lockdown: Option<String>,
    pub(crate) secure_boot: Option<bool>,
    /// Names of `module_blacklist=`.
    pub(crate) blacklist: Vec<String>,
    /// Words of the kernel's command line.
    pub(crate) command_line: Vec<String>,
    /// Security modules that may have an opinion on modules.
    pub(crate) security_modules: Vec<String>,
    /// Whether the kernel can overrule the version checks: `CONFIG_MODULE_FORCE_LOAD`.
    pub(crate) force_load: Option<bool>,
    /// Whether the kernel was built to take signed modules only: `CONFIG_MODULE_SIG_FORCE`.
    pub(crate) forces_signatures: bool,
    /// Whether the kernel loads modules whose type information does not fit:
    /// `CONFIG_MODULE_ALLOW_BTF_MISMATCH`.
    pub(crate) overlooks_btf: bool,
    /// Whether the kernel exports what its own modules use, and no more: `CONFIG_TRIM_UNUSED_KSYMS`.
    pub(crate) trims_exports: bool,
}

/// Security modules of the kernel that look at modules.
const OPINIONATED: &[&str] = &["selinux", "loadpin", "ipe", "ima", "integrity", "bpf"];

impl Policy {
    /// The security modules that may deny a module.
    pub(crate) fn opinionated(&self) -> impl Iterator<Item = &String> {
        self.security_modules.iter().filter(|name| OPINIONATED.contains(&name.as_str()))
    }

    pub(crate) fn read(system: &System) -> Self {
        let text = |path: &std::path::Path| system::read_text(path).ok();
        let command_line = text(&system.command_line()).unwrap_or_default();
        let command_line: Vec<String> = command_line.split(' ').map(str::to_owned).collect();
        let lockdown = text(&system.security("lockdown"));
        let config = text(&system.config(&system.release()));
        let has = |setting: &str| config.as_ref().map(|it| it.lines().any(|line| line == setting));
        let variable = "SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";
        Self {
            modules_disabled: text(&system.sysctl("kernel/modules_disabled")).map(|it| it != "0"),
            caller: Caller::read(system),
            sig_enforce: text(&system.module_parameter("module", "sig_enforce"))
                .map(|value| value == "Y"),
            lockdown: lockdown.map(|text| bracketed(&text).to_owned()),
            secure_boot: system::read(&system.firmware_variable(variable))
                .ok()
                .map(|value| value.get(4) == Some(&1)),
            blacklist: blacklist(system, &command_line),
            command_line,
            security_modules: text(&system.security("lsm"))
                .map(|list| list.split(',').map(str::to_owned).collect())
                .unwrap_or_default(),
            force_load: has("CONFIG_MODULE_FORCE_LOAD=y"),
            forces_signatures: has("CONFIG_MODULE_SIG_FORCE=y") == Some(true),
            overlooks_btf: has("CONFIG_MODULE_ALLOW_BTF_MISMATCH=y") == Some(true),
            trims_exports: has("CONFIG_TRIM_UNUSED_KSYMS=y") == Some(true),
        }
    }
}

/// The word in brackets: the one that is in force.
fn bracketed(text: &str) -> &str {
    let start = text.find('[').map_or(0, |at| at + 1);
    let rest = text.get(start..).unwrap_or_default();
    rest.split(']').next().unwrap_or_default()
}

fn blacklist(system: &System, command_line: &[String]) -> Vec<String> {
    let parameter = system::read_text(&system.module_parameter("kernel", "module_blacklist"));
    let list = parameter.ok().or_else(|| {
        // Only root may read the parameter; the last of several wins.
        let words = command_line.iter().rev();
        let mut values = words.filter_map(|word| word.strip_prefix("module_blacklist="));
        values.next().map(str::to_owned)
    });
    let list = list.filter(|list| list != "(null)").unwrap_or_default();
    list.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mode_in_force_is_in_brackets() {
        assert_eq!(bracketed("none [integrity] confidentiality"), "integrity");
        assert_eq!(bracketed("[none] integrity confidentiality"), "none");
        assert_eq!(bracketed(""), "");
    }
}
