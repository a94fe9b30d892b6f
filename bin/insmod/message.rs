//! The first line of a failure, byte for byte as kmod's insmod writes it, and its status.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use modutils::{Errno, Error, ErrorKind, InsertError, InsertFailure, ModuleFile};

use crate::common::status::Status;

/// kmod looks at the path first and opens the file later, with different words for each.
pub(crate) fn not_opened(path: &OsStr, error: &Error) -> Vec<u8> {
    let verb = if std::fs::metadata(path).is_err() { "load" } else { "insert" };
    line(verb, path, error.detail())
}

pub(crate) fn open_status(error: &Error) -> Status {
    match error.errno() {
        Some(Errno::EACCES | Errno::EPERM) => Status::NotPermitted,
        _ => Status::Failed,
    }
}

pub(crate) fn not_inserted(file: &ModuleFile, error: &InsertError) -> Vec<u8> {
    line("insert", file.path().as_os_str(), &text(file, error))
}

fn line(verb: &str, path: &OsStr, text: &str) -> Vec<u8> {
    [b"could not ", verb.as_bytes(), b" module ", path.as_bytes(), b": ", text.as_bytes()].concat()
}

pub(crate) fn text(file: &ModuleFile, error: &InsertError) -> String {
    let errno = match error.failure() {
        InsertFailure::Unreadable(error) => match error.kind() {
            ErrorKind::CorruptCompression => Errno::EINVAL,
            ErrorKind::TooLarge => Errno::EFBIG,
            _ => error.errno().unwrap_or(Errno::ENOEXEC),
        },
        // The kernel has no word of its own for a directory; kmod, which reads the file, does.
        InsertFailure::Refused(Errno::EINVAL)
            if file.metadata().is_ok_and(|meta| meta.is_dir()) =>
        {
            Errno::EISDIR
        }
        InsertFailure::Refused(errno) => *errno,
        _ => return error.to_string(),
    };
    match errno {
        Errno::ENOEXEC => "Invalid module format".to_owned(),
        Errno::ENOENT => "Unknown symbol in module".to_owned(),
        Errno::EINVAL => "Invalid parameters".to_owned(),
        errno => errno.to_string(),
    }
}

/// The status that the errno alone suggests.
pub(crate) fn status(error: &InsertError) -> Status {
    match error.failure() {
        InsertFailure::Refused(errno) => match *errno {
            Errno::EEXIST => Status::Already,
            Errno::EBUSY => Status::Busy,
            Errno::EPERM | Errno::EACCES | Errno::EKEYREJECTED | Errno::ENOKEY | Errno::EBADMSG => {
                Status::NotPermitted
            }
            Errno::ENOEXEC | Errno::ENOENT | Errno::EINVAL | Errno::ERANGE | Errno::ENOSPC => {
                Status::Misfit
            }
            Errno::ENOMEM | Errno::ENOSYS | Errno::EFBIG | Errno::EINTR | Errno::ETXTBSY => {
                Status::Failed
            }
            // The loader has no other answers: it comes from the module's init function.
            _ => Status::InitFailed,
        },
        InsertFailure::Unreadable(error) => match error.errno() {
            Some(_) => Status::Failed,
            None => Status::Misfit,
        },
        _ => Status::Failed,
    }
}
