//! Collecting the facts. Nothing here fails: what cannot be read is left out.

use std::collections::{HashMap, HashSet};
use std::os::unix::fs::FileTypeExt;

use super::depth::Depth;
use super::evidence::{self, About, Evidence, Finding, Meaning};
use super::facts::{Argument, Facts, FileFacts, Installed, Module};
use super::symbol::Builds;
use super::{
    Purpose, Request, Supposed, looks, owners, providers, symvers, unopened, upgrade, vouched,
};
use crate::architecture;
use crate::crash;
use crate::depmod::ModuleTree;
use crate::diagnosis::exports::{Exported, Exports};
use crate::diagnosis::policy::Policy;
use crate::diagnosis::reference::{self, Reference, is_layout, may_have_version};
use crate::errno::Errno;
use crate::error::{Error, ErrorKind};
use crate::file::{Image, ModuleFile, Signature, is_gpl_compatible};
use crate::insert::{InsertError, InsertFailure};
use crate::loaded::{Attributes, LoadedModule, Snapshot, State, has_builtin_dir};
use crate::log::{KernelLog, Since};
use crate::name::ModuleName;
use crate::system::System;

/// After a call that failed.
pub(super) fn after(
    system: &System,
    request: Request<'_>,
    error: &InsertError,
    log: Option<KernelLog>,
    purpose: Purpose,
) -> Facts {
    // First of all what passes: the log's end, and a module that is on its way out.
    let log = log.map(|log| log.read(system));
    let loaded = Snapshot::take(system);
    let answer = error.answer();
    // A file that could not be decompressed once is not tried again: it may be a bomb.
    let image = || match error.failure() {
        InsertFailure::Unreadable(error) => Err(error.clone()),
        InsertFailure::Refused(_) => request.file.image(),
    };
    let mut facts = common(system, request, loaded.as_ref(), image);
    facts.answer = Some(answer);
    facts.asked = matches!(error.failure(), InsertFailure::Refused(_));
    match log {
        Some(Ok(since)) => {
            let found = about(&facts, &since);
            let says = |it: &Evidence| it.finding().is_some() || it.meaning == Meaning::Own;
            facts.log_complete = since.exact && since.complete;
            // That it says nothing means nothing then.
            if since.lost && !found.iter().any(says) {
                let text =
                    "it lacks the messages about this call; others may have overwritten them";
                facts.log_error = Some(Error::new(ErrorKind::Io(Errno::EPIPE), text));
            } else {
                facts.log = Some(found);
            }
        }
        Some(Err(error)) => facts.log_error = Some(error),
        None => {}
    }
    // A driver that is built in has taken what the init function registers.
    let name = facts.module.as_ref().and_then(|module| module.name.as_ref());
    facts.has_builtin_twin = matches!(answer, Errno::EBUSY | Errno::EEXIST)
        && facts.namesake.is_none()
        && name.is_some_and(|name| system.is_builtin(name));
    let depth = with_names(&facts, |about| Depth::after(system, &facts, about, answer, purpose));
    look_around(system, &mut facts, depth, Supposed::default());
    facts
}

/// Without a call.
pub(super) fn before(system: &System, request: Request<'_>, supposed: Supposed<'_>) -> Facts {
    let image = || request.file.image();
    let mut facts = common(system, request, Snapshot::take(system).as_ref(), image);
    let name = facts.module.as_ref().and_then(|module| module.name.as_ref());
    if name.is_some_and(|name| supposed.removed.contains(name)) {
        facts.namesake = None;
    }
    look_around(system, &mut facts, Depth::ALL, supposed);
    facts
}

fn common(
    system: &System,
    request: Request<'_>,
    loaded: Result<&Snapshot, &Error>,
    image: impl FnOnce() -> Result<Image, Error>,
) -> Facts {
    let Request { file, arguments, force } = request;
    let mut facts = Facts {
        path: file.path().to_owned(),
        file: file_facts(file),
        architecture: architecture::of_kernel(system),
        big_endian: cfg!(target_endian = "big"),
        policy: Policy::read(system),
        release: system.release(),
        answers_enokey: system.is_before(4, 20),
        precedes_pkcs7: system.is_before(4, 3),
        module_support: module_support(system, loaded),
        arguments: arguments.iter().map(|(name, value)| Argument { name, value }).collect(),
        force,
        ..Facts::default()
    };
    if facts.file.not_regular.is_none() {
        match image() {
            Ok(image) => {
                if facts.file.compression.is_some() {
                    let start = image.bytes().get(..looks::START).unwrap_or(image.bytes());
                    let inside = looks::looks_like(start);
                    facts.file.looks_like = format!("decompressed, {inside}");
                }
                facts.module = Some(Module::of(&image));
            }
            Err(error) => facts.unreadable = Some(error),
        }
    }
    if let Some(name) = facts.module.as_ref().and_then(|module| module.name.clone()) {
        facts.namesake = match loaded {
            Ok(loaded) => loaded.get(&name).map(|module| module.state.clone()),
            Err(_) => LoadedModule::from_sysfs(system, &name).map(|module| module.state),
        };
        facts.crash = facts.namesake.as_ref().and_then(|state| crash::behind(system, &name, state));
        facts.builds = facts.namesake.as_ref().and_then(|_| {
            let own = facts.module.as_ref()?.build_id.clone()?;
            builds(system, &name, &own)
        });
        facts.blind = loaded.is_err() && !system.has_module_dirs();
        // Only a directory in /sys/module makes the kernel refuse a module of that name: built-in
        // code without parameters and version has none.
        let taken = if system.has_module_dirs() {
            has_builtin_dir(system, &name)
        } else {
            system.is_builtin(&name)
        };
        facts.built_in = facts.namesake.is_none() && taken;
    }
    if let Ok(loaded) = loaded {
        let modules = loaded.modules().iter();
        let starting = modules.clone().filter(|module| module.state == State::Loading);
        facts.initializing = starting.map(|module| module.name.clone()).collect();
        facts.crashed = crash::inits(system, &facts.initializing);
        let tainted = |letter: char| {
            let tainted =
                modules.clone().filter(move |module| module.taints.letters().contains(letter));
            tainted.map(|module| module.name.clone()).collect()
        };
        facts.proprietary = tainted('P');
        facts.out_of_tree = tainted('O');
    }
    facts.has_crashed = crash::has_happened(system);
    facts
}

/// The build IDs of a loaded module and of a file, if they differ.
pub(super) fn builds(system: &System, name: &ModuleName, own: &[u8]) -> Option<Builds> {
    let loaded = Attributes::new(system, name).build_id().ok()??;
    let hex = crate::file::hexadecimal;
    (loaded != own).then(|| Builds { loaded: hex(&loaded), file: hex(own) })
}

fn module_support(system: &System, loaded: Result<&Snapshot, &Error>) -> Option<bool> {
    match loaded {
        Ok(_) => Some(true),
        Err(error) if error.is_absent() && system.has_proc() => Some(false),
        Err(_) => None,
    }
}

fn file_facts(file: &ModuleFile) -> FileFacts {
    let Ok(metadata) = file.metadata() else {
        return FileFacts::default();
    };
    let kind = metadata.file_type();
    let not_regular = if kind.is_file() {
        None
    } else if kind.is_dir() {
        Some("a directory")
    } else if kind.is_fifo() {
        Some("a pipe")
    } else if kind.is_socket() {
        Some("a socket")
    } else {
        Some("a device")
    };
    let start = if not_regular.is_none() {
        file.first_bytes(looks::START).unwrap_or_default()
    } else {
        Vec::new()
    };
    let compression = file.compression().ok().flatten();
    FileFacts {
        is_empty: not_regular.is_none() && metadata.len() == 0,
        not_regular,
        compression,
        foreign: looks::foreign_compression(&start),
        looks_like: match compression {
            Some(_) => "its decompressed data is not an ELF object".to_owned(),
            None => looks::looks_like(&start),
        },
    }
}

/// The records that are about this call.
fn about(facts: &Facts, since: &Since) -> Vec<Evidence> {
    with_names(facts, |about| evidence::pick(since, about))
}

/// Gives the names by which the kernel's log calls the module and its parameters.
fn with_names<T>(facts: &Facts, use_them: impl FnOnce(About<'_>) -> T) -> T {
    let name = facts.module.as_ref().and_then(|module| module.name.as_ref());
    let name = name.map(ToString::to_string);
    let modinfo_name = facts.module.as_ref().and_then(|module| module.modinfo_name.clone());
    let names: Vec<&str> = name.iter().chain(&modinfo_name).map(String::as_str).collect();
    // The kernel's names have no dashes.
    let parameters: Vec<String> = facts
        .arguments
        .iter()
        .map(|argument| String::from_utf8_lossy(&argument.name).replace('-', "_"))
        .collect();
    let parameters: Vec<&str> = parameters.iter().map(String::as_str).collect();
    let command = &facts.policy.caller.command;
    use_them(About { names: &names, parameters: &parameters, command })
}

fn look_around(system: &System, facts: &mut Facts, depth: Depth, supposed: Supposed<'_>) {
    facts.reserves_namespaces = system.is_since(6, 16);
    facts.beside = unopened::beside(&facts.path);
    let Some(module) = facts.module.take() else { return };
    let tree = ModuleTree::of(system, &facts.release);
    if let Some(vermagic) = &module.vermagic {
        let built_for = vermagic.split(' ').next().unwrap_or_default();
        facts.was_upgraded = upgrade::succeeds(built_for, &facts.release)
            && facts.policy.caller.container.is_none()
            && !tree.is_indexed()
            && ModuleTree::of(system, built_for).is_indexed();
        facts.booted_since = facts.was_upgraded && upgrade::precedes_boot(system, built_for);
    }
    let release = facts.release.clone();
    let mut modules = reference::modules(&tree, &release);
    // A replacement is checked each time before a module is tried: what a module of the release
    // shows, and the build tree says, is enough to go on.
    let first = if supposed.removed.is_empty() { None } else { modules.next() };
    let vouched = if supposed.removed.is_empty() {
        Vec::new()
    } else {
        vouched::exports(system, &release, first.as_ref().map(|(_, image)| image), &module)
    };
    let known: HashSet<&str> = vouched.iter().map(|export| export.name.as_str()).collect();
    let is_vouched = |name: &&str| known.contains(name);
    let imports = module.imports.iter().map(|import| import.name.as_str());
    let exports = module.exports.iter().map(|export| export.name.as_str());
    let wanted: Vec<&str> = imports.chain(exports).filter(|name| !is_vouched(name)).collect();
    let judges_symbols = depth.symbols && module.valid.is_ok();
    let disputed = facts.log.as_deref().map(disputed);
    if judges_symbols {
        let symbols = disputed.iter().flatten().map(String::as_str);
        let symbols: HashSet<&str> = symbols.filter(|name| !is_layout(name)).collect();
        if facts.log_complete && !symbols.is_empty() {
            facts.owners = owners::of(system, &tree, &facts.path, &symbols).unwrap_or_default();
        }
        facts.exports = if wanted.is_empty() {
            Some(Exports::default())
        } else if needs_exports(facts, &module) {
            Exports::read(system, &wanted).ok()
        } else {
            None
        };
    }
    if depth.reference {
        let names = module.versions.iter().map(|version| version.name.as_str());
        let names = names.filter(|name| disputed.as_ref().is_none_or(|log| log.contains(*name)));
        let names = names.filter(|name| {
            let is_of_module = facts.owners.get(*name).is_some_and(Option::is_some);
            !is_of_module
                && !is_vouched(name)
                && may_have_version(facts.exports.as_ref(), &tree, name)
        });
        let mut names: HashSet<&str> = names.collect();
        let mut crcs = HashMap::new();
        let mut most = u64::MAX;
        // The kernel has judged: its own versions are good to know, and no more.
        if facts.log_complete && disputed.is_some() {
            let rows = symvers::read(system, &facts.release, names.iter().copied());
            crcs = symvers::differing(rows, &module.versions);
            names.retain(|name| !crcs.contains_key(*name));
            most = reference::FEW;
        }
        let modules = first.into_iter().chain(modules);
        facts.reference = Reference::read(modules, names, most);
        facts.reference.crcs.extend(crcs);
        facts.reference.keys = reference::keys(system);
        if depth.purpose == Purpose::Explain {
            facts.installed = installed(&tree, facts, &module);
        }
        if !system.is_since(6, 4) {
            // Earlier kernels do not compare the size of `struct module`.
            facts.reference.struct_size = None;
        }
    }
    if judges_symbols {
        let added = supposed.exports(&wanted);
        if let Some(exports) = &mut facts.exports {
            exports.found.retain(|_, found| {
                found.owner.as_ref().is_none_or(|owner| !supposed.removed.contains(owner))
            });
            exports.found.extend(added.iter().map(|(owner, export)| {
                let gpl_only = Some(export.gpl_only);
                (export.name.clone(), Exported { owner: Some(owner.clone()), gpl_only })
            }));
            exports.found.extend(vouched.iter().map(|export| {
                let gpl_only = Some(export.gpl_only);
                (export.name.clone(), Exported { owner: None, gpl_only })
            }));
        }
        if !is_gpl_compatible(module.license.as_deref()) {
            tell_licenses(system, facts);
        }
        providers::find(system, facts, &tree, &module, depth.purpose);
        let details = added.into_iter().map(|(_, export)| export).chain(vouched.iter().cloned());
        facts.details.extend(details.map(|export| (export.name.clone(), export)));
    }
    facts.module = Some(module);
}

/// Completes the facts about the kernel's exports: since Linux 7.1, `/proc/kallsyms` does not show
/// which of them are for modules under the GPL only.
fn tell_licenses(system: &System, facts: &mut Facts) {
    let Some(exports) = &mut facts.exports else { return };
    let unknown = |found: &Exported| found.owner.is_none() && found.gpl_only.is_none();
    let names = exports.found.iter().filter(|(_, found)| unknown(found));
    let rows = symvers::read(system, &facts.release, names.map(|(name, _)| &**name));
    for row in rows {
        if let Some(found) = exports.found.get_mut(&row.name) {
            found.gpl_only = Some(row.gpl_only);
        }
    }
}

/// Whether it has to be known who exports what: to list hundreds of thousands of symbols takes the
/// kernel tens of milliseconds, and its log mostly tells.
fn needs_exports(facts: &Facts, module: &Module) -> bool {
    let Some(log) = &facts.log else { return true };
    let is_gpl = is_gpl_compatible(module.license.as_deref());
    let asks = |finding: &Finding| match finding {
        // That of the layout is the kernel's own, whoever exports the others.
        Finding::VersionDisagrees(name) | Finding::NoVersion(name) => {
            !is_layout(name) && !facts.owners.contains_key(name)
        }
        Finding::InheritsTaint(_) => true,
        Finding::UnknownSymbol(..) => !is_gpl,
        _ => false,
    };
    !facts.log_complete || log.iter().filter_map(Evidence::finding).any(asks)
}

/// The file of this module that is installed for the running kernel, if it is another one.
fn installed(tree: &ModuleTree, facts: &Facts, module: &Module) -> Option<Installed> {
    let file = tree.file_of(module.name.as_ref()?)?;
    let same = std::fs::canonicalize(&file).ok()? == std::fs::canonicalize(&facts.path).ok()?;
    let found = if same { None } else { ModuleFile::open(&file).ok() }?;
    // To decompress it takes its time, and only tells whether it is signed, which does not matter where
    // this module is signed with the release's own key.
    let own = facts.reference.signer.as_ref();
    let signed_alike = !facts.force.any()
        && matches!(&module.signature, Signature::Present(signer) if Some(signer) == own);
    let is_matter = !signed_alike && !matches!(facts.answer, Some(Errno::EINVAL | Errno::ENOEXEC));
    let is_plain = found.compression().ok()?.is_none();
    let image = if is_matter || is_plain { Some(found.image().ok()?) } else { None };
    let signature = image.map(|image| image.signature());
    let signed = matches!(signature, Some(Signature::Present(_) | Signature::Other(_)));
    Some(Installed { file, signed })
}

/// The symbols of whose versions the kernel complained.
fn disputed(log: &[Evidence]) -> HashSet<String> {
    log.iter()
        .filter_map(Evidence::finding)
        .filter_map(|finding| match finding {
            Finding::VersionDisagrees(name) | Finding::NoVersion(name) => Some(name.clone()),
            _ => None,
        })
        .collect()
}
