//! The first line of a failure before any removal.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use modutils::Error;

use super::targets::Unusable;
use crate::common::refusal::not_loaded;

pub(crate) fn unusable(argument: &Unusable<'_>) -> Vec<u8> {
    match argument {
        Unusable::Name(argument, error) => {
            let detail = error.detail().as_bytes();
            [b"could not use module ", argument.as_bytes(), b": ", detail].concat()
        }
        Unusable::NoMatch(pattern) => not_loaded(pattern.as_bytes()),
    }
}

/// The list of modules, which has the users and the names, is missing.
pub(crate) fn no_list(error: &Error) -> Vec<u8> {
    let path = error.path().map_or(OsStr::new(""), |path| path.as_os_str());
    [b"could not open ", path.as_bytes(), b": ", error.detail().as_bytes()].concat()
}
