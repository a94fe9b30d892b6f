//! What would help. Nothing is advised where that would be a guess.

use std::fs;
use std::path::Path;

use super::cause::Cause;
use super::facts::Facts;
use super::symbol::{MissingSymbol, reserved_for};
use crate::diagnosis::caller::Privilege;
use crate::remedy::{Change, Remedy};
use crate::shell::shell_word;
use crate::system::System;

pub(super) fn remedies(system: &System, facts: &Facts, cause: &Cause) -> Vec<Remedy> {
    let repeat = |change| vec![Remedy::Repeat(change)];
    let step = |text: &str| vec![Remedy::step(text)];
    match cause {
        Cause::MissingSymbol { symbols } => for_missing(system, symbols),
        Cause::SymbolVersionMismatch { .. } | Cause::VermagicMismatch { .. } => {
            let release = facts.reference.vermagic.as_deref().unwrap_or_default();
            let release = release.split(' ').next().unwrap_or_default();
            let kernel = if release.is_empty() { "the running kernel" } else { release };
            vec![Remedy::step(format!("rebuild the module against the headers for {kernel}"))]
        }
        Cause::MissingNamespace { symbols } => {
            let mut namespaces: Vec<&String> = symbols.iter().map(|(_, space)| space).collect();
            // Those are given by the module's name, and importing them is refused.
            namespaces.retain(|space| reserved_for(space).is_none());
            namespaces.sort_unstable();
            namespaces.dedup();
            let add = |space: &&String| {
                Remedy::step(format!("add MODULE_IMPORT_NS({}) to the module", shell_word(space)))
            };
            namespaces.iter().map(add).collect()
        }
        Cause::DependencyInitializing { module: Some(module), .. } => {
            let state = shell_word(system.module_dir(module).join("initstate"));
            vec![Remedy::step(format!("retry once {state} reads \"live\""))]
        }
        Cause::DuplicateSymbol { owner: Some(owner), .. } => vec![Remedy::Remove(owner.clone())],
        Cause::Unsigned { .. } | Cause::LockedDown { .. } if facts.voids_signature() => {
            repeat(Change::WithoutForce)
        }
        Cause::Unsigned { .. } | Cause::UnknownKey { .. } | Cause::LockedDown { .. } => {
            let mut remedies = step("sign the module with a key that this kernel trusts");
            if facts.policy.secure_boot == Some(true) {
                let enroll = "enroll the signing key: mokutil --import KEY.der, then reboot";
                remedies.push(Remedy::step(enroll));
            }
            remedies
        }
        Cause::BadSignature { .. } => step("reinstall the package that ships the module"),
        Cause::Truncated { .. } | Cause::CorruptCompression { .. } | Cause::EmptyFile => {
            step("copy or download the file again")
        }
        Cause::Blacklisted { name } => {
            let name = shell_word(name);
            vec![Remedy::step(format!("boot without {name} in module_blacklist="))]
        }
        Cause::ModulesDisabled { at_boot: true } => step("boot without nomodule"),
        Cause::ModulesDisabled { at_boot: false } => step("reboot"),
        Cause::NoPrivilege { lacks: Privilege::Namespace, .. } => {
            step("load the module on the host, outside of the user namespace")
        }
        Cause::NoPrivilege { lacks: Privilege::Dropped, container } => match container.as_deref() {
            Some(tool @ ("docker" | "podman")) => vec![
                Remedy::step("load the module on the host"),
                Remedy::step(format!(
                    "start the container with: {tool} run --cap-add SYS_MODULE ..."
                )),
            ],
            Some(_) => vec![
                Remedy::step("load the module on the host"),
                Remedy::step("start the container with the capability CAP_SYS_MODULE"),
            ],
            None => step(
                "start the process with CAP_SYS_MODULE in its bounding set; a systemd service must \
                 not have ProtectKernelModules=yes",
            ),
        },
        Cause::NoPrivilege { .. } => repeat(Change::AsRoot),
        Cause::UnknownParameter { .. }
        | Cause::BadParameter { unknown: true, .. }
        | Cause::BadParameter { takes: None, .. } => repeat(Change::ListParameters),
        Cause::TooLarge { .. } => step("if you trust the file, raise the limit with --max-size"),
        Cause::CompressionUnsupported { .. } => step("decompress the file first"),
        Cause::FileNotFound { .. }
        | Cause::FileNotReadable { .. }
        | Cause::NotAFile { .. }
        | Cause::NotElf { .. }
        | Cause::WrongArchitecture { .. }
        | Cause::NotAModule { .. }
        | Cause::Relocation { .. }
        | Cause::Btf
        | Cause::Livepatch { .. }
        | Cause::ProtectedSymbol { .. }
        | Cause::ReservedNamespace { .. }
        | Cause::GplOnlySymbol { .. }
        | Cause::DependencyInitializing { module: None, .. }
        | Cause::DuplicateSymbol { owner: None, .. }
        | Cause::AlreadyLoaded { .. }
        | Cause::BuiltIn { .. }
        | Cause::BeingUnloaded { .. }
        | Cause::BadParameter { .. }
        | Cause::Inexpressible { .. }
        | Cause::InitFailed { .. }
        | Cause::OutOfMemory { .. }
        | Cause::NoModuleSupport
        | Cause::NotForceable
        | Cause::SecurityPolicy { .. }
        | Cause::Unknown { .. } => Vec::new(),
    }
}

/// The module to load first, for each that is missing.
fn for_missing(system: &System, symbols: &[MissingSymbol]) -> Vec<Remedy> {
    let installed = fs::canonicalize(system.release_dir(&system.release())).ok();
    // The file itself may be a link to one of another release that fits this one, too.
    let directory = |file: &Path| fs::canonicalize(file.parent()?).ok();
    let is_installed = |file: &Path| match (&installed, directory(file)) {
        (Some(installed), Some(directory)) => directory.starts_with(installed),
        _ => false,
    };
    let mut remedies: Vec<Remedy> = Vec::new();
    for symbol in symbols {
        let Some(file) = &symbol.file else { continue };
        let remedy = match &symbol.provider {
            // What depmod knows of may need more than itself.
            Some(name) if is_installed(file) => Remedy::LoadInstalled(name.clone()),
            _ => Remedy::Load(file.clone()),
        };
        if !remedies.contains(&remedy) {
            remedies.push(remedy);
        }
    }
    remedies
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::ModuleName;
    use std::path::PathBuf;

    fn advised(cause: &Cause) -> Vec<Remedy> {
        remedies(&System::at("/"), &Facts::default(), cause)
    }

    #[test]
    fn words_from_files_are_words() {
        let name = ModuleName::from_kernel(b"a;reboot");
        let step = |text: &str| vec![Remedy::step(text)];
        let slow = Cause::DependencyInitializing { module: Some(name), symbols: Vec::new() };
        assert_eq!(
            advised(&slow),
            step("retry once '/sys/module/a;reboot/initstate' reads \"live\"")
        );
        let listed = Cause::Blacklisted { name: "$(reboot)".into() };
        assert_eq!(advised(&listed), step("boot without '$(reboot)' in module_blacklist="));
        let space = Cause::MissingNamespace { symbols: vec![("f".into(), "N); reboot #".into())] };
        assert_eq!(advised(&space), step("add MODULE_IMPORT_NS('N); reboot #') to the module"));
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
        let installed = |name: &[u8]| Remedy::LoadInstalled(ModuleName::from_kernel(name));
        let expected = [
            installed(b"a"),
            installed(b"b;reboot"),
            Remedy::Load(other),
            Remedy::Load(roundabout),
        ];
        assert_eq!(found, expected);
        fs::remove_dir_all(root).unwrap();
    }
}
