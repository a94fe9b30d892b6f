//! What a name stands for that is not among the loaded modules: a part of the kernel, a module that
//! could be loaded, one of another release, or nothing that is known.
//!
//! ```no_run
//! use modutils::availability::{Catalog, Presence};
//! use modutils::{ModuleName, System};
//!
//! let system = System::live();
//! let found = Catalog::read(&system).look_up(&ModuleName::new("algif_aead")?);
//! if let Presence::Loadable { file, .. } = &found.presence {
//!     println!("not loaded; its file is {}", file.display());
//!     for trigger in &found.triggers {
//!         println!("it is loaded when {trigger}");
//!     }
//!     for block in &found.blocks {
//!         println!("but {block}");
//!     }
//! }
//! # Ok::<(), modutils::Error>(())
//! ```

mod alias;
mod block;
mod catalog;
mod family;
mod initcall;
mod trigger;

pub use crate::modprobe::Place;
pub use block::{Block, Scope};
pub use catalog::Catalog;
pub use trigger::Trigger;

use std::path::PathBuf;

use crate::file::Signature;
use crate::name::ModuleName;
use crate::remedy::WayOut;

/// What a name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Availability {
    /// The name that was looked up.
    pub name: ModuleName,
    /// Where there is a module of this name.
    pub presence: Presence,
    /// The names by which the kernel or udev(7) asks for the module, as they are in its file: some
    /// are patterns.
    pub aliases: Vec<String>,
    /// What makes them ask, by the aliases that count: a blacklist takes all away, but not what the
    /// kernel asks for by the module's name.
    pub triggers: Vec<Trigger>,
    /// The modules that are loaded together with it, as they depend on it.
    pub needed_by: Vec<ModuleName>,
    /// What keeps the module from being loaded, or from being loaded in some ways.
    pub blocks: Vec<Block>,
    /// Files of modprobe.d(5) that could not be read: more blocks may be in them.
    pub unreadable: Vec<PathBuf>,
}

/// Where there is a module.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Presence {
    /// It is part of the running kernel.
    BuiltIn {
        /// The functions that start it, as far as the kernel's symbols name them:
        /// `initcall_blacklist=` on the kernel's command line keeps them from being called.
        functions: Vec<String>,
    },
    /// Its file is below `/lib/modules` of the running release.
    Loadable {
        /// The file; [`owners`](crate::packages::owners) knows its package.
        file: PathBuf,
        /// The signature behind the module; `None` if the file could not be read.
        signature: Option<Signature>,
    },
    /// The running release does not have it, but another one has.
    OtherRelease {
        /// The releases, and whether it is built in there.
        releases: Vec<(String, bool)>,
        /// Whether the running release still has modules at all: an upgrade may have removed them.
        running_has_modules: bool,
    },
    /// No module of this name is known.
    Unknown {
        /// The modules that have the name as an alias.
        alias_of: Vec<ModuleName>,
        /// The most similar names, of modules that are loaded, built in or loadable.
        nearest: Vec<ModuleName>,
        /// Whether depmod(8) lists the modules of the running release: if not, little is known.
        running_has_modules: bool,
    },
}

impl Presence {
    /// Returns a word for it: `built-in`, `loadable`, `other-release` or `unknown`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::BuiltIn { .. } => "built-in",
            Self::Loadable { .. } => "loadable",
            Self::OtherRelease { .. } => "other-release",
            Self::Unknown { .. } => "unknown",
        }
    }

    /// Returns how to keep a part of the kernel from being started.
    pub fn way_to_disable(&self) -> Option<WayOut> {
        match self {
            Self::BuiltIn { functions } if !functions.is_empty() => Some(WayOut::Step(format!(
                "to disable it, add initcall_blacklist={} to the kernel's command line and reboot",
                functions.join(",")
            ))),
            _ => None,
        }
    }
}
