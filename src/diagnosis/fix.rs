//! What would help. Nothing is said where that would be a guess.
//!
//! People paste it into a shell, as root: what is from files or from the kernel is quoted.

use std::fs;
use std::path::Path;

use super::cause::{Cause, MissingSymbol, reserved_for};
use super::facts::Facts;
use crate::kernel::Privilege;
use crate::name::ModuleName;
use crate::shell::shell_word;
use crate::system::System;

pub(super) fn fixes(system: &System, facts: &Facts, cause: &Cause) -> Vec<String> {
    let file = shell_word(&facts.path);
    let one = |text: String| vec![text];
    match cause {
        Cause::MissingSymbol { symbols } => for_missing(system, symbols),
        Cause::SymbolVersionMismatch { .. } | Cause::VermagicMismatch { .. } => {
            let release = facts.reference.vermagic.as_deref().unwrap_or_default();
            let release = release.split(' ').next().unwrap_or_default();
            match release {
                "" => {
                    one("rebuild the module against the headers for the running kernel".to_owned())
                }
                release => one(format!(
                    "rebuild the module against the headers for {}",
                    shell_word(release)
                )),
            }
        }
        Cause::MissingNamespace { symbols } => {
            let mut namespaces: Vec<&String> = symbols.iter().map(|(_, space)| space).collect();
            // Those are given by the module's name, and importing them is refused.
            namespaces.retain(|space| reserved_for(space).is_none());
            namespaces.sort_unstable();
            namespaces.dedup();
            let add = |space: &&String| {
                format!("add MODULE_IMPORT_NS({}) to the module", shell_word(space))
            };
            namespaces.iter().map(add).collect()
        }
        Cause::DependencyInitializing { module: Some(module), .. } => {
            let state = shell_word(system.module_dir(module).join("initstate"));
            one(format!("retry once {state} reads \"live\""))
        }
        Cause::DuplicateSymbol { owner: Some(owner), .. } => one(format!("rmmod {}", word(owner))),
        Cause::Unsigned { .. } | Cause::LockedDown { .. } if facts.voids_signature() => {
            one(format!("insmod {file}    # without --force"))
        }
        Cause::Unsigned { .. } | Cause::UnknownKey { .. } | Cause::LockedDown { .. } => {
            let mut fixes = vec!["sign the module with a key that this kernel trusts".to_owned()];
            if facts.policy.secure_boot == Some(true) {
                fixes.push(
                    "enroll the signing key: mokutil --import KEY.der, then reboot".to_owned(),
                );
            }
            fixes
        }
        Cause::BadSignature { .. } => one("reinstall the package that ships the module".to_owned()),
        Cause::Truncated { .. } | Cause::CorruptCompression { .. } | Cause::EmptyFile => {
            one("copy or download the file again".to_owned())
        }
        Cause::Blacklisted { name } => {
            one(format!("boot without {} in module_blacklist=", shell_word(name)))
        }
        Cause::ModulesDisabled { at_boot: true } => one("boot without nomodule".to_owned()),
        Cause::ModulesDisabled { at_boot: false } => one("reboot".to_owned()),
        Cause::NoPrivilege { lacks: Privilege::Missing, .. } => one(format!("sudo insmod {file}")),
        Cause::NoPrivilege { lacks: Privilege::Namespace, .. } => {
            one("load the module on the host, outside of the user namespace".to_owned())
        }
        Cause::NoPrivilege { lacks: Privilege::Dropped, container } => {
            let start = match container.as_deref() {
                Some(tool @ ("docker" | "podman")) => {
                    format!("start the container with: {tool} run --cap-add SYS_MODULE ...")
                }
                Some(_) => "start the container with the capability CAP_SYS_MODULE".to_owned(),
                None => "start the process with CAP_SYS_MODULE in its bounding set; a systemd \
                         service must not have ProtectKernelModules=yes"
                    .to_owned(),
            };
            let mut fixes = vec!["load the module on the host".to_owned(), start];
            if container.is_none() {
                fixes.remove(0);
            }
            fixes
        }
        Cause::UnknownParameter { .. } => one(format!("insmod --params {file}")),
        Cause::BadParameter { unknown: true, .. } | Cause::BadParameter { takes: None, .. } => {
            one(format!("insmod --params {file}"))
        }
        Cause::TooLarge { .. } => {
            one(format!("insmod --max-size=2G {file}    # only if you trust the file"))
        }
        Cause::CompressionUnsupported { .. } => one("decompress the file first".to_owned()),
        _ => Vec::new(),
    }
}

/// The command for each module that is to be loaded first.
fn for_missing(system: &System, symbols: &[MissingSymbol]) -> Vec<String> {
    let installed = fs::canonicalize(system.release_dir(&system.release())).ok();
    // The file itself may be a link to one of another release that fits this one, too.
    let directory = |file: &Path| fs::canonicalize(file.parent()?).ok();
    let is_installed = |file: &Path| match (&installed, directory(file)) {
        (Some(installed), Some(directory)) => directory.starts_with(installed),
        _ => false,
    };
    let mut fixes: Vec<String> = Vec::new();
    for symbol in symbols {
        let Some(file) = &symbol.file else { continue };
        let fix = match &symbol.provider {
            // What depmod knows of may need more than itself.
            Some(name) if is_installed(file) => format!("modprobe {}", word(name)),
            _ => format!("insmod {}", shell_word(file)),
        };
        if !fixes.contains(&fix) {
            fixes.push(fix);
        }
    }
    fixes
}

fn word(name: &ModuleName) -> String {
    shell_word(name.as_os_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn advised(path: &str, cause: &Cause) -> Vec<String> {
        let facts = Facts { path: path.into(), ..Facts::default() };
        fixes(&System::at("/"), &facts, cause)
    }

    #[test]
    fn words_from_files_are_words() {
        let name = ModuleName::from_kernel(b"a;reboot");
        let privilege = Cause::NoPrivilege { lacks: Privilege::Missing, container: None };
        assert_eq!(advised("./x; reboot #.ko", &privilege), ["sudo insmod './x; reboot #.ko'"]);
        assert_eq!(advised("-f.ko", &privilege), ["sudo insmod -- -f.ko"]);
        let owned = Cause::DuplicateSymbol { symbol: "f".into(), owner: Some(name.clone()) };
        assert_eq!(advised("x.ko", &owned), ["rmmod 'a;reboot'"]);
        let slow = Cause::DependencyInitializing { module: Some(name), symbols: Vec::new() };
        assert_eq!(
            advised("x.ko", &slow),
            ["retry once '/sys/module/a;reboot/initstate' reads \"live\""]
        );
        let listed = Cause::Blacklisted { name: "$(reboot)".into() };
        assert_eq!(advised("x.ko", &listed), ["boot without '$(reboot)' in module_blacklist="]);
        let space = Cause::MissingNamespace { symbols: vec![("f".into(), "N); reboot #".into())] };
        assert_eq!(advised("x.ko", &space), ["add MODULE_IMPORT_NS('N); reboot #') to the module"]);
    }

    /// Only the modules of the running release are modprobe's.
    #[test]
    fn modprobe_is_for_what_it_finds() {
        let root = std::env::temp_dir().join(format!("modutils-fix-{}", std::process::id()));
        let write = |file: &str, text: &str| -> PathBuf {
            let path = root.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, text).unwrap();
            path
        };
        write("proc/sys/kernel/osrelease", "6.1\n");
        let symbol = |name: &str, file: PathBuf| MissingSymbol {
            name: "f".to_owned(),
            provider: Some(ModuleName::from_kernel(name.as_bytes())),
            file: Some(file),
        };
        let installed = write("lib/modules/6.1/kernel/a.ko", "");
        let other = write("lib/modules/6.2/a.ko", "");
        let roundabout = root.join("lib/modules/6.1/../6.2/a.ko");
        let found = for_missing(
            &System::at(&root),
            &[
                symbol("a", installed.clone()),
                symbol("b;reboot", installed),
                symbol("a;reboot", other.clone()),
                symbol("a;reboot", roundabout.clone()),
            ],
        );
        assert_eq!(
            found,
            [
                "modprobe a".to_owned(),
                "modprobe 'b;reboot'".to_owned(),
                format!("insmod {}", shell_word(&other)),
                format!("insmod {}", shell_word(&roundabout)),
            ]
        );
        fs::remove_dir_all(root).unwrap();
    }
}
