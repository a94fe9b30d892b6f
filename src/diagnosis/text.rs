//! Each cause as a sentence.

use std::fmt;

use super::cause::{Cause, MissingSymbol, WrongVersion};
use crate::errno::Errno;
use crate::module_file::{Signer, VermagicDifference};

impl fmt::Display for Cause {
    #[allow(clippy::too_many_lines, reason = "a sentence for each cause")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FileNotFound { path } => write!(f, "there is no file {}", path.display()),
            Self::FileNotReadable { path, errno: Errno::ETXTBSY } => {
                write!(f, "{} is open for writing: it may not be complete yet", path.display())
            }
            Self::FileNotReadable { path, errno } => {
                write!(f, "{} cannot be read: {errno}", path.display())
            }
            Self::NotAFile { what } => write!(f, "it is {what}, not a file"),
            Self::EmptyFile => f.write_str("the file is empty"),
            Self::NotElf { what } => write!(f, "the file is no module: {what}"),
            Self::Truncated { detail } => write!(f, "the file is incomplete: {detail}"),
            Self::WrongArchitecture { module, kernel } => {
                write!(f, "the module is for {module}, this kernel for {kernel}")
            }
            Self::NotAModule { detail } | Self::TooLarge { detail } => f.write_str(detail),
            Self::CorruptCompression { compression, detail } => {
                let name = compression.map_or("compressed", |compression| compression.as_str());
                write!(f, "the {name} stream is damaged: {detail}")
            }
            Self::CompressionUnsupported { format } => {
                write!(f, "the file is compressed with {format}; modules come in gzip, xz and zstd")
            }
            Self::VermagicMismatch { differences, .. } => vermagic(f, differences),
            Self::SymbolVersionMismatch { symbols, differences } => {
                versions(f, symbols, differences)
            }
            Self::MissingSymbol { symbols } => missing(f, symbols),
            Self::GplOnlySymbol { symbols, license } => {
                let license = license.as_deref().unwrap_or("none");
                write!(
                    f,
                    "{} only for modules under the GPL; the licence of this one is: {license}",
                    list_is(symbols)
                )
            }
            Self::MissingNamespace { symbols } => namespaces(f, symbols),
            Self::DependencyInitialising { module: Some(module), symbols } => write!(
                f,
                "{module}, which exports {}, has not finished its own initialisation",
                symbols.join(", ")
            ),
            Self::DependencyInitialising { module: None, symbols } => write!(
                f,
                "a module that exports {} has not finished its own initialisation",
                symbols.join(", ")
            ),
            Self::DuplicateSymbol { symbol, owner: Some(owner) } => {
                write!(f, "it exports {symbol}, which the loaded module {owner} exports already")
            }
            Self::DuplicateSymbol { symbol, owner: None } => {
                write!(f, "it exports {symbol}, which the kernel itself exports already")
            }
            Self::Unsigned { voided: false } => {
                f.write_str("the module is not signed, and this kernel requires signatures")
            }
            Self::Unsigned { voided: true } => f.write_str(
                "forced loading voids the module's signature, and this kernel requires one",
            ),
            Self::UnknownKey { signer } => write!(
                f,
                "the module is signed {}, which this kernel does not know, and it requires a \
                 signature that it can verify",
                by(signer)
            ),
            Self::BadSignature { signer: Some(signer) } => write!(
                f,
                "the module was changed after it was signed {}: the signature does not match",
                by(signer)
            ),
            Self::BadSignature { signer: None } => {
                f.write_str("the module has a signature that is damaged")
            }
            Self::LockedDown { mode, signature, secure_boot } => {
                let mode = mode.as_deref().unwrap_or("on");
                write!(f, "the kernel is locked down ({mode}) and the module {signature}")?;
                if *secure_boot { f.write_str("; Secure Boot is on") } else { Ok(()) }
            }
            Self::Blacklisted { name } => {
                write!(f, "the kernel was booted with module_blacklist= for {name}")
            }
            Self::ModulesDisabled { at_boot: true } => {
                f.write_str("the kernel was booted with nomodule")
            }
            Self::ModulesDisabled { at_boot: false } => f.write_str(
                "loading was turned off until the next boot: kernel.modules_disabled is 1",
            ),
            Self::NoPrivilege { in_namespace: false } => {
                f.write_str("this process lacks the capability CAP_SYS_MODULE")
            }
            Self::NoPrivilege { in_namespace: true } => f.write_str(
                "this process is in a user namespace, where no capability lets it load modules",
            ),
            Self::AlreadyLoaded { name } => write!(f, "a module {name} is loaded already"),
            Self::BuiltIn { name } => write!(f, "{name} is built into this kernel"),
            Self::BeingUnloaded { name } => write!(f, "a module {name} is just being unloaded"),
            Self::BadParameter { unknown: false, name, value, kind, takes, .. } => {
                match value {
                    Some(value) => {
                        write!(f, "parameter {name} does not take '{}'", shortened(value))?;
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
                    "the module fits this kernel; its own init function refused to start it"
                } else {
                    "most likely the module's own init function refused to start it"
                })?;
                write!(f, " with {}", errno.name())?;
                meaning(*errno).map_or(Ok(()), |meaning| write!(f, ": {meaning}"))?;
                match *errno {
                    Errno::EEXIST if !certain => f.write_str("; or it was loaded, and is no more"),
                    Errno::EBUSY if !certain => {
                        f.write_str("; or another process was loading or unloading it just then")
                    }
                    _ => Ok(()),
                }
            }
            Self::OutOfMemory => f.write_str("the kernel could not get the memory it needs"),
            Self::NoModuleSupport => {
                f.write_str("this kernel was built without loadable modules (CONFIG_MODULES)")
            }
            Self::NotForceable => f.write_str(
                "this kernel was built without forced loading (CONFIG_MODULE_FORCE_LOAD)",
            ),
            Self::SecurityPolicy { modules } if modules.is_empty() => {
                f.write_str("a security policy of the kernel denied it")
            }
            Self::SecurityPolicy { modules } => {
                write!(f, "a security policy of the kernel denied it: {}", modules.join(", "))
            }
            Self::Unknown { errno, unseen } => {
                f.write_str("could not be found out")?;
                if let Some(errno) = errno {
                    write!(f, "; the kernel's answer was {}", errno.name())?;
                }
                if unseen.is_empty() {
                    return Ok(());
                }
                write!(f, ". Not seen: {}", unseen.join("; "))
            }
        }
    }
}

fn vermagic(f: &mut fmt::Formatter<'_>, differences: &[VermagicDifference]) -> fmt::Result {
    f.write_str("the module was built for another kernel")?;
    for (index, difference) in differences.iter().enumerate() {
        f.write_str(if index == 0 { ": " } else { "; " })?;
        match difference {
            VermagicDifference::Release { module, kernel } => {
                write!(f, "it is for release {module}, this is {kernel}")?;
            }
            VermagicDifference::OnlyModule(word) => {
                write!(f, "it is for a kernel with {}, which this one lacks", setting(word))?;
            }
            VermagicDifference::OnlyKernel(word) => {
                write!(f, "this kernel has {}, which it was built without", setting(word))?;
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
    if differences.is_empty() {
        f.write_str("the module was built against a kernel whose types differ: ")?;
    } else {
        vermagic(f, differences)?;
        f.write_str("; their types differ: ")?;
    }
    for (index, WrongVersion { name, module, kernel }) in symbols.iter().enumerate() {
        if index > 0 {
            f.write_str(", ")?;
        }
        write!(f, "{name} (")?;
        match module {
            Some(crc) => write!(f, "{crc:#010x} in the module")?,
            None => f.write_str("no version in the module")?,
        }
        match kernel {
            Some(crc) => write!(f, ", {crc:#010x} in the kernel)")?,
            None => f.write_str(")")?,
        }
    }
    Ok(())
}

fn missing(f: &mut fmt::Formatter<'_>, symbols: &[MissingSymbol]) -> fmt::Result {
    f.write_str("it needs symbols that nothing loaded exports: ")?;
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
            Some(provider) => write!(f, "(exported by {provider})")?,
            None => f.write_str("(no module of this kernel is known to)")?,
        }
        first = false;
        rest = others;
    }
    Ok(())
}

fn namespaces(f: &mut fmt::Formatter<'_>, symbols: &[(String, String)]) -> fmt::Result {
    f.write_str("it uses symbols of namespaces that it does not import: ")?;
    for (index, (symbol, namespace)) in symbols.iter().enumerate() {
        let separator = if index == 0 { "" } else { ", " };
        write!(f, "{separator}{symbol} of {namespace}")?;
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
        (Some(name), key) => format!("by \"{name}\" with the key {key}"),
        (None, "") => "with a key".to_owned(),
        (None, key) => format!("with the key {key}"),
    }
}

/// What a driver usually means by an errno.
fn meaning(errno: Errno) -> Option<&'static str> {
    const MEANINGS: &[(Errno, &str)] = &[
        (Errno::ENODEV, "the device that it is for was not found"),
        (Errno::ENXIO, "the device that it is for does not answer"),
        (Errno::EIO, "the device that it is for did not work"),
        (Errno::EBUSY, "something that it needs is in use, often by another driver"),
        (Errno::EEXIST, "something that it wants to register is registered already"),
        (Errno::ENOENT, "something that it needs is not there, such as firmware"),
        (Errno::EINVAL, "it does not like its parameters or its surroundings"),
        (Errno::ENOMEM, "it could not get the memory it needs"),
        (Errno::EPERM, "it is not allowed to do what it wants"),
        (Errno::EACCES, "it is not allowed to do what it wants"),
        (Errno::EOPNOTSUPP, "this machine or kernel lacks something that it needs"),
        (Errno::ENOSYS, "this kernel lacks something that it needs"),
    ];
    MEANINGS.iter().find(|(known, _)| *known == errno).map(|(_, meaning)| *meaning)
}
