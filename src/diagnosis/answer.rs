//! What a cause comes to for callers: its class, and the kernel's answer.

use super::cause::Cause;
use crate::class::{Class, kinds};
use crate::errno::Errno;
use crate::insert::BadArgument;

kinds!(Cause {
    FileNotFound => "file-not-found", Failed, ENOENT;
    FileNotReadable => "file-not-readable", Failed;
    NotAFile => "not-a-file", Misfit, EINVAL;
    EmptyFile => "empty-file", Misfit, EINVAL;
    NotElf => "not-elf", Misfit, ENOEXEC;
    Truncated => "truncated", Misfit, ENOEXEC;
    Hollow => "truncated", Misfit, ENOENT;
    WrongArchitecture => "wrong-architecture", Misfit, ENOEXEC;
    NotAModule | Relocation => "not-a-module", Misfit, ENOEXEC;
    Btf => "btf-mismatch", Misfit, EINVAL;
    Livepatch => "livepatch", Misfit;
    CorruptCompression => "corrupt-compression", Misfit, EINVAL;
    CompressionUnsupported | TooLarge => "compression-unsupported", Misfit, ENOEXEC;
    VermagicMismatch | NotRebooted => "vermagic-mismatch", Misfit, ENOEXEC;
    ProviderMismatch => "symbol-version-mismatch", Misfit, EINVAL;
    Unversioned => "symbol-version-mismatch", Misfit, ENOEXEC;
    SymbolVersionMismatch => "symbol-version-mismatch", Misfit, EINVAL;
    MissingSymbol => "missing-symbol", Misfit, ENOENT;
    GplOnlySymbol | ProprietaryProvider => "gpl-only-symbol", Misfit, ENOENT;
    MissingNamespace => "missing-namespace", Misfit, EINVAL;
    ReservedNamespace => "missing-namespace", Misfit, EPERM;
    DependencyInitializing => "dependency-initializing", Busy, EBUSY;
    DuplicateSymbol => "duplicate-symbol", Misfit, ENOEXEC;
    Unsigned => "unsigned", NotPermitted, EKEYREJECTED;
    ProtectedSymbol => "protected-symbol", NotPermitted, EACCES;
    UnknownKey | ForeignSignature => "unknown-key", NotPermitted, EKEYREJECTED;
    BadSignature => "bad-signature", NotPermitted, EKEYREJECTED;
    Revoked => "blacklisted", NotPermitted, EKEYREJECTED;
    LockedDown | LockedParameter => "locked-down", NotPermitted, EPERM;
    Blacklisted => "blacklisted", NotPermitted, EPERM;
    ModulesDisabled => "modules-disabled", NotPermitted, EPERM;
    NoPrivilege => "no-privilege", NotPermitted, EPERM;
    AlreadyLoaded => "already-loaded", Already, EEXIST;
    Initializing => "initializing", Busy, EBUSY;
    InitCrashed => "init-crashed", Busy, EBUSY;
    ExitCrashed => "exit-crashed", Busy, EBUSY;
    BuiltIn => "built-in", Misfit, EINVAL;
    BeingUnloaded => "being-unloaded", Busy, EBUSY;
    BadParameter | Inexpressible => "bad-parameter", Misfit;
    UnknownParameter => "unknown-parameter", Misfit;
    InitFailed => "init-failed", InitFailed;
    OutOfMemory => "out-of-memory", Failed, ENOMEM;
    NoModuleSupport => "no-module-support", Failed, ENOSYS;
    NotForceable => "not-forceable", Misfit, ENOEXEC;
    SecurityPolicy => "security-policy", NotPermitted, EACCES;
    Unknown => "unknown", Failed;
});

impl Cause {
    /// Returns whether the cause is a fact, rather than the most likely one.
    pub fn is_certain(&self) -> bool {
        match self {
            Self::InitFailed { certain, .. }
            | Self::SecurityPolicy { certain, .. }
            | Self::LockedParameter { certain, .. }
            | Self::VermagicMismatch { certain, .. }
            | Self::NotRebooted { certain, .. } => *certain,
            Self::Unknown { .. } => false,
            _ => true,
        }
    }

    /// Returns the class of the failure.
    pub fn class(&self) -> Class {
        match self {
            Self::FileNotReadable { errno: Errno::EACCES | Errno::EPERM, .. } => {
                Class::NotPermitted
            }
            Self::Unknown { errno: Some(errno), .. } => Class::of_answer(*errno),
            _ => self.traits().class,
        }
    }

    /// Returns the error number with which the kernel refuses a module for this reason, or `None`
    /// where the kernel is not asked or the number is not known.
    pub fn answer(&self) -> Option<Errno> {
        match self {
            Self::BadParameter { errno, .. }
            | Self::FileNotReadable { errno, .. }
            | Self::InitFailed { errno, .. } => Some(*errno),
            Self::Unknown { errno, .. } => *errno,
            Self::TooLarge { .. } => Some(Errno::EFBIG),
            Self::BadSignature { signer: None } => Some(Errno::EBADMSG),
            // The layout is checked with the version magic, the other symbols later.
            Self::SymbolVersionMismatch { symbols, .. }
                if symbols.iter().any(|symbol| symbol.name == "module_layout") =>
            {
                Some(Errno::ENOEXEC)
            }
            _ => self.traits().answer.first().copied(),
        }
    }
}

/// A parameter that was not passed to the kernel, because it cannot be quoted.
impl From<&BadArgument> for Cause {
    fn from(bad: &BadArgument) -> Self {
        let argument = bad.argument().to_string_lossy().into_owned();
        Self::Inexpressible { argument, reason: bad.reason() }
    }
}
