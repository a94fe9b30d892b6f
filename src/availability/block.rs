//! What keeps a module from being loaded.

use std::fmt;
use std::path::PathBuf;

use crate::modprobe::Place;
use crate::name::ModuleName;

/// Something that keeps a module from being loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Block {
    /// modprobe(8) runs a command instead of loading the module, or one that it depends on.
    Install {
        /// The module that the setting is about.
        module: ModuleName,
        /// The command.
        command: String,
        /// The setting.
        place: Place,
    },
    /// modprobe(8) and udev(7) pass over the aliases of the module.
    Blacklist {
        /// The setting.
        place: Place,
    },
    /// One of its aliases stands for another module.
    Alias {
        /// The alias.
        alias: String,
        /// What it stands for; `off` disables the alias.
        module: ModuleName,
        /// The setting.
        place: Place,
    },
    /// The kernel refuses the module, or one that it depends on: `module_blacklist=`.
    ModuleBlacklist {
        /// The module that is refused.
        module: ModuleName,
    },
    /// The kernel takes no module any more: the sysctl `kernel.modules_disabled`.
    ModulesDisabled,
    /// The kernel starts no helper to load modules: the sysctl `kernel.modprobe`.
    NoModprobe {
        /// The program that it would run, which is none or does nothing.
        program: String,
    },
    /// The kernel is locked down, and the module is not signed.
    Lockdown {
        /// The mode, see `kernel_lockdown`(7).
        mode: String,
    },
    /// The kernel enforces signatures, and the module is not signed.
    Unsigned,
    /// depmod(8) does not list its file, so that modprobe(8) does not know it.
    NotListed,
    /// depmod(8) lists a file that is not there.
    MissingFile {
        /// The file.
        file: PathBuf,
    },
}

/// Which ways of loading a [`Block`] blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scope {
    /// All.
    Everything,
    /// All loads by modprobe(8), but not by insmod(8).
    Modprobe,
    /// Those by an alias, which are those that happen by themselves; not `modprobe NAME`.
    Aliases,
    /// Those that the kernel asks for by itself.
    Requests,
}

impl Block {
    /// Returns the stable word for it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Install { .. } => "install",
            Self::Blacklist { .. } => "blacklist",
            Self::Alias { .. } => "alias",
            Self::ModuleBlacklist { .. } => "module-blacklist",
            Self::ModulesDisabled => "modules-disabled",
            Self::NoModprobe { .. } => "no-modprobe",
            Self::Lockdown { .. } => "lockdown",
            Self::Unsigned => "unsigned",
            Self::NotListed => "not-listed",
            Self::MissingFile { .. } => "missing-file",
        }
    }

    /// Returns what it blocks.
    pub fn scope(&self) -> Scope {
        match self {
            Self::Install { .. } | Self::NotListed => Scope::Modprobe,
            Self::Blacklist { .. } | Self::Alias { .. } => Scope::Aliases,
            Self::NoModprobe { .. } => Scope::Requests,
            Self::ModuleBlacklist { .. }
            | Self::ModulesDisabled
            | Self::Lockdown { .. }
            | Self::Unsigned
            | Self::MissingFile { .. } => Scope::Everything,
        }
    }

    /// Returns the place of the setting, if it is in a file.
    pub fn place(&self) -> Option<&Place> {
        match self {
            Self::Install { place, .. } | Self::Blacklist { place } | Self::Alias { place, .. } => {
                Some(place)
            }
            _ => None,
        }
    }
}

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Install { module, command, place } => {
                write!(f, "modprobe runs '{command}' instead of loading {module} ({place})")?;
                if command.contains("modprobe") || command.contains("insmod") {
                    f.write_str(", which may load it")?;
                }
                Ok(())
            }
            Self::Blacklist { place } => {
                write!(f, "its aliases are blacklisted ({place}), its name is not")
            }
            Self::Alias { alias, module, place } => {
                write!(f, "the alias {alias} stands for {module} ({place})")
            }
            Self::ModuleBlacklist { module } => {
                write!(f, "module_blacklist= on the kernel's command line forbids {module}")
            }
            Self::ModulesDisabled => f.write_str(
                "the kernel loads no modules until the next boot (kernel.modules_disabled)",
            ),
            Self::NoModprobe { program } => write!(
                f,
                "the kernel does not load modules by itself (the sysctl kernel.modprobe is '{program}')"
            ),
            Self::Lockdown { mode } => {
                write!(f, "the module is not signed, and the kernel is locked down (mode {mode})")
            }
            Self::Unsigned => {
                f.write_str("the module is not signed, and the kernel enforces signatures")
            }
            Self::NotListed => {
                f.write_str("depmod has not listed its file, so that modprobe does not find it")
            }
            Self::MissingFile { file } => write!(f, "its file {} is missing", file.display()),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)
    }
}
