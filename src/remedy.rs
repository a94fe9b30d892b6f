//! Remedies after a failure.

use std::path::PathBuf;

use crate::name::ModuleName;

/// Something that would help after a failure.
///
/// A program shows it as a command that can be pasted, with the file, parameters and options of
/// the call that failed, or as a step in words.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Remedy {
    /// Repeat the call that failed, with a change.
    Repeat(Change),
    /// Repeat the call that failed, with another file.
    Instead(PathBuf),
    /// Load an installed module in place of the file, with the parameters of the call that failed:
    /// modprobe(8).
    InstalledInstead(ModuleName),
    /// Load another module file.
    Load(PathBuf),
    /// Load an installed module and its dependencies: modprobe(8).
    LoadInstalled(ModuleName),
    /// Remove another module.
    Remove(ModuleName),
    /// Show who holds a module.
    ShowHolders(ModuleName),
    /// Something that this package does not do.
    Other(WayOut),
}

/// A command or a step, ready to be shown.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum WayOut {
    /// A command line, ready for a shell, as root: see [`CommandLine`](crate::diagnosis::CommandLine).
    Command(String),
    /// A step in the imperative.
    Step(String),
}

/// A change to a call that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Change {
    /// As it was.
    Again,
    /// As root.
    AsRoot,
    /// Without forced loading.
    WithoutForce,
    /// With the modules that it depends on loaded first.
    WithDependencies,
    /// In place of the module of that name that is loaded.
    Replacing,
    /// The same, reloading the modules that use it.
    ReplacingWithUsers,
    /// Listing the parameters that the module has, instead of loading it.
    ListParameters,
    /// Waiting until the module can be removed.
    Wait,
    /// Removing the modules that use it first.
    Recursive,
}

impl Remedy {
    /// Returns a command line, quoted for a shell.
    pub(crate) fn command(line: impl Into<String>) -> Self {
        Self::Other(WayOut::Command(line.into()))
    }

    /// Returns a step in words.
    pub(crate) fn step(text: impl Into<String>) -> Self {
        Self::Other(WayOut::Step(text.into()))
    }
}
