//! Each cause as a sentence.

use std::fmt;

use super::cause::Cause;
use super::symbol::{Builds, MissingSymbol, WrongVersion, reserved_for};
use crate::diagnosis::caller::Privilege;
use crate::errno::Errno;
use crate::file::{Signer, VermagicDifference};

impl fmt::Display for Cause {
    #[allow(clippy::too_many_lines, reason = "a sentence for each cause")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FileNotFound { path, note } => {
                write!(f, "{} does not exist", path.display())?;
                note.as_ref().map_or(Ok(()), |note| write!(f, ": {note}"))
            }
            Self::FileNotReadable { path, errno: Errno::ETXTBSY } => {
                write!(
                    f,
                    "another process has {} open for writing; it may still be incomplete",
                    path.display()
                )
            }
            Self::FileNotReadable { path, errno } => {
                write!(f, "{} cannot be read: {errno}", path.display())
            }
            Self::NotAFile { what } => write!(f, "it is {what}, not a module file"),
            Self::EmptyFile => f.write_str("the file is empty"),
            Self::NotElf { what } => write!(f, "the file is not a kernel module: {what}"),
            Self::Truncated { detail } => write!(f, "the file is truncated or corrupt: {detail}"),
            Self::Hollow => f.write_str(
                "the file is corrupt: symbols without a name, as where a part was never written \
                 and is zeros",
            ),
            Self::WrongArchitecture { module, kernel } => {
                write!(f, "the module was built for {module}, but this kernel is {kernel}")
            }
            Self::NotAModule { detail } | Self::TooLarge { detail } => f.write_str(detail),
            Self::CorruptCompression { compression, detail } => {
                let name = compression.map_or("compressed", |compression| compression.as_str());
                write!(f, "the {name} data is corrupt: {detail}")
            }
            Self::CompressionUnsupported { format } => {
                write!(f, "{format} compression is not supported (only gzip, xz and zstd are)")
            }
            Self::VermagicMismatch { differences, .. } => vermagic(f, differences),
            Self::SymbolVersionMismatch { symbols, differences } => {
                versions(f, symbols, differences)
            }
            Self::MissingSymbol { symbols } => missing(f, symbols),
            Self::GplOnlySymbol { symbols, license } => {
                let license =
                    license.as_ref().map_or("not stated".to_owned(), |it| format!("\"{it}\""));
                write!(
                    f,
                    "{} available to GPL-compatible modules only; this module's license is {license}",
                    list_is(symbols)
                )
            }
            Self::MissingNamespace { symbols } => namespaces(f, symbols),
            Self::ReservedNamespace { namespace } => write!(
                f,
                "it imports the namespace {namespace}, which no module may import: the kernel \
                 grants it by the module's name"
            ),
            Self::DependencyInitializing { module: Some(module), symbols } => {
                write!(f, "{module}, which provides {}, is still initializing", symbols.join(", "))
            }
            Self::DependencyInitializing { module: None, symbols } => {
                write!(f, "a module that provides {} is still initializing", symbols.join(", "))
            }
            Self::DuplicateSymbol { symbol, owner: Some(owner) } => {
                write!(f, "it exports {symbol}, which {owner} already exports")
            }
            Self::DuplicateSymbol { symbol, owner: None } => {
                write!(f, "it exports {symbol}, which the kernel itself already exports")
            }
            Self::Unsigned { voided: false, followed, signed } => {
                f.write_str("the module is not signed, and this kernel requires signatures")?;
                if let Some(bytes) = followed {
                    write!(f, "; {bytes} bytes follow the signature, which must end the file")?;
                }
                match signed {
                    Some(file) => write!(f, "; the installed {} is signed", file.display()),
                    None => Ok(()),
                }
            }
            Self::Unsigned { voided: true, .. } => f.write_str(
                "--force invalidates the module's signature, and this kernel requires a valid one",
            ),
            Self::UnknownKey { signer } => write!(
                f,
                "the module is signed {}, a key that this kernel does not trust",
                by(signer)
            ),
            Self::BadSignature { signer: Some(signer) } => write!(
                f,
                "the signature does not match: the module was modified after being signed {}",
                by(signer)
            ),
            Self::BadSignature { signer: None } => f.write_str("the module's signature is corrupt"),
            Self::LockedDown { mode, signature, secure_boot } => {
                let mode = mode.as_deref().unwrap_or("on");
                write!(f, "the kernel is locked down ({mode}) and the module {signature}")?;
                if *secure_boot { f.write_str("; Secure Boot is on") } else { Ok(()) }
            }
            Self::Blacklisted { name } => {
                write!(f, "{name} is blocked on the kernel command line (module_blacklist=)")
            }
            Self::ModulesDisabled { at_boot: true } => {
                f.write_str("module loading is disabled: the kernel was booted with \"nomodule\"")
            }
            Self::ModulesDisabled { at_boot: false } => {
                f.write_str("module loading is disabled until reboot (kernel.modules_disabled = 1)")
            }
            Self::NoPrivilege { lacks, container } => {
                f.write_str(match lacks {
                    Privilege::Missing => "loading modules requires CAP_SYS_MODULE (root)",
                    Privilege::Dropped => {
                        "loading modules requires CAP_SYS_MODULE, which even root lacks here: it \
                         was dropped from the bounding set"
                    }
                    Privilege::Namespace => {
                        "modules cannot be loaded from inside a user namespace, not even by root"
                    }
                })?;
                let container = container.as_ref().filter(|_| *lacks != Privilege::Missing);
                container.map_or(Ok(()), |container| write!(f, " ({container} container)"))
            }
            Self::AlreadyLoaded { name, builds: None } => write!(f, "{name} is already loaded"),
            Self::AlreadyLoaded { name, builds: Some(Builds { loaded, file }) } => write!(
                f,
                "{name} is already loaded, from another build: build ID {loaded}, the file's is \
                 {file}"
            ),
            Self::Initializing { name, crashed } => {
                write!(f, "{name} is already being loaded: its init function has not returned")?;
                if *crashed {
                    f.write_str("; it may have crashed, see the kernel log")
                } else {
                    Ok(())
                }
            }
            Self::NotRebooted { module, kernel } => write!(
                f,
                "the kernel was upgraded and not rebooted: the module is for {module}, but {kernel} \
                 is still running and its modules are no longer installed"
            ),
            Self::ProviderMismatch { symbols, provider, builds, .. } => {
                write!(
                    f,
                    "the module was built against another build of {provider} than the one that is loaded"
                )?;
                if let Some(Builds { loaded, file }) = builds {
                    write!(f, " (build ID {loaded}; its installed file has {file})")?;
                }
                f.write_str("; ")?;
                versions(f, symbols, &[])
            }
            Self::BuiltIn { name } => write!(f, "{name} is built into the kernel"),
            Self::BeingUnloaded { name } => write!(f, "{name} is being unloaded"),
            Self::BadParameter { unknown: false, name, value, kind, takes, .. } => {
                match value {
                    Some(value) => {
                        write!(f, "invalid value '{}' for parameter {name}", shortened(value))?;
                    }
                    None => write!(f, "parameter {name} needs a value")?,
                }
                if let Some(kind) = kind {
                    write!(f, ": its type is {kind}")?;
                }
                takes.as_ref().map_or(Ok(()), |takes| write!(f, ", {takes}"))
            }
            Self::Inexpressible { reason, .. } => f.write_str(reason),
            Self::UnknownParameter { name, nearest: Some(nearest) } => {
                write!(f, "the module has no parameter {name}; did you mean {nearest}?")
            }
            Self::UnknownParameter { name, nearest: None }
            | Self::BadParameter { unknown: true, name, .. } => {
                write!(f, "the module has no parameter {name}")
            }
            Self::InitFailed { errno, certain } => {
                f.write_str(if *certain {
                    "the module matches this kernel, but its init function failed"
                } else {
                    "most likely, the module's init function failed"
                })?;
                write!(f, " with {}", errno.name())?;
                meaning(*errno).map_or(Ok(()), |meaning| write!(f, ": {meaning}"))?;
                match *errno {
                    Errno::EEXIST if !certain => {
                        f.write_str("; or the module was briefly loaded by another process")
                    }
                    Errno::EBUSY if !certain => f.write_str(
                        "; or another process was loading or unloading it at that moment",
                    ),
                    _ => Ok(()),
                }
            }
            Self::OutOfMemory { certain: true } => f.write_str("the kernel ran out of memory"),
            Self::OutOfMemory { certain: false } => f.write_str(
                "most likely, the kernel ran out of memory; or the module's init function did",
            ),
            Self::Relocation { detail } => relocation(f, detail),
            Self::Btf => f.write_str(
                "the module's type information (BTF) does not match this kernel's: it was built \
                 against another build of the kernel",
            ),
            Self::Livepatch { patch } => {
                f.write_str("the live patch ")?;
                if let Some(patch) = patch {
                    write!(f, "{patch} ")?;
                }
                f.write_str("of this kernel could not be applied to the module")
            }
            Self::ProtectedSymbol { symbols } => write!(
                f,
                "{} reserved for modules signed with this kernel's own key",
                list_is(symbols)
            ),
            Self::NoModuleSupport => {
                f.write_str("this kernel was built without loadable modules (CONFIG_MODULES)")
            }
            Self::NotForceable => f.write_str(
                "this kernel was built without forced loading (CONFIG_MODULE_FORCE_LOAD)",
            ),
            Self::SecurityPolicy { modules, certain } => {
                f.write_str(if *certain { "" } else { "most likely, " })?;
                match &modules[..] {
                    [] => f.write_str("blocked by a kernel security module"),
                    [one] if one == "seccomp" => {
                        f.write_str("a seccomp filter of this process blocks the system call")
                    }
                    _ => write!(f, "blocked by a kernel security module: {}", modules.join(", ")),
                }
            }
            Self::Unknown { errno, unseen } => {
                f.write_str("unknown")?;
                if let Some(errno) = errno {
                    write!(f, "; the kernel returned {}", errno.name())?;
                }
                if unseen.is_empty() {
                    return Ok(());
                }
                write!(f, ". Not available: {}", unseen.join("; "))
            }
        }
    }
}

/// The kernel's words, and what they mean to people who build modules.
fn relocation(f: &mut fmt::Formatter<'_>, detail: &str) -> fmt::Result {
    f.write_str("the kernel cannot apply a relocation of the module")?;
    let number = detail.rsplit(": ").next().and_then(|number| number.parse::<u32>().ok());
    let meaning = match number.filter(|_| detail.contains("Unknown rela relocation")) {
        Some(3 | 9 | 25..=30 | 41 | 42) => "it was compiled as position-independent code (-fPIC)",
        Some(4) => "the toolchain is too new for this kernel (R_X86_64_PLT32)",
        _ if detail.contains("existing value is nonzero") => {
            "the file was linked or modified by another toolchain, or is corrupt"
        }
        _ if detail.contains("overflow") || detail.contains("not compiled with") => {
            "it was not compiled for the kernel's memory model (-mcmodel=kernel)"
        }
        _ => "it was compiled with other options than kernel modules, or is corrupt",
    };
    write!(f, ": {meaning} ({detail})")
}

fn vermagic(f: &mut fmt::Formatter<'_>, differences: &[VermagicDifference]) -> fmt::Result {
    for (index, difference) in differences.iter().enumerate() {
        f.write_str(if index == 0 { "" } else { "; " })?;
        match difference {
            VermagicDifference::Release { module, kernel } => {
                write!(f, "the module was built for kernel {module}, but {kernel} is running")?;
            }
            VermagicDifference::OnlyModule(word) => {
                let setting = setting(word);
                write!(f, "the module was built with {setting}; the running kernel was not")?;
            }
            VermagicDifference::OnlyKernel(word) => {
                let setting = setting(word);
                write!(f, "the running kernel has {setting}; the module was built without it")?;
            }
        }
    }
    Ok(())
}

/// A word of the version magic, and what it stands for.
fn setting(word: &str) -> String {
    let meaning = match word {
        "SMP" => "several processors",
        "preempt" => "full preemption",
        "preempt_rt" => "real-time preemption",
        "mod_unload" => "module unloading",
        "modversions" => "symbol versions",
        _ if word.starts_with("RANDSTRUCT") => "another structure layout",
        _ => return format!("'{word}'"),
    };
    format!("{meaning} ({word})")
}

/// A value that a person can read: nobody reads thousands of letters.
fn shortened(value: &str) -> String {
    const MOST: usize = 200;
    match value.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", value.get(..end).unwrap_or_default()),
        None => value.to_owned(),
    }
}

fn versions(
    f: &mut fmt::Formatter<'_>,
    symbols: &[WrongVersion],
    differences: &[VermagicDifference],
) -> fmt::Result {
    if !differences.is_empty() {
        vermagic(f, differences)?;
        f.write_str("; ")?;
    }
    f.write_str("symbol versions do not match: ")?;
    for (index, WrongVersion { name, module, kernel }) in symbols.iter().enumerate() {
        if index > 0 {
            f.write_str(", ")?;
        }
        write!(f, "{name} (")?;
        match module {
            Some(crc) => write!(f, "module: {crc:#010x}")?,
            None => f.write_str("module: none")?,
        }
        match kernel {
            Some(crc) => write!(f, ", kernel: {crc:#010x})")?,
            None => f.write_str(")")?,
        }
    }
    Ok(())
}

fn missing(f: &mut fmt::Formatter<'_>, symbols: &[MissingSymbol]) -> fmt::Result {
    f.write_str("missing symbols: ")?;
    // Symbols of one module stand together.
    let mut rest: Vec<&MissingSymbol> = symbols.iter().collect();
    let mut first = true;
    while let Some(provider) = rest.first().map(|symbol| &symbol.provider) {
        let (group, others): (Vec<&MissingSymbol>, _) =
            rest.iter().partition(|symbol| symbol.provider == *provider);
        let names: Vec<&str> = group.iter().map(|symbol| symbol.name.as_str()).collect();
        let separator = if first { "" } else { "; " };
        write!(f, "{separator}{} ", abbreviated(&names))?;
        match provider {
            Some(provider) => write!(f, "(provided by {provider})")?,
            None => f.write_str("(not provided by any installed module)")?,
        }
        first = false;
        rest = others;
    }
    Ok(())
}

fn namespaces(f: &mut fmt::Formatter<'_>, symbols: &[(String, String)]) -> fmt::Result {
    let reserved = |symbol: &&(String, String)| reserved_for(&symbol.1).is_some();
    let (reserved, others): (Vec<_>, Vec<_>) = symbols.iter().partition(reserved);
    if !others.is_empty() {
        f.write_str("it uses symbols from namespaces that it does not import: ")?;
    }
    for (index, (symbol, namespace)) in others.iter().enumerate() {
        let separator = if index == 0 { "" } else { ", " };
        write!(f, "{separator}{symbol} (namespace {namespace})")?;
    }
    if !reserved.is_empty() {
        let separator = if others.is_empty() { "" } else { "; " };
        write!(f, "{separator}it uses symbols that are reserved for other modules: ")?;
    }
    for (index, (symbol, namespace)) in reserved.iter().enumerate() {
        let separator = if index == 0 { "" } else { ", " };
        let names = reserved_for(namespace).unwrap_or_default();
        write!(f, "{separator}{symbol} (for {names} only)")?;
    }
    Ok(())
}

/// As many names as a person reads.
const SHOWN: usize = 8;

fn abbreviated(names: &[&str]) -> String {
    let shown: Vec<&str> = names.iter().take(SHOWN).copied().collect();
    let hidden = names.len() - shown.len();
    if hidden == 0 {
        return shown.join(", ");
    }
    format!("{} and {hidden} more", shown.join(", "))
}

fn list_is(symbols: &[String]) -> String {
    let verb = if symbols.len() == 1 { "is" } else { "are" };
    format!("{} {verb}", symbols.join(", "))
}

fn by(signer: &Signer) -> String {
    match (&signer.name, signer.key.as_str()) {
        (Some(name), key) => format!("by \"{name}\" (key {key})"),
        (None, "") => "with an unnamed key".to_owned(),
        (None, key) => format!("with key {key}"),
    }
}

/// What a driver usually means by an errno.
fn meaning(errno: Errno) -> Option<&'static str> {
    const MEANINGS: &[(Errno, &str)] = &[
        (Errno::ENODEV, "no supported device was found"),
        (Errno::ENXIO, "the device does not respond"),
        (Errno::EIO, "I/O error on the device"),
        (Errno::EBUSY, "a resource it needs is in use, often by another driver"),
        (Errno::EEXIST, "a name or device it registers is already taken"),
        (Errno::ENOENT, "something it needs (often firmware) was not found"),
        (Errno::EINVAL, "it rejected a parameter or the hardware configuration"),
        (Errno::ENOMEM, "it could not allocate memory"),
        (Errno::EPERM, "an operation it needs is not permitted"),
        (Errno::EACCES, "an operation it needs is not permitted"),
        (Errno::EOPNOTSUPP, "this machine or kernel lacks a feature it needs"),
        (Errno::ENOSYS, "this kernel lacks a feature it needs"),
    ];
    MEANINGS.iter().find(|(known, _)| *known == errno).map(|(_, meaning)| *meaning)
}
