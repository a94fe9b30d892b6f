//! Parts of the sentences that name symbols, versions and signers.

use std::fmt;

use super::symbol::{MissingSymbol, WrongVersion, reserved_for};
use crate::errno::Errno;
use crate::file::{Signer, VermagicDifference};

/// The kernel's words, and what they mean to people who build modules.
pub(super) fn relocation(f: &mut fmt::Formatter<'_>, detail: &str) -> fmt::Result {
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

pub(super) fn vermagic(
    f: &mut fmt::Formatter<'_>,
    differences: &[VermagicDifference],
) -> fmt::Result {
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

/// A value short enough to read: thousands of letters are cut.
pub(super) fn shortened(value: &str) -> String {
    const MOST: usize = 200;
    match value.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", value.get(..end).unwrap_or_default()),
        None => value.to_owned(),
    }
}

pub(super) fn versions(
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

pub(super) fn missing(f: &mut fmt::Formatter<'_>, symbols: &[MissingSymbol]) -> fmt::Result {
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

pub(super) fn namespaces(f: &mut fmt::Formatter<'_>, symbols: &[(String, String)]) -> fmt::Result {
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

pub(super) fn list_is(symbols: &[String]) -> String {
    let verb = if symbols.len() == 1 { "is" } else { "are" };
    format!("{} {verb}", symbols.join(", "))
}

pub(super) fn by(signer: &Signer) -> String {
    match (&signer.name, signer.key.as_str()) {
        (Some(name), key) => format!("by \"{name}\" (key {key})"),
        (None, "") => "with an unnamed key".to_owned(),
        (None, key) => format!("with key {key}"),
    }
}

/// What a driver usually means by an errno.
pub(super) fn meaning(errno: Errno) -> Option<&'static str> {
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
