//! What would help. Nothing is advised where that would be a guess.

use std::fs;
use std::path::Path;

use super::cause::Cause;
use super::facts::Facts;
use super::phrases::{is_of_configuration, of_another_build};
use super::symbol::{MissingSymbol, reserved_for};
use super::untrusted;
use crate::caller::{self, Privilege};
use crate::file::Signature;
use crate::name::ModuleName;
use crate::order;
use crate::remedy::{Change, Remedy};
use crate::shell::{CommandLine, shell_word};
use crate::system::System;

#[allow(clippy::too_many_lines, reason = "an arm for each cause")]
pub(super) fn remedies(system: &System, facts: &Facts, cause: &Cause) -> Vec<Remedy> {
    let repeat = |change| vec![Remedy::Repeat(change)];
    let step = |text: &str| vec![Remedy::step(text)];
    match cause {
        Cause::MissingSymbol { symbols, stale, .. } if are_dependencies(facts, symbols) => {
            let again = Remedy::Repeat(Change::WithDependencies);
            without_stale(stale).chain([again]).collect()
        }
        Cause::MissingSymbol { symbols, absent, stale, internal } => {
            let release = shell_word(&facts.release);
            let install = |name: &ModuleName| {
                let name = shell_word(name.to_string());
                Remedy::step(format!("install the module {name} for kernel {release}"))
            };
            let rebuild = symbols.iter().any(|symbol| {
                let name = &symbol.name;
                symbol.provider.is_none() && !internal.contains(name) && is_of_configuration(name)
            });
            let is_pic = symbols.iter().any(|symbol| symbol.name == "_GLOBAL_OFFSET_TABLE_");
            let rebuild =
                if is_pic { Some(WITHOUT_PIC) } else { rebuild.then_some(REBUILD_OR_REBOOT) };
            let trimmed = facts.policy.trims_exports && !internal.is_empty();
            without_stale(stale)
                .chain(trimmed.then(|| Remedy::step(UNTRIMMED)))
                .chain(for_missing(system, symbols))
                .chain(absent.iter().map(install))
                .chain(rebuild.map(Remedy::step))
                .collect()
        }
        // The release is the same.
        Cause::VermagicMismatch { differences, .. } if of_another_build(differences) => step(
            "clean and rebuild the module against the headers of the very build that is running",
        ),
        Cause::Unversioned { .. }
        | Cause::SymbolVersionMismatch { .. }
        | Cause::VermagicMismatch { .. }
        | Cause::NotForceable => {
            let release = if facts.release.is_empty() {
                "the running kernel".to_owned()
            } else {
                shell_word(&facts.release)
            };
            let rebuild = format!(
                "clean and rebuild the module against the headers for {release}, with their \
                 Module.symvers"
            );
            with_installed(facts, &rebuild)
        }
        Cause::NotRebooted { module, booted_since: true, .. } => vec![Remedy::step(format!(
            "boot into {}: find out which kernel the boot loader starts, and whether /boot was \
             mounted during the upgrade",
            shell_word(module)
        ))],
        Cause::NotRebooted { module, .. } => {
            vec![Remedy::step(format!("reboot into {}, then load the module", shell_word(module)))]
        }
        Cause::ProviderMismatch { provider, file, .. } => {
            let replace = |file| CommandLine::new("insmod").word("--replace").operands([file]);
            let replace = file.iter().map(|file| Remedy::command(replace(file).to_string()));
            let rebuild = format!(
                "rebuild the module with the Module.symvers of the loaded {provider} in \
                 KBUILD_EXTRA_SYMBOLS"
            );
            replace.chain([Remedy::step(rebuild)]).collect()
        }
        Cause::MissingNamespace { symbols } => {
            let mut namespaces: Vec<&String> = symbols.iter().map(|(_, space)| space).collect();
            // Those are given by the module's name, and importing them is refused.
            namespaces.retain(|space| reserved_for(space).is_none());
            order::sort(&mut namespaces);
            namespaces.dedup();
            let add = |space: &&String| {
                Remedy::step(format!("add MODULE_IMPORT_NS({}) to the module", shell_word(space)))
            };
            namespaces.iter().map(add).collect()
        }
        Cause::ReservedNamespace { namespace } => vec![Remedy::step(format!(
            "remove MODULE_IMPORT_NS({}) from the module",
            shell_word(namespace)
        ))],
        Cause::DependencyInitializing { module: Some(module), crashed: false, .. } => {
            until_live(system, module)
        }
        Cause::Initializing { name, crashed: false } => until_live(system, name),
        Cause::Initializing { crashed: true, .. } => {
            step("reboot, unless the init function returns")
        }
        Cause::BeingUnloaded { name } => {
            let directory = shell_word(system.module_dir(name));
            vec![Remedy::step(format!("retry once {directory} is gone"))]
        }
        Cause::DuplicateSymbol { owner: Some(owner), .. } => vec![Remedy::Remove(owner.clone())],
        Cause::AlreadyLoaded { name, builds: Some(_) } => system.ways_to_replace(name),
        // Its parameters were to be others.
        Cause::AlreadyLoaded { name, builds: None } if !facts.arguments.is_empty() => {
            system.ways_to_replace(name)
        }
        Cause::Unsigned { .. } | Cause::LockedDown { .. } if facts.voids_signature() => {
            repeat(Change::WithoutForce)
        }
        Cause::Unsigned { .. } | Cause::UnknownKey { .. } | Cause::LockedDown { .. } => {
            untrusted::remedies(facts)
        }
        Cause::ForeignSignature { id_type: Signature::PROOF } => {
            with_installed(facts, "load the module file that came with the running kernel")
        }
        Cause::ForeignSignature { .. } => untrusted::remedies(facts),
        Cause::BadSignature { .. } => {
            with_installed(facts, "reinstall the package that ships the module")
        }
        Cause::Truncated { .. }
        | Cause::Hollow
        | Cause::CorruptCompression { .. }
        | Cause::EmptyFile => with_installed(facts, "copy or download the file again"),
        Cause::NotElf { what } => {
            let advice = ADVICE.iter().find(|(part, _)| what.contains(part));
            with_installed(facts, advice.map_or("", |(_, advice)| advice))
        }
        Cause::WrongArchitecture { .. } => with_installed(facts, ""),
        Cause::NotAModule { detail } if detail.contains("struct module") => with_installed(
            facts,
            "clean and rebuild the module against the headers for the running kernel; if it was, \
             reinstall them: they are of another configuration",
        ),
        Cause::NotAModule { .. } => facts.beside.iter().cloned().map(Remedy::Instead).collect(),
        // As where the headers' scripts are of another kernel: to rebuild alone gives the same.
        Cause::Relocation { detail } if detail.contains("existing value is nonzero") => step(
            "reinstall the headers of the running kernel, then clean and rebuild the module; a file \
             from elsewhere may be corrupt: copy it again",
        ),
        Cause::Relocation { .. } => step(
            "rebuild the module with the build system and the compiler of the running kernel (make \
             -C /lib/modules/$(uname -r)/build M=$PWD modules)",
        ),
        Cause::Btf => for_btf(system, facts),
        Cause::Livepatch { patch: Some(patch) } => vec![Remedy::step(format!(
            "disable the live patch: write 0 to /sys/kernel/livepatch/{}/enabled",
            shell_word(patch)
        ))],
        Cause::LockedParameter { name, .. } => {
            vec![Remedy::step(format!("leave out the parameter {}", shell_word(name)))]
        }
        Cause::Blacklisted { name } => {
            let name = shell_word(name);
            vec![Remedy::step(format!("boot without {name} in module_blacklist="))]
        }
        Cause::ModulesDisabled { at_boot: true } => step("boot without nomodule"),
        Cause::InitCrashed { .. }
        | Cause::ExitCrashed { .. }
        | Cause::DependencyInitializing { module: Some(_), .. }
        | Cause::ModulesDisabled { at_boot: false } => step("reboot"),
        Cause::NoPrivilege { lacks: Privilege::Missing, .. } => repeat(Change::AsRoot),
        Cause::NoPrivilege { lacks, container } => {
            caller::for_missing(*lacks, container.as_deref(), "load")
        }
        Cause::SecurityPolicy { modules, .. } => for_policy(facts, modules),
        Cause::NoModuleSupport { wsl: true } => {
            step("convert the distribution, in Windows: wsl --set-version NAME 2")
        }
        Cause::NoModuleSupport { .. } if facts.policy.caller.container.is_some() => {
            step("load the module on the host")
        }
        Cause::InitFailed { ignored, .. } if !ignored.is_empty() => repeat(Change::ListParameters),
        Cause::UnknownParameter { .. }
        | Cause::BadParameter { unknown: true, .. }
        | Cause::BadParameter { takes: None, .. } => repeat(Change::ListParameters),
        Cause::TooLarge { .. } => step("if you trust the file, raise the limit with --max-size"),
        Cause::CompressionUnsupported { .. } => step("decompress the file first"),
        Cause::OutOfMemory { room: Some(_) } if facts.is_32_bit() => {
            step("boot with more room for modules: a greater vmalloc= on the kernel command line")
        }
        Cause::FileNotFound { .. }
        | Cause::FileNotReadable { .. }
        | Cause::NotAFile { .. }
        | Cause::Livepatch { patch: None }
        | Cause::ProtectedSymbol { .. }
        | Cause::GplOnlySymbol { .. }
        | Cause::DependencyInitializing { module: None, .. }
        | Cause::DuplicateSymbol { owner: None, .. }
        | Cause::AlreadyLoaded { builds: None, .. }
        | Cause::BuiltIn { .. }
        | Cause::BadParameter { .. }
        | Cause::Inexpressible { .. }
        | Cause::InitFailed { .. }
        | Cause::OutOfMemory { .. }
        | Cause::NoModuleSupport { .. }
        | Cause::ProprietaryProvider { .. }
        | Cause::Revoked
        | Cause::Unknown { .. } => Vec::new(),
    }
}

/// Where the compiler's options were those of another configuration, or of another build.
const REBUILD_OR_REBOOT: &str = "reboot, if the kernel was updated since the last boot; else clean \
                                 and rebuild the module against the headers for the running kernel";

const WITHOUT_PIC: &str =
    "rebuild the module without -fPIC (in its Makefile: ccflags-y += -fno-pic)";

const UNTRIMMED: &str = "boot a kernel that was built without CONFIG_TRIM_UNUSED_KSYMS: this one \
                         exports only what its own modules use";

/// What the file is instead of a module, and how to get the module.
const ADVICE: &[(&str, &str)] = &[
    ("Git LFS", "fetch the file itself: git lfs pull"),
    ("HTTP header", "download the file without its header (curl without -i)"),
    ("compress", "decompress the file once and load the result"),
    ("archive", "unpack the archive and load the module in it"),
    ("package", "unpack the package and load the module in it"),
    ("web page", "download the file itself rather than the page about it"),
    ("server", "download the file again"),
    ("zeros", "copy or download the file again"),
];

/// For type information of another build of the kernel.
fn for_btf(system: &System, facts: &Facts) -> Vec<Remedy> {
    let own = system.release_dir(&facts.release).join("kernel");
    if is_below(&facts.path, &own) {
        return vec![Remedy::step(
            "reboot, if the kernel's package was updated since the last boot; else reinstall it",
        )];
    }
    let mut remedies = vec![Remedy::step(
        "clean and rebuild the module against the headers for the running kernel",
    )];
    // Whoever signed the module did so with that section.
    let signature = facts.module.as_ref().map(|module| &module.signature);
    if facts.file.compression.is_none() && signature == Some(&Signature::Absent) {
        let line = CommandLine::new("objcopy").word("--remove-section=.BTF");
        remedies.push(Remedy::command(line.operands([&facts.path]).to_string()));
    }
    remedies
}

/// Whether a file is below a directory, whatever links there are.
fn is_below(file: &Path, directory: &Path) -> bool {
    let file = file.parent().and_then(|parent| fs::canonicalize(parent).ok());
    let directory = fs::canonicalize(directory).ok();
    file.zip(directory).is_some_and(|(file, directory)| file.starts_with(directory))
}

/// The installed file of this module, if there is one, and a step.
fn with_installed(facts: &Facts, step: &str) -> Vec<Remedy> {
    let installed = facts.installed.iter().map(|one| Remedy::Instead(one.file.clone()));
    let step = Some(step).filter(|step| !step.is_empty()).map(Remedy::step);
    installed.chain(step).collect()
}

fn until_live(system: &System, module: &ModuleName) -> Vec<Remedy> {
    let state = shell_word(system.module_dir(module).join("initstate"));
    vec![Remedy::step(format!("retry once {state} reads \"live\""))]
}

fn for_policy(facts: &Facts, modules: &[String]) -> Vec<Remedy> {
    let container = facts.policy.caller.container.as_deref();
    let logged =
        |part: &str| facts.log.iter().flatten().any(|evidence| evidence.line.contains(part));
    if logged("lockdown_reason=\"unsigned module loading\"") {
        return untrusted::remedies(facts);
    }
    let steps: &[&str] = match modules {
        [one] if one == "seccomp" => return caller::for_filter(container, "load", "insmod"),
        [one] if one == "loadpin" => {
            &["load the module from the file system that the kernel is pinned to"]
        }
        [one] if one == "ima" => &["sign the file for IMA: evmctl ima_sign"],
        _ => &[],
    };
    // Whom it denies a file may load others, so the file's type is the matter.
    if logged("{ module_load }") {
        let line = CommandLine::new("chcon").word("-t").word("modules_object_t");
        return vec![Remedy::command(line.operands([&facts.path]).to_string())];
    }
    steps.iter().map(|text| Remedy::step(*text)).collect()
}

/// Whether all that is missing is in modules that `--deps` finds and loads.
fn are_dependencies(facts: &Facts, symbols: &[MissingSymbol]) -> bool {
    let depends = facts.module.as_ref().map(|module| &module.depends);
    symbols.iter().all(|symbol| {
        let named = |name| depends.is_some_and(|depends| depends.contains(name));
        symbol.file.is_some() && symbol.provider.as_ref().is_some_and(named)
    })
}

/// Removes the modules that are loaded from another build than the one that is wanted.
fn without_stale(stale: &[ModuleName]) -> impl Iterator<Item = Remedy> {
    stale.iter().map(|name| {
        let line = CommandLine::new("rmmod").word("--recursive").operands([name.as_os_str()]);
        Remedy::command(line.to_string())
    })
}

/// The module to load first, for each that is missing.
fn for_missing(system: &System, symbols: &[MissingSymbol]) -> Vec<Remedy> {
    let installed = system.release_dir(&system.release());
    // The file itself may be a link to one of another release that fits this one, too.
    let is_installed = |file: &Path| is_below(file, &installed);
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
    use crate::captured::Captured;
    use std::path::PathBuf;

    fn advised(cause: &Cause) -> Vec<Remedy> {
        remedies(&System::at("/"), &Facts::default(), cause)
    }

    #[test]
    fn words_from_files_are_words() {
        let name = ModuleName::from_kernel(b"a;reboot");
        let step = |text: &str| vec![Remedy::step(text)];
        let slow = Cause::DependencyInitializing {
            module: Some(name),
            symbols: Vec::new(),
            crashed: false,
        };
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
        let root = Captured::with(&[("proc/sys/kernel/osrelease", "6.1\n")]);
        let symbol = |name: &str, file: PathBuf| MissingSymbol {
            name: "f".to_owned(),
            provider: Some(ModuleName::from_kernel(name.as_bytes())),
            file: Some(file),
        };
        let installed = root.write("lib/modules/6.1/kernel/a.ko", "");
        let other = root.write("lib/modules/6.2/a.ko", "");
        let roundabout = root.join("lib/modules/6.1/../6.2/a.ko");
        let found = for_missing(
            &root.system(),
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
    }
}
