//! What an argument of `rmmod` and `lsmod` stands for.

use std::ffi::OsStr;
use std::path::Path;

use modutils::{Error, ModuleFile, ModuleName};

/// A path means the module in that file, which need not be called like the file.
pub(crate) fn name_of(argument: &OsStr) -> Result<ModuleName, Error> {
    if !modutils::is_path(argument) {
        return ModuleName::new(argument.as_encoded_bytes());
    }
    match ModuleFile::open(argument).and_then(|file| file.name()) {
        Ok(name) => Ok(name),
        Err(_) => ModuleName::from_file_name(Path::new(argument)),
    }
}
