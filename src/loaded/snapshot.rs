//! All loaded modules at one moment.

use super::{LoadedModule, ModuleList, proc_modules};
use crate::error::Error;
use crate::name::ModuleName;
use crate::system::System;

/// The loaded modules, newest first, as the kernel keeps them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    modules: Vec<LoadedModule>,
}

/// About as many bytes as a row has: at least, so that there is room for all.
const ROW: usize = 48;

impl Snapshot {
    /// Reads `/proc/modules`.
    ///
    /// # Errors
    /// An [`Error`] that [is absent](Error::is_absent) where /proc is not mounted or the kernel has
    /// no modules (see [`System::has_proc`]); the read's error; or
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed).
    pub fn take(system: &System) -> Result<Self, Error> {
        let list = ModuleList::read(system)?;
        // Collecting results would move each module several times.
        let mut modules = Vec::with_capacity(list.text_len() / ROW);
        for row in list.rows() {
            modules.push(row?.to_module());
        }
        Ok(Self { modules })
    }

    /// Parses a text in the form of `/proc/modules`.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed), with the line.
    pub fn parse(text: &[u8]) -> Result<Self, Error> {
        let modules = proc_modules::parse(text).map(|row| row.map(|row| row.to_module()));
        Ok(Self { modules: modules.collect::<Result<_, _>>()? })
    }

    /// Returns all modules, in the kernel's order.
    pub fn modules(&self) -> &[LoadedModule] {
        &self.modules
    }

    /// Returns the module of this name.
    pub fn get(&self, name: &ModuleName) -> Option<&LoadedModule> {
        self.modules.iter().find(|module| module.name == *name)
    }
}
