//! The classes of failures, and the words for their reasons.

use crate::errno::Errno;

/// A class of failures that callers treat alike: the commands give each an exit status.
///
/// Exhaustive on purpose, so that a caller's `match` names each one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// A reason that has no class of its own.
    Failed,
    /// Nothing to do: the module to load is loaded, or the module to remove is not.
    Already,
    /// The module is in use, is being loaded or removed, or can never be removed.
    Busy,
    /// The time limit was reached.
    TimedOut,
    /// The caller stopped the wait.
    Interrupted,
    /// The kernel or its settings do not permit it.
    NotPermitted,
    /// The module does not fit the kernel, or the parameters do not fit the module.
    Misfit,
    /// The module's own init function failed.
    InitFailed,
}

impl Class {
    /// Classifies a failed load by the kernel's answer alone.
    pub(crate) fn of_answer(errno: Errno) -> Self {
        match errno {
            Errno::EEXIST => Self::Already,
            Errno::EBUSY => Self::Busy,
            Errno::EPERM | Errno::EACCES | Errno::EKEYREJECTED | Errno::ENOKEY | Errno::EBADMSG => {
                Self::NotPermitted
            }
            Errno::ENOEXEC
            | Errno::ENOENT
            | Errno::EINVAL
            | Errno::ERANGE
            | Errno::ENOSPC
            | Errno::EFBIG => Self::Misfit,
            _ => Self::Failed,
        }
    }
}

/// The properties of all failures of one kind.
#[derive(Debug)]
pub(crate) struct Traits {
    pub(crate) kind: &'static str,
    pub(crate) class: Class,
    /// The kernel's answer to it; empty where it has none, or where it depends.
    pub(crate) answer: &'static [Errno],
}

/// Gives an enum of reasons its table: a row for each variant with its stable word, its class and
/// the kernel's answer. A variant without a row does not compile.
macro_rules! kinds {
    ($type:ident { $($($variant:ident)|+ => $kind:literal, $class:ident $(, $errno:ident)?;)+ }) => {
        impl $type {
            /// All words that [`kind`](Self::kind) returns.
            pub const KINDS: &[&str] = &[$($kind),+];

            /// The classes of these kinds, in the same order.
            pub const CLASSES: &[$crate::class::Class] = &[$($crate::class::Class::$class),+];

            /// Returns the stable word for this reason, which programs may rely on.
            pub fn kind(&self) -> &'static str {
                self.traits().kind
            }

            pub(crate) fn traits(&self) -> &'static $crate::class::Traits {
                match self {
                    $($(Self::$variant { .. })|+ => &$crate::class::Traits {
                        kind: $kind,
                        class: $crate::class::Class::$class,
                        answer: &[$($crate::errno::Errno::$errno)?],
                    },)+
                }
            }
        }
    };
}
pub(crate) use kinds;
