//! Each cause as a sentence.

use std::fmt;

use super::cause::Cause;
use super::phrases::{
    by, list_is, meaning, missing, namespaces, relocation, shortened, vermagic, versions,
};
use super::symbol::Builds;
use super::untrusted::KeyOrigin;
use crate::caller::write_lack;
use crate::crash::{self, Crash};
use crate::errno::Errno;
use crate::file::Signature;

/// What decides where a kernel compares the versions of symbols in place of releases.
const MAY_AGREE: &str = "; most likely, their symbol versions differ, too";

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
            Self::VermagicMismatch { differences, certain, .. } => {
                vermagic(f, differences)?;
                f.write_str(if *certain { "" } else { MAY_AGREE })
            }
            Self::SymbolVersionMismatch { symbols, differences } => {
                versions(f, symbols, differences)
            }
            Self::MissingSymbol { symbols, internal, absent, stale } => {
                missing(f, symbols, internal, absent, stale)
            }
            Self::Unversioned { what } => write!(f, "the module has no {what}"),
            Self::ProprietaryProvider { symbols, provider } => write!(
                f,
                "the module uses GPL-only symbols, so it may not use those of the proprietary \
                 module {provider}: {}",
                symbols.join(", ")
            ),
            Self::Revoked => f.write_str(
                "the kernel has revoked this module file: its hash is on the list of blocked \
                 hashes (as from the dbx of UEFI)",
            ),
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
            Self::DependencyInitializing { module: Some(module), symbols, crashed: true } => {
                write!(
                    f,
                    "{module}, which provides {}, crashed in its init function and stays loading until \
                 reboot",
                    symbols.join(", ")
                )
            }
            Self::DependencyInitializing { module: Some(module), symbols, .. } => {
                write!(f, "{module}, which provides {}, is still initializing", symbols.join(", "))
            }
            Self::DependencyInitializing { module: None, symbols, .. } => {
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
            Self::UnknownKey { signer, origin: KeyOrigin::Unsupported } => write!(
                f,
                "the module is signed {}, by an algorithm that this kernel does not support",
                by(signer)
            ),
            Self::UnknownKey { signer, origin } => {
                let signer = by(signer);
                write!(f, "the module is signed {signer}, a key that this kernel does not trust")?;
                f.write_str(match origin {
                    KeyOrigin::Unknown | KeyOrigin::Unsupported => "",
                    KeyOrigin::OtherBuild => {
                        "; most likely, the module belongs to another build of the kernel"
                    }
                    KeyOrigin::Namesake => {
                        "; a key of that name is enrolled: either another one, or this kernel does \
                         not use enrolled keys for modules (keyring .platform)"
                    }
                })
            }
            Self::ForeignSignature { id_type: Signature::PROOF } => f.write_str(
                "the module carries a proof of its build instead of a signature; this kernel is a \
                 different build or does not accept such proofs",
            ),
            Self::ForeignSignature { id_type } => write!(
                f,
                "the module's signature is of a type that this kernel does not support ({id_type}; \
                 kernels since 4.3 take PKCS#7 only)"
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
            Self::LockedParameter { name, certain } => write!(
                f,
                "{}the kernel is locked down, which forbids setting the hardware parameter {name}",
                if *certain { "" } else { "most likely, " }
            ),
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
                write_lack(f, (*lacks, container.as_deref()), ("loading", "loaded"), "(root)")
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
            Self::NotRebooted { module, kernel, booted_since: false, certain } => write!(
                f,
                "the kernel was upgraded and not rebooted: the module is for {module}, but {kernel} \
                 is still running and its modules are no longer installed{}",
                if *certain { "" } else { MAY_AGREE }
            ),
            Self::NotRebooted { module, kernel, booted_since: true, certain } => write!(
                f,
                "the module is for kernel {module}, which is installed, but the machine was booted \
                 with {kernel}, whose modules are not{}",
                if *certain { "" } else { MAY_AGREE }
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
            Self::InitCrashed { name } => f.write_str(&crash::text(Crash::Init, name)),
            Self::ExitCrashed { name } => f.write_str(&crash::text(Crash::Exit, name)),
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
            Self::InitFailed { errno, certain, ignored, built_in } => {
                f.write_str(if *certain {
                    "the module matches this kernel, but its init function failed"
                } else {
                    "most likely, the module's init function failed"
                })?;
                write!(f, " with {}", errno.name())?;
                meaning(*errno).map_or(Ok(()), |meaning| write!(f, " (usually: {meaning})"))?;
                if *built_in {
                    f.write_str("; the kernel has this module built in, too")?;
                }
                if !ignored.is_empty() {
                    let names = ignored.join(", ");
                    write!(f, "; the kernel ignored parameters that it does not have: {names}")?;
                }
                match *errno {
                    Errno::ENOMEM if !certain => f.write_str("; or the kernel ran out of memory"),
                    Errno::EEXIST if !certain => {
                        f.write_str("; or the module was briefly loaded by another process")
                    }
                    Errno::EBUSY if !certain => f.write_str(
                        "; or another process was loading or unloading it at that moment",
                    ),
                    _ => Ok(()),
                }
            }
            Self::OutOfMemory { room: None } => f.write_str("the kernel ran out of memory"),
            Self::OutOfMemory { room: Some(size) } => write!(
                f,
                "the kernel has no room for {size} bytes in its address space for modules \
                 (vmalloc), however much memory is free"
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
            Self::NoModuleSupport { wsl: false } => {
                f.write_str("this kernel was built without loadable modules (CONFIG_MODULES)")
            }
            Self::NoModuleSupport { wsl: true } => {
                f.write_str("this is WSL 1, which has no Linux kernel and so no modules")
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
