//! Errors of reading module files and the kernel's own files.

use std::path::{Path, PathBuf};
use std::{fmt, io};

use crate::errno::Errno;

/// A file or a text that could not be read or understood.
///
/// The operations that change the kernel have errors of their own:
/// [`InsertError`](crate::insert::InsertError) and [`RemoveError`](crate::remove::RemoveError).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    path: Option<PathBuf>,
    detail: String,
}

/// The class of an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A system call on the file failed.
    Io(Errno),
    /// The bytes are not an ELF object.
    NotElf,
    /// An ELF object whose headers point outside of the file.
    Truncated,
    /// An ELF object that is not a kernel module.
    NotAModule,
    /// A compressed stream that its own format calls damaged.
    CorruptCompression,
    /// A compression whose decoder is not compiled in: the features `gzip`, `xz` and `zstd`.
    UnsupportedCompression,
    /// More bytes than the caller's limit.
    TooLarge,
    /// A text of the kernel, or of depmod(8), that does not follow its format.
    Malformed,
    /// A module name that is empty, too long, or holds bytes that no module name has.
    InvalidName,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, detail: impl Into<String>) -> Self {
        Self { kind, path: None, detail: detail.into() }
    }

    pub(crate) fn io(path: &Path, errno: Errno) -> Self {
        Self { kind: ErrorKind::Io(errno), path: Some(path.to_owned()), detail: errno.to_string() }
    }

    /// Names the file, once, where it is known: parsers see bytes only.
    pub(crate) fn at(mut self, path: &Path) -> Self {
        self.path.get_or_insert_with(|| path.to_owned());
        self
    }

    /// Returns the class of the error.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Returns the file it is about, if any.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Returns the error number, if a system call failed.
    pub fn errno(&self) -> Option<Errno> {
        match self.kind {
            ErrorKind::Io(errno) => Some(errno),
            _ => None,
        }
    }

    /// Returns whether the file does not exist.
    pub fn is_absent(&self) -> bool {
        matches!(self.errno(), Some(Errno::ENOENT | Errno::ENOTDIR))
    }

    /// Returns the fault, without the path.
    pub fn detail(&self) -> &str {
        &self.detail
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.path {
            Some(path) => write!(f, "{}: {}", path.display(), self.detail),
            None => f.write_str(&self.detail),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.kind {
            ErrorKind::Io(errno) => Some(errno),
            _ => None,
        }
    }
}

/// Keeps the error, with its path, as the inner one; the kind is that of the error number.
impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        let kind = match error.kind {
            ErrorKind::Io(errno) => Self::from_raw_os_error(errno.raw()).kind(),
            ErrorKind::InvalidName => io::ErrorKind::InvalidInput,
            _ => io::ErrorKind::InvalidData,
        };
        Self::new(kind, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::error::Error as _;

    #[test]
    fn sources_are_linked() {
        let error = Error::io(Path::new("/gone"), Errno::ENOENT);
        assert_eq!(error.source().map(ToString::to_string), Some(Errno::ENOENT.to_string()));
        let error = io::Error::from(error);
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert_eq!(error.to_string(), "/gone: No such file or directory");
        let malformed = io::Error::from(Error::new(ErrorKind::NotElf, "not an ELF object"));
        assert_eq!(malformed.kind(), io::ErrorKind::InvalidData);
    }
}
