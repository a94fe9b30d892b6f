//! What a cause comes to for callers: its class, and the kernel's answer.

use super::cause::Cause;
use crate::class::Class;
use crate::errno::Errno;
use crate::insert::BadArgument;

impl Cause {
    /// Returns whether the cause is a fact, rather than the most likely one.
    pub fn is_certain(&self) -> bool {
        match self {
            Self::InitFailed { certain, .. }
            | Self::SecurityPolicy { certain, .. }
            | Self::OutOfMemory { certain } => *certain,
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
