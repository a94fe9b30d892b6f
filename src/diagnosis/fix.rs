//! What would help. Nothing is said where that would be a guess.

use std::path::Path;

use super::cause::{Cause, MissingSymbol};
use super::facts::Facts;

pub(super) fn fixes(facts: &Facts, cause: &Cause) -> Vec<String> {
    let file = shell_word(&facts.path);
    let one = |text: String| vec![text];
    match cause {
        Cause::MissingSymbol { symbols } => for_missing(symbols),
        Cause::SymbolVersionMismatch { .. } | Cause::VermagicMismatch { .. } => {
            let release = facts.reference.vermagic.as_deref().unwrap_or_default();
            let release = release.split(' ').next().unwrap_or_default();
            match release {
                "" => one("build the module against the headers of the running kernel".to_owned()),
                release => one(format!("build the module against the headers of {release}")),
            }
        }
        Cause::MissingNamespace { symbols } => {
            let mut namespaces: Vec<&String> = symbols.iter().map(|(_, space)| space).collect();
            namespaces.sort_unstable();
            namespaces.dedup();
            let add = |space: &&String| format!("add MODULE_IMPORT_NS({space}) to the module");
            namespaces.iter().map(add).collect()
        }
        Cause::DependencyInitialising { module: Some(module), .. } => {
            one(format!("wait until /sys/module/{module}/initstate is live"))
        }
        Cause::DuplicateSymbol { owner: Some(owner), .. } => one(format!("rmmod {owner}")),
        Cause::Unsigned { .. } | Cause::LockedDown { .. } if facts.voids_signature() => {
            one(format!("insmod {file}   (without --force)"))
        }
        Cause::Unsigned { .. } | Cause::UnknownKey { .. } | Cause::LockedDown { .. } => {
            let mut fixes = vec!["sign the module with a key that this kernel trusts".to_owned()];
            if facts.policy.secure_boot == Some(true) {
                fixes.push("enrol the key that signed it: mokutil --import".to_owned());
            }
            fixes
        }
        Cause::BadSignature { .. } => one("install the module again from its package".to_owned()),
        Cause::Truncated { .. } | Cause::CorruptCompression { .. } | Cause::EmptyFile => {
            one("copy or install the file again".to_owned())
        }
        Cause::Blacklisted { name } => one(format!("boot without {name} in module_blacklist=")),
        Cause::ModulesDisabled { at_boot: true } => one("boot without nomodule".to_owned()),
        Cause::ModulesDisabled { at_boot: false } => one("reboot".to_owned()),
        Cause::NoPrivilege { in_namespace: false } => one(format!("sudo insmod {file}")),
        Cause::NoPrivilege { in_namespace: true } => one("load it on the host".to_owned()),
        Cause::UnknownParameter { .. } => one(format!("insmod --params {file}")),
        Cause::BadParameter { unknown: true, .. } | Cause::BadParameter { takes: None, .. } => {
            one(format!("insmod --params {file}"))
        }
        Cause::TooLarge { .. } => one(format!("if it can be trusted: insmod --max-size=2G {file}")),
        Cause::CompressionUnsupported { .. } => one("decompress the file first".to_owned()),
        _ => Vec::new(),
    }
}

/// The command for each module that is to be loaded first.
fn for_missing(symbols: &[MissingSymbol]) -> Vec<String> {
    let mut fixes: Vec<String> = Vec::new();
    for symbol in symbols {
        let Some(file) = &symbol.file else { continue };
        // What depmod knows of may need more than itself.
        let indexed = file.components().any(|part| part.as_os_str() == "modules")
            && file.is_absolute()
            && file.components().any(|part| part.as_os_str() == "lib");
        let fix = match &symbol.provider {
            Some(name) if indexed => format!("modprobe {name}"),
            _ => format!("insmod {}", shell_word(file)),
        };
        if !fixes.contains(&fix) {
            fixes.push(fix);
        }
    }
    fixes
}

/// A path that a shell takes for one word.
fn shell_word(path: &Path) -> String {
    let text = path.to_string_lossy();
    let plain = |letter: char| letter.is_alphanumeric() || "/._-+,:=@%".contains(letter);
    if !text.is_empty() && text.chars().all(plain) {
        return text.into_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}
