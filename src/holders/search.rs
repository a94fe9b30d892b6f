//! What all parts of a search share.

use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use super::aliases::Aliases;
use super::device::{Device, Owners};
use super::mountinfo::View;
use super::process::Namespaces;
use super::seen::{OpenFile, Processes};
use crate::loaded::LoadedModule;
use crate::name::ModuleName;
use crate::order;
use crate::symbols::{self, OwnSymbol};
use crate::system::System;

/// A source that was not inspected, or not completely.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Omission {
    /// The source, as a plural noun: `12 processes`, `device-mapper tables`.
    pub source: String,
    /// The reason.
    pub reason: OmissionReason,
}

/// The reason why a source was not inspected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum OmissionReason {
    /// The caller lacks privilege.
    PermissionDenied,
    /// The file system that shows it is not mounted.
    NotMounted,
    /// The kernel does not provide it.
    Unavailable,
    /// The two seconds of the search ended first.
    OutOfTime,
}

impl fmt::Display for OmissionReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PermissionDenied => "permission denied",
            Self::NotMounted => "not mounted",
            Self::Unavailable => "not available",
            Self::OutOfTime => "out of time",
        })
    }
}

/// A search for the holders of one module. Threads share it.
pub(super) struct Search<'a> {
    pub(super) system: &'a System,
    pub(super) module: &'a LoadedModule,
    pub(super) aliases: Arc<Aliases>,
    pub(super) scene: Arc<Scene>,
    pub(super) owners: Owners,
    /// References that no source has explained so far.
    left: AtomicU64,
    symbols: OnceLock<Vec<OwnSymbol>>,
    end: Instant,
}

/// What searches for several modules share, each part as soon as one of them needs it.
#[derive(Default)]
pub(super) struct Scene {
    pub(super) processes: OnceLock<Processes>,
    /// Directories and programs of processes.
    pub(super) places: OnceLock<Vec<OpenFile>>,
    pub(super) views: OnceLock<Vec<View>>,
    pub(super) namespaces: OnceLock<Namespaces>,
    pub(super) mapped: OnceLock<Vec<modutils_dm::Device>>,
    /// The device nodes of a captured system.
    pub(super) nodes: OnceLock<Vec<(Device, PathBuf)>>,
    /// Whether anything was left out.
    cut: AtomicBool,
    omissions: Mutex<Vec<Omission>>,
}

impl<'a> Search<'a> {
    /// A search that ends `time` after it has read what it has to know first.
    pub(super) fn for_time(time: Duration, system: &'a System, module: &'a LoadedModule) -> Self {
        let search = Self::until(Instant::now(), system, module);
        Self { end: Instant::now() + time, ..search }
    }

    pub(super) fn until(end: Instant, system: &'a System, module: &'a LoadedModule) -> Self {
        Self {
            system,
            module,
            aliases: Arc::new(Aliases::read(system)),
            scene: Arc::default(),
            owners: Owners::read(system),
            left: AtomicU64::new(0),
            symbols: OnceLock::new(),
            end,
        }
    }

    /// A search for the holders of another module, at the same moment.
    pub(super) fn of_other<'o>(&self, module: &'o LoadedModule) -> Search<'o>
    where
        'a: 'o,
    {
        Search {
            system: self.system,
            module,
            aliases: Arc::clone(&self.aliases),
            scene: Arc::clone(&self.scene),
            owners: Owners::read(self.system),
            left: AtomicU64::new(0),
            symbols: OnceLock::new(),
            end: self.end,
        }
    }

    /// The name of the module.
    pub(super) fn name(&self) -> &[u8] {
        self.module.name.as_bytes()
    }

    /// The symbols of the module, which the kernel takes tens of milliseconds to list.
    pub(super) fn symbols(&self) -> &[OwnSymbol] {
        self.symbols.get_or_init(|| symbols::of_module(&self.system.kallsyms(), self.name()))
    }

    /// Returns whether the time is up: the caller then leaves out the rest of its part.
    pub(super) fn is_late(&self) -> bool {
        let late = Instant::now() >= self.end;
        if late {
            self.scene.cut.store(true, Ordering::Relaxed);
        }
        late
    }

    /// When a slow source has to end, so that time is left for those behind it.
    pub(super) fn end_of_share(&self) -> Instant {
        let now = Instant::now();
        now + self.end.saturating_duration_since(now) / 2
    }

    /// Returns whether any part of the search ran out of time.
    pub(super) fn was_cut(&self) -> bool {
        self.scene.cut.load(Ordering::Relaxed)
    }

    /// The number of references that no source has explained so far.
    pub(super) fn left(&self) -> u64 {
        self.left.load(Ordering::Relaxed)
    }

    pub(super) fn set_left(&self, left: u64) {
        self.left.store(left, Ordering::Relaxed);
    }

    /// Whether the module provides what the kernel asks for by one of these aliases, or, if no
    /// module of the release has such an alias, by one of these module names.
    pub(super) fn provides(&self, aliases: &[&str], names: &[&str]) -> bool {
        match aliases.iter().find_map(|alias| self.aliases.get(alias)) {
            Some(owner) => *owner == self.module.name,
            None => names
                .iter()
                .any(|name| ModuleName::new(name).is_ok_and(|name| name == self.module.name)),
        }
    }

    /// What the module implements: the ends of its aliases with a prefix, or else of its name.
    pub(super) fn suffixes(&self, alias: &str, name: &str) -> Vec<Vec<u8>> {
        let found = self.aliases.suffixes(alias, &self.module.name);
        if found.is_empty() {
            let suffix = self.name().strip_prefix(name.as_bytes());
            return suffix.map(<[u8]>::to_vec).into_iter().collect();
        }
        found
    }

    /// Whether the module has an alias with this prefix, or a name with one of these prefixes.
    pub(super) fn is_kind(&self, alias: &str, names: &[&str]) -> bool {
        names.iter().any(|name| self.name().starts_with(name.as_bytes()))
            || self.aliases.any(alias, &self.module.name)
    }

    /// Records that `source` was not inspected.
    pub(super) fn omit(&self, source: impl Into<String>, reason: OmissionReason) {
        let omission = Omission { source: source.into(), reason };
        let mut omissions = self.scene.omissions.lock().unwrap_or_else(PoisonError::into_inner);
        if !omissions.contains(&omission) {
            omissions.push(omission);
        }
    }

    pub(super) fn omissions(&self) -> Vec<Omission> {
        let omissions = self.scene.omissions.lock().unwrap_or_else(PoisonError::into_inner);
        let mut omissions = omissions.clone();
        order::sort_by_key(&mut omissions, |omission| omission.reason);
        omissions
    }
}
