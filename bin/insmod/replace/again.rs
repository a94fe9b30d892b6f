//! Modules that are loaded again: what the call says of its own file is not for theirs.

use std::path::Path;

use modutils::replace::Step;
use modutils::{Force, ModuleFile};

use crate::insmod::failure::Failure;
use crate::insmod::job::Job;

/// Opens the file of a module that is to be loaded again.
pub(super) fn open_again(job: Job<'_>, path: &Path) -> Result<ModuleFile, Failure> {
    let file = ModuleFile::open(path);
    file.map(|file| file.with_decompressed_max(job.options.max_size))
        .map_err(|error| Failure::not_opened_in_advance(path, &error))
}

/// --force is meant for the named file, not for those of the users or of the old build.
pub(super) fn force_of(job: Job<'_>, step: &Step) -> Force {
    match step {
        Step::Load { .. } => job.options.force,
        _ => Force::default(),
    }
}
