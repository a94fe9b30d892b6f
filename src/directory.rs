//! Reading directories.
//!
//! Not with the standard library, which panics if closing one fails; nor with `readdir`, whose
//! entries have no room for the inode numbers of many file systems on 32-bit systems.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Dir, FileType, Mode, OFlags, RawDir, openat};

use crate::errno::Errno;
use crate::error::Error;

/// More than any file has of which there are thousands.
const FILE_MAX: usize = 64 << 20;

/// Room for nearly all of them.
const FILE_MIN: usize = 64 << 10;

/// Something in a directory.
pub(crate) struct Entry {
    pub(crate) name: OsString,
    pub(crate) path: PathBuf,
    /// Whether it is a symbolic link.
    pub(crate) is_link: bool,
    /// Whether it is a directory, as far as the directory above says.
    pub(crate) is_directory: bool,
}

/// The entries of a directory; an error comes last.
pub(crate) fn entries(
    directory: &Path,
) -> Result<impl Iterator<Item = Result<Entry, Error>> + use<>, Error> {
    let at = directory.to_owned();
    let error = |errno| Error::io(directory, from_rustix(errno));
    let mut found = Dir::new(open(directory)?).map_err(error)?;
    let mut failed = false;
    Ok(std::iter::from_fn(move || {
        loop {
            let entry = match found.next().filter(|_| !failed)? {
                Ok(entry) => entry,
                Err(errno) => {
                    failed = true;
                    return Some(Err(Error::io(&at, from_rustix(errno))));
                }
            };
            let name = OsStr::from_bytes(entry.file_name().to_bytes());
            if name != "." && name != ".." {
                return Some(Ok(Entry {
                    name: name.to_owned(),
                    path: at.join(name),
                    is_link: entry.file_type() == FileType::Symlink,
                    is_directory: entry.file_type() == FileType::Directory,
                }));
            }
        }
    }))
}

/// An open directory and the names in it, by which its entries are opened: the kernel walks
/// to the directory only once.
pub(crate) struct Names {
    pub(crate) directory: OwnedFd,
    pub(crate) names: Vec<OsString>,
}

impl Names {
    pub(crate) fn read(directory: &Path) -> Result<Self, Error> {
        Ok(Self::of(open(directory)?))
    }

    /// A directory below this one.
    pub(crate) fn below(&self, directory: &Path) -> Result<Self, Error> {
        Ok(Self::of(open_at(self.directory.as_fd(), directory)?))
    }

    fn of(opened: OwnedFd) -> Self {
        let mut buffer = [MaybeUninit::uninit(); 8 << 10];
        let mut entries = RawDir::new(&opened, &mut buffer);
        let mut names = Vec::new();
        // An error ends the list, as it would with entries.
        while let Some(Ok(entry)) = entries.next() {
            let name = OsStr::from_bytes(entry.file_name().to_bytes());
            if name != "." && name != ".." {
                names.push(name.to_owned());
            }
        }
        Self { directory: opened, names }
    }

    /// Reads a regular file of the directory into a buffer that is used again: new memory for each of
    /// thousands of files takes as long as reading them. `None` if it cannot be read.
    pub(crate) fn read_file<'a>(&self, name: &OsStr, buffer: &'a mut Vec<u8>) -> Option<&'a [u8]> {
        // Opening a FIFO would wait for its writer.
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        let mut file = File::from(openat(&self.directory, name, flags, Mode::empty()).ok()?);
        let mut filled = 0;
        loop {
            if filled == buffer.len() {
                let larger = (filled * 2).max(FILE_MIN);
                if larger > FILE_MAX {
                    return None;
                }
                buffer.resize(larger, 0);
            }
            match file.read(buffer.get_mut(filled..)?) {
                Ok(count) => filled += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(_) => return None,
            }
            // It is short at its end only: to ask for that end takes as long as reading a small one.
            if filled < buffer.len() {
                return buffer.get(..filled);
            }
        }
    }
}

fn open(directory: &Path) -> Result<OwnedFd, Error> {
    open_at(CWD, directory)
}

fn open_at(at: BorrowedFd<'_>, directory: &Path) -> Result<OwnedFd, Error> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    openat(at, directory, flags, Mode::empty())
        .map_err(|errno| Error::io(directory, from_rustix(errno)))
}

fn from_rustix(errno: rustix::io::Errno) -> Errno {
    Errno::from_raw(errno.raw_os_error())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::captured::Captured;

    #[test]
    fn files_of_any_size() {
        let root = Captured::new();
        let sizes = [0, 1, FILE_MIN - 1, FILE_MIN, FILE_MIN + 1, 3 * FILE_MIN];
        for size in sizes {
            root.write(format!("d/{size}"), vec![b'x'; size]);
        }
        let directory = Names::read(&root.join("d")).unwrap();
        let mut buffer = Vec::new();
        for size in sizes.iter().rev().chain(&sizes) {
            let read = directory.read_file(OsStr::new(&size.to_string()), &mut buffer);
            assert_eq!(read.map(<[u8]>::len), Some(*size));
        }
        assert_eq!(directory.read_file(OsStr::new("none"), &mut buffer), None);
    }

    #[test]
    fn names_and_errors() {
        let found: Result<Vec<Entry>, Error> =
            entries(Path::new("tests/fixtures")).unwrap().collect();
        let mut names: Vec<_> = found.unwrap().into_iter().map(|entry| entry.name).collect();
        names.sort_unstable();
        assert_eq!(names, ["hello.ko", "hello.s", "packages", "system"]);
        assert!(entries(Path::new("tests/none")).is_err_and(|error| error.is_absent()));
        assert!(entries(Path::new("Cargo.toml")).is_err());
    }
}
