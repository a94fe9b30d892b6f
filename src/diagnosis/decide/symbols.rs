//! Whether the symbols that a module needs and offers fit: `simplify_symbols` and
//! `verify_exported_symbols` in `kernel/module/main.c`, `check_version` in
//! `kernel/module/version.c`.

use std::collections::HashMap;

use super::{findings, gate, log_decides, logged};
use crate::diagnosis::cause::Cause;
use crate::diagnosis::evidence::Finding;
use crate::diagnosis::facts::{Facts, Module};
use crate::diagnosis::symbol::{MissingSymbol, WrongVersion, reserved_for};
use crate::file::{Import, is_gpl_compatible, vermagic_differences};
use crate::name::ModuleName;

/// What stands for the types that all modules share with the kernel; the second up to 2.6.27.
fn is_layout(symbol: &str) -> bool {
    matches!(symbol, "module_layout" | "struct_module")
}

/// The types that all modules share with the kernel are compared before anything else.
pub(super) fn layout_version(facts: &Facts) -> Option<Cause> {
    wrong_versions(facts, is_layout)
}

pub(super) fn versions(facts: &Facts) -> Option<Cause> {
    wrong_versions(facts, |symbol| !is_layout(symbol))
}

fn wrong_versions(facts: &Facts, among: impl Fn(&str) -> bool) -> Option<Cause> {
    let module = facts.valid_module()?;
    if facts.force.modversions {
        return None;
    }
    // The first of a name is the kernel's, too.
    let rows = module.versions.iter().rev().map(|version| (version.name.as_str(), version.crc));
    let of_module: HashMap<&str, u32> = rows.collect();
    let of_kernel = |name: &str| {
        let detail = facts.details.get(name).and_then(|export| export.crc);
        detail.or_else(|| facts.reference.crcs.get(name).copied())
    };
    let wrong = |name: &str| WrongVersion {
        name: name.to_owned(),
        module: of_module.get(name).copied(),
        kernel: of_kernel(name),
    };
    let symbols: Vec<WrongVersion> = if log_decides(facts) {
        findings(facts)
            .filter_map(|finding| match finding {
                Finding::VersionDisagrees(name) | Finding::NoVersion(name) => Some(name.as_str()),
                _ => None,
            })
            .filter(|name| among(name))
            .map(wrong)
            .collect()
    } else {
        let differs = |version: &&crate::file::SymbolVersion| {
            of_kernel(&version.name).is_some_and(|crc| crc != version.crc)
        };
        let names = module.versions.iter().filter(differs).map(|version| version.name.as_str());
        names.filter(|name| among(name)).map(wrong).collect()
    };
    if let Some(cause) = provider_mismatch(facts, &symbols) {
        return Some(cause);
    }
    if facts.was_upgraded && !symbols.is_empty() && symbols.iter().all(|one| is_layout(&one.name)) {
        return module.vermagic.as_deref().map(|magic| gate::not_rebooted(facts, magic));
    }
    let (own, kernels) = (module.vermagic.as_deref(), facts.kernel_magic());
    let differences =
        own.zip(kernels).map(|(own, kernels)| vermagic_differences(own, &kernels, false));
    let differences = differences.unwrap_or_default();
    (!symbols.is_empty()).then_some(Cause::SymbolVersionMismatch { symbols, differences })
}

/// Whether the symbols are all of one module: then its build is what differs.
fn provider_mismatch(facts: &Facts, symbols: &[WrongVersion]) -> Option<Cause> {
    let owner =
        |symbol: &WrongVersion| facts.exports.as_ref()?.found.get(&symbol.name)?.owner.clone();
    let provider = owner(symbols.first()?)?;
    if symbols.iter().any(|symbol| owner(symbol).as_ref() != Some(&provider)) {
        return None;
    }
    Some(Cause::ProviderMismatch {
        symbols: symbols.to_vec(),
        builds: facts.other_builds.get(&provider).cloned().flatten(),
        file: facts.fitting.get(&provider).cloned(),
        provider,
    })
}

pub(super) fn dependency_initializing(facts: &Facts) -> Option<Cause> {
    let symbols: Vec<String> = findings(facts)
        .filter_map(|finding| match finding {
            Finding::UnknownSymbol(name, errno) if *errno == nix::libc::EBUSY => Some(name.clone()),
            _ => None,
        })
        .collect();
    let module = logged(facts, |finding| match finding {
        Finding::GaveUpWaiting(module) => ModuleName::new(module).ok(),
        _ => None,
    });
    if facts.answer.is_none() {
        return awaited(facts);
    }
    (module.is_some() || !symbols.is_empty())
        .then_some(Cause::DependencyInitializing { module, symbols })
}

/// A module whose symbols this one uses, and which the kernel would wait for half a minute for.
fn awaited(facts: &Facts) -> Option<Cause> {
    let found = &facts.exports.as_ref()?.found;
    let owner = |import: &Import| {
        let owner = found.get(&import.name)?.owner.as_ref()?;
        facts.initializing.contains(owner).then_some(owner)
    };
    let imports = &facts.valid_module()?.imports;
    let module = imports.iter().find_map(owner)?.clone();
    let from_it = |import: &&Import| owner(import) == Some(&module);
    let symbols = imports.iter().filter(from_it).map(|import| import.name.clone()).collect();
    Some(Cause::DependencyInitializing { module: Some(module), symbols })
}

/// Symbols that exist, but not for a module under this license. The kernel calls them
/// unknown.
pub(super) fn gpl_only(facts: &Facts) -> Option<Cause> {
    let module = facts.valid_module()?;
    let said = |finding: &Finding| matches!(finding, Finding::ProprietaryOwner(_)).then_some(());
    let mixed: Vec<String> = findings(facts)
        .filter_map(|finding| match finding {
            Finding::ProprietaryOwner(symbol) => Some(symbol.clone()),
            _ => None,
        })
        .collect();
    let license = module.license.as_deref();
    if logged(facts, said).is_none() && is_gpl_compatible(license) {
        return None;
    }
    let exports = facts.exports.as_ref()?;
    let mut symbols: Vec<String> = unresolved(facts, module)
        .into_iter()
        .filter(|name| {
            exports.found.get(*name).is_some_and(|found| is_gpl_only(facts, name, found))
        })
        .map(str::to_owned)
        .collect();
    if symbols.is_empty() {
        symbols = mixed;
    }
    let license = license.map(|license| String::from_utf8_lossy(license).into_owned());
    (!symbols.is_empty()).then_some(Cause::GplOnlySymbol { symbols, license })
}

fn is_gpl_only(facts: &Facts, name: &str, exported: &crate::diagnosis::exports::Exported) -> bool {
    let detail = facts.details.get(name).map(|export| export.gpl_only);
    // The kernel hides an exported symbol from a proprietary module for this reason only; before
    // the call, only the recorded attribute counts.
    exported.gpl_only.or(detail).unwrap_or(log_decides(facts))
}

pub(super) fn missing(facts: &Facts) -> Option<Cause> {
    let module = facts.valid_module()?;
    let mut symbols: Vec<MissingSymbol> = Vec::new();
    for name in unresolved(facts, module) {
        let exported =
            facts.exports.as_ref().is_some_and(|exports| exports.found.contains_key(name));
        if exported && !log_decides(facts) {
            continue;
        }
        let known = facts.providers.get(name).cloned();
        symbols.push(known.unwrap_or_else(|| MissingSymbol {
            name: name.to_owned(),
            provider: None,
            file: None,
        }));
    }
    (!symbols.is_empty()).then_some(Cause::MissingSymbol { symbols })
}

/// The symbols that the kernel calls unknown; before it was asked, those that it may.
fn unresolved<'a>(facts: &'a Facts, module: &'a Module) -> Vec<&'a str> {
    if log_decides(facts) {
        return findings(facts)
            .filter_map(|finding| match finding {
                Finding::UnknownSymbol(name, errno) if *errno == nix::libc::ENOENT => {
                    Some(name.as_str())
                }
                _ => None,
            })
            .collect();
    }
    if facts.exports.is_none() {
        return Vec::new();
    }
    let strong = module.imports.iter().filter(|import| !import.weak);
    strong.map(|import| import.name.as_str()).filter(|name| !is_linkers(name)).collect()
}

/// Symbols that the kernel's loader or linker makes up itself: `ignore_undef_symbol`.
fn is_linkers(name: &str) -> bool {
    matches!(name, "_GLOBAL_OFFSET_TABLE_" | ".TOC." | "TOC." | "__gp_disp" | "_gp_disp")
}

/// Whether the kernel gives symbols of a namespace to a module without being asked:
/// `verify_module_namespace`. A `*` ends a pattern, and `-` is the same as `_`.
fn is_given(namespace: &str, module: Option<&ModuleName>) -> bool {
    let (Some(patterns), Some(module)) = (reserved_for(namespace), module) else { return false };
    let same = |pattern: &str| pattern.replace('-', "_");
    let name = same(&module.to_string());
    patterns.split(',').map(same).any(|pattern| match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == pattern,
    })
}

pub(super) fn namespaces(facts: &Facts) -> Option<Cause> {
    let module = facts.valid_module()?;
    let refused = logged(facts, |finding| match finding {
        Finding::NotImportable(namespace) => Some(namespace.clone()),
        _ => None,
    });
    let imported = || {
        let mut imported = module.namespaces.iter();
        imported.find(|space| reserved_for(space).is_some() && facts.reserves_namespaces).cloned()
    };
    if let Some(namespace) = refused.or_else(|| imported().filter(|_| !log_decides(facts))) {
        return Some(Cause::ReservedNamespace { namespace });
    }
    let symbols: Vec<(String, String)> = if log_decides(facts) {
        findings(facts)
            .filter_map(|finding| match finding {
                Finding::NotImported(symbol, namespace) => {
                    Some((symbol.clone(), namespace.clone()))
                }
                _ => None,
            })
            .collect()
    } else {
        module
            .imports
            .iter()
            .filter_map(|import| {
                let namespace = facts.details.get(&import.name)?.namespace.as_ref()?;
                let missing = !module.namespaces.contains(namespace)
                    && !is_given(namespace, module.name.as_ref());
                missing.then(|| (import.name.clone(), namespace.clone()))
            })
            .collect()
    };
    (!symbols.is_empty()).then_some(Cause::MissingNamespace { symbols })
}

pub(super) fn duplicate(facts: &Facts) -> Option<Cause> {
    let said = logged(facts, |finding| match finding {
        Finding::Duplicate(symbol, owner) => Some((symbol.clone(), owner.clone())),
        _ => None,
    });
    if let Some((symbol, owner)) = said {
        let owner = Some(owner).filter(|owner| owner != "kernel");
        let owner = owner.and_then(|owner| ModuleName::new(owner).ok());
        return Some(Cause::DuplicateSymbol { symbol, owner });
    }
    if log_decides(facts) {
        return None;
    }
    let module = facts.valid_module()?;
    let exports = facts.exports.as_ref()?;
    module.exports.iter().find_map(|export| {
        let exported = exports.found.get(&export.name)?;
        Some(Cause::DuplicateSymbol { symbol: export.name.clone(), owner: exported.owner.clone() })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn namespaces_for_modules_of_a_name() {
        let given = |namespace: &str, name: &str| {
            is_given(namespace, Some(&ModuleName::new(name).unwrap()))
        };
        assert!(given("module:kvm-intel,kvm-amd", "kvm_intel"));
        assert!(given("module:cxl_*,x", "cxl_core"));
        assert!(!given("module:kvm-intel", "kvm"));
        assert!(!given("KVM", "KVM"));
    }
}
