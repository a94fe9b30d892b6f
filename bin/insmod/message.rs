//! The first line of a failure, byte for byte as kmod's insmod writes it.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use modutils::{Errno, ModuleFile};

/// kmod looks at the path first and opens the file later, with different words for each.
pub(crate) fn not_opened(path: &OsStr, text: &str) -> Vec<u8> {
    let is_missing = path != "-" && std::fs::metadata(path).is_err();
    line(if is_missing { "load" } else { "insert" }, path, text)
}

pub(crate) fn not_inserted(file: &ModuleFile, text: &str) -> Vec<u8> {
    line("insert", file.path().as_os_str(), text)
}

fn line(verb: &str, path: &OsStr, text: &str) -> Vec<u8> {
    [b"could not ", verb.as_bytes(), b" module ", path.as_bytes(), b": ", text.as_bytes()].concat()
}

/// What kmod calls an answer of the kernel.
pub(crate) fn text(file: &ModuleFile, errno: Errno) -> String {
    // The kernel has no word of its own for a directory; kmod, which reads the file first, does.
    if file.metadata().is_ok_and(|meta| meta.is_dir()) {
        return Errno::EISDIR.to_string();
    }
    match errno {
        Errno::ENOEXEC => "Invalid module format".to_owned(),
        Errno::ENOENT => "Unknown symbol in module".to_owned(),
        Errno::ESRCH => "Module has wrong symbol version".to_owned(),
        Errno::EINVAL => "Invalid parameters".to_owned(),
        errno => errno.to_string(),
    }
}
