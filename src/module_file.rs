//! Module files: `.ko`, plain or compressed.

mod compression;
mod decode;
mod elf;
mod kernel_decoder;
mod modinfo;

pub use compression::Compression;
pub use modinfo::ModInfo;

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::libc;

use crate::errno;
use crate::error::Error;
use crate::name::ModuleName;

/// The most bytes that a module is decompressed to: several times the largest driver with all
/// its debugging information, and little enough that a hostile file does no harm.
pub const DECOMPRESSED_MAX: u64 = 1 << 29;

/// As many bytes as magic numbers and stream headers have.
const START: usize = 64;

/// An open module file.
///
/// All that is learned of a module is read through one descriptor: the file that is looked at is
/// the file that is loaded.
#[derive(Debug)]
pub struct ModuleFile {
    file: File,
    path: PathBuf,
}

impl ModuleFile {
    /// Opens the file, and reads nothing of it yet.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](crate::ErrorKind::Io).
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, Error> {
        let path = path.into();
        // Without O_NONBLOCK, opening a FIFO waits for its writer, for ever perhaps.
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NONBLOCK)
            .open(&path)
            .map_err(|error| Error::io(&path, errno::from_io(&error)))?;
        Ok(Self { file, path })
    }

    /// The path it was opened by.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How the file is compressed, by its first bytes; `None` if it is not.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](crate::ErrorKind::Io).
    pub fn compression(&self) -> Result<Option<Compression>, Error> {
        Ok(Compression::sniff(&self.start()?))
    }

    /// Whether the kernel's decoder takes this stream, if it has one for its format.
    pub(crate) fn kernel_reads(&self) -> Result<bool, Error> {
        Ok(kernel_decoder::reads(&self.start()?))
    }

    fn start(&self) -> Result<Vec<u8>, Error> {
        let mut start = vec![0; START];
        let mut filled = 0;
        while let Some(rest) = start.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.file.read_at(rest, filled as u64) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.io_error(&error)),
            }
        }
        start.truncate(filled);
        Ok(start)
    }

    /// The module itself, decompressed if need be.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](crate::ErrorKind::Io);
    /// [`ErrorKind::CorruptCompression`](crate::ErrorKind::CorruptCompression);
    /// [`ErrorKind::TooLarge`](crate::ErrorKind::TooLarge) past [`DECOMPRESSED_MAX`];
    /// [`ErrorKind::NotElf`](crate::ErrorKind::NotElf) if what is compressed is no ELF object.
    pub fn image(&self) -> Result<Image, Error> {
        let mut file = &self.file;
        file.seek(SeekFrom::Start(0)).map_err(|error| self.io_error(&error))?;
        let bytes = if let Some(compression) = self.compression()? {
            decode::decode(compression, file, DECOMPRESSED_MAX)
                .map_err(|error| error.at(&self.path))?
        } else {
            let mut bytes = Vec::new();
            file.take(DECOMPRESSED_MAX)
                .read_to_end(&mut bytes)
                .map_err(|error| self.io_error(&error))?;
            bytes
        };
        Ok(Image { bytes })
    }

    /// The name of the module in the file.
    ///
    /// # Errors
    /// As [`ModuleFile::image`] and [`Image::name`].
    pub fn name(&self) -> Result<ModuleName, Error> {
        self.image()?.name().map_err(|error| error.at(&self.path))
    }

    /// What kind of file it is and how long.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](crate::ErrorKind::Io).
    pub fn metadata(&self) -> Result<std::fs::Metadata, Error> {
        self.file.metadata().map_err(|error| self.io_error(&error))
    }

    fn io_error(&self, error: &std::io::Error) -> Error {
        Error::io(&self.path, errno::from_io(error))
    }
}

impl AsFd for ModuleFile {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// The bytes of a module as the kernel links them: an ELF object, maybe with a signature behind.
#[derive(Clone, Debug)]
pub struct Image {
    bytes: Vec<u8>,
}

impl Image {
    /// An image that was read elsewhere, for instance from standard input.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self { bytes }
    }

    /// All bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The name that the kernel will know the module by, from `struct module` in the section
    /// `.gnu.linkonce.this_module`. Neither the file's name nor modinfo's `name` count.
    ///
    /// # Errors
    /// [`ErrorKind::NotElf`](crate::ErrorKind::NotElf),
    /// [`ErrorKind::Truncated`](crate::ErrorKind::Truncated) or
    /// [`ErrorKind::NotAModule`](crate::ErrorKind::NotAModule).
    pub fn name(&self) -> Result<ModuleName, Error> {
        elf::Elf::parse(&self.bytes)?.module_name()
    }

    /// What modinfo(8) shows.
    ///
    /// # Errors
    /// As [`Image::name`].
    pub fn modinfo(&self) -> Result<ModInfo<'_>, Error> {
        Ok(ModInfo::new(elf::Elf::parse(&self.bytes)?.modinfo()?))
    }
}
