//! Whether the symbols that a module needs and offers fit: `simplify_symbols` and
//! `verify_exported_symbols` in `kernel/module/main.c`, `check_version` in
//! `kernel/module/version.c`.

use std::collections::{HashMap, HashSet};

use super::{findings, gate, log_decides, logged};
use crate::diagnosis::cause::Cause;
use crate::diagnosis::evidence::Finding;
use crate::diagnosis::facts::{Facts, Module};
use crate::diagnosis::reference::is_layout;
use crate::diagnosis::symbol::{MissingSymbol, WrongVersion, reserved_for};
use crate::file::{Import, is_gpl_compatible, vermagic_differences};
use crate::name::ModuleName;
use crate::order;

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
    let mut symbols: Vec<WrongVersion> = if log_decides(facts) {
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
    // Not all of them are shown: those with a known version first.
    order::sort_by_key(&mut symbols, |symbol| symbol.kernel.is_none());
    if let Some(cause) = provider_mismatch(facts, &symbols) {
        return Some(cause);
    }
    if facts.was_upgraded && !symbols.is_empty() && symbols.iter().all(|one| is_layout(&one.name)) {
        return module.vermagic.as_deref().map(|magic| gate::not_rebooted(facts, magic, true));
    }
    let (own, kernels) = (module.vermagic.as_deref(), facts.kernel_magic());
    let differences =
        own.zip(kernels).map(|(own, kernels)| vermagic_differences(own, &kernels, false));
    let differences = differences.unwrap_or_default();
    (!symbols.is_empty()).then_some(Cause::SymbolVersionMismatch { symbols, differences })
}

/// Whether the symbols are all of one module: then its build is what differs.
fn provider_mismatch(facts: &Facts, symbols: &[WrongVersion]) -> Option<Cause> {
    let owner = |symbol: &WrongVersion| match &facts.exports {
        Some(exports) => exports.found.get(&symbol.name)?.owner.clone(),
        None => facts.owners.get(&symbol.name)?.clone(),
    };
    let provider = owner(symbols.first()?)?;
    if symbols.iter().any(|symbol| owner(symbol).as_ref() != Some(&provider)) {
        return None;
    }
    // With the kernel's own module, the module was built for another kernel, unless another build of
    // that module is at hand.
    let known = facts.other_builds.contains_key(&provider) || facts.fitting.contains_key(&provider);
    if !facts.out_of_tree.contains(&provider) && !known {
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
    let crashed = module.as_ref().is_some_and(|module| facts.crashed.contains(module));
    (module.is_some() || !symbols.is_empty()).then_some(Cause::DependencyInitializing {
        module,
        symbols,
        crashed,
    })
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
    let crashed = facts.crashed.contains(&module);
    Some(Cause::DependencyInitializing { module: Some(module), symbols, crashed })
}

/// A module may use symbols for the GPL or those of proprietary modules, not both (Linux 5.9,
/// `inherit_taint`): those that come second are called unknown.
pub(super) fn proprietary_provider(facts: &Facts) -> Option<Cause> {
    let module = facts.valid_module()?;
    let name = |owner: &str| ModuleName::new(owner).ok();
    let all = || unresolved(facts, module).into_iter();
    if log_decides(facts) {
        let refused = logged(facts, |finding| match finding {
            Finding::ProprietaryOwner(owner) => name(owner),
            _ => None,
        });
        let inherited = logged(facts, |finding| match finding {
            Finding::InheritsTaint(owner) => name(owner),
            _ => None,
        });
        let found = |symbol: &&str| {
            refused.is_some()
                || facts.exports.as_ref().is_some_and(|exports| exports.found.contains_key(*symbol))
        };
        let symbols: Vec<String> = all().filter(found).map(str::to_owned).collect();
        let provider = refused.clone().or(inherited)?;
        let refused_any = refused.is_some() || !symbols.is_empty();
        return refused_any.then_some(Cause::ProprietaryProvider { symbols, provider });
    }
    if facts.answer.is_some() || !is_gpl_compatible(module.license.as_deref()) {
        return None;
    }
    let found = &facts.exports.as_ref()?.found;
    all().find(|symbol| found.get(*symbol).is_some_and(|one| is_gpl_only(facts, symbol, one)))?;
    let owner = |symbol: &str| found.get(symbol)?.owner.as_ref();
    let provider = all().filter_map(owner).find(|owner| facts.proprietary.contains(owner))?.clone();
    let symbols = all().filter(|symbol| owner(symbol) == Some(&provider));
    let symbols = symbols.map(str::to_owned).collect();
    Some(Cause::ProprietaryProvider { symbols, provider })
}

/// Symbols that are there, but not for a module under such a license. The kernel calls them
/// unknown.
pub(super) fn gpl_only(facts: &Facts) -> Option<Cause> {
    let module = facts.valid_module()?;
    let license = module.license.as_deref();
    if is_gpl_compatible(license) {
        return None;
    }
    let exported = |name: &str| facts.exports.as_ref()?.found.get(name);
    let symbols: Vec<String> = unresolved(facts, module)
        .into_iter()
        .filter(|name| match exported(name) {
            Some(found) => is_gpl_only(facts, name, found),
            // The provider is not loaded, or the kernel does not show what it exports.
            None => facts.reserved.contains(*name),
        })
        .map(str::to_owned)
        .collect();
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
    let names: HashSet<&str> = symbols.iter().map(|symbol| symbol.name.as_str()).collect();
    let internal = facts.internal.iter().filter(|name| names.contains(name.as_str()));
    let internal = internal.cloned().collect();
    let provides =
        |name: &&ModuleName| symbols.iter().any(|symbol| symbol.provider.as_ref() == Some(name));
    let mut stale: Vec<ModuleName> = facts.stale.iter().filter(provides).cloned().collect();
    order::sort(&mut stale);
    (!symbols.is_empty()).then(|| Cause::MissingSymbol {
        symbols,
        internal,
        absent: facts.absent.clone(),
        stale,
    })
}

/// What a kernel that cannot be forced refuses without a word: `try_to_force_load`.
pub(super) fn unversioned(facts: &Facts) -> Option<Cause> {
    let module = facts.valid_module()?;
    let silent = findings(facts).next().is_none() && !facts.policy.caller.is_filtered();
    let unforced = match facts.answer {
        Some(_) => facts.policy.force_load != Some(true) && silent,
        None => facts.policy.force_load == Some(false),
    };
    if !unforced {
        return None;
    }
    let kernels = facts.reference.vermagic.as_ref();
    let versioned = kernels.is_some_and(|magic| magic.contains("modversions"));
    let bare = versioned && !module.has_versions_section && module.versions.is_empty();
    let exported = &module.exports;
    let what = if bare {
        "symbol versions (modversions), which this kernel asks for"
    } else if module.vermagic.is_none() {
        "version magic, by which the kernel knows what it was built for"
    } else if versioned && !exported.is_empty() && exported.iter().all(|one| one.crc.is_none()) {
        "versions for the symbols that it exports, which this kernel asks for"
    } else {
        return None;
    };
    Some(Cause::Unversioned { what })
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
