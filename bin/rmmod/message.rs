//! The first line of a failure, byte for byte as kmod's rmmod writes it, and its status.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use modutils::{Error, ModuleName, Refusal, RemoveError};

use crate::common::status::Status;

pub(crate) fn unusable(argument: &OsStr, error: &Error) -> Vec<u8> {
    [b"could not use module ", argument.as_bytes(), b": ", error.detail().as_bytes()].concat()
}

/// kmod looks at the module's users and its count before it asks the kernel, so that a module in
/// use is called that whatever else would be wrong.
pub(crate) fn not_removed(error: &RemoveError) -> Vec<u8> {
    let name = error.name().as_bytes();
    let users = error.module().map_or(&[][..], |module| &module.used_by);
    let line: &[&[u8]] = match error.refusal() {
        Refusal::NotLoaded => &[b"Module ", name, b" is not currently loaded"],
        Refusal::BuiltIn => &[b"Module ", name, b" is builtin."],
        Refusal::NoUnloadSupport => &[b"Module unloading is not supported"],
        Refusal::UsedByModules | Refusal::InUse | Refusal::NotPermitted | Refusal::TimedOut
            if !users.is_empty() =>
        {
            let names: Vec<_> = users.iter().map(ModuleName::as_bytes).collect();
            return [b"Module ", name, b" is in use by: ", &names.join(&b' ')].concat();
        }
        Refusal::UsedByModules | Refusal::InUse => &[b"Module ", name, b" is in use"],
        Refusal::NotPermitted | Refusal::TimedOut
            if error.module().is_some_and(|module| module.refcnt > Some(0)) =>
        {
            &[b"Module ", name, b" is in use"]
        }
        _ => {
            let text = error.errno().to_string();
            return [b"could not remove '", name, b"': ", text.as_bytes()].concat();
        }
    };
    line.concat()
}

pub(crate) fn status(error: &RemoveError) -> Status {
    match error.refusal() {
        Refusal::NotLoaded => Status::Already,
        Refusal::UsedByModules
        | Refusal::InUse
        | Refusal::Permanent
        | Refusal::Initialising
        | Refusal::BeingUnloaded => Status::Busy,
        Refusal::TimedOut => Status::TimedOut,
        Refusal::NotPermitted => Status::NotPermitted,
        _ => Status::Failed,
    }
}
