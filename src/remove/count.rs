//! The number of references, read again and again.

use std::fs::File;
use std::os::unix::fs::FileExt;

use crate::loaded::Snapshot;
use crate::name::ModuleName;
use crate::system::System;

/// Tells how many references a module has, for as little as that can cost: an attempt to remove
/// it instead takes the lock of all modules and leaves a record in the audit log.
pub(super) struct Count<'a> {
    system: &'a System,
    name: &'a ModuleName,
    file: Option<File>,
}

impl<'a> Count<'a> {
    pub(super) fn new(system: &'a System, name: &'a ModuleName) -> Self {
        Self { system, name, file: None }
    }

    /// The references, −1 while it unloads; `None` if it is gone or the kernel shows no count.
    pub(super) fn read(&mut self) -> Option<i64> {
        // A file of a module that is gone gives ENODEV, even if another of that name has come.
        if let Some(count) = self.file.as_ref().and_then(number) {
            return Some(count);
        }
        self.file = File::open(self.system.module_dir(self.name).join("refcnt")).ok();
        match &self.file {
            Some(file) => number(file),
            None if self.system.has_module_dirs() => None,
            None => Snapshot::take(self.system).ok()?.get(self.name)?.refcnt,
        }
    }
}

fn number(file: &File) -> Option<i64> {
    let mut text = [0; 24];
    let length = file.read_at(&mut text, 0).ok()?;
    std::str::from_utf8(text.get(..length)?).ok()?.trim_end().parse().ok()
}
