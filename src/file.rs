//! Module files: `.ko`, plain or compressed.

mod build_id;
mod decode;
mod elf;
#[cfg(feature = "gzip")]
mod gzip;
mod image;
mod kernel_decoder;
mod limits;
mod modinfo;
mod parameters;
mod relocations;
mod signature;
mod symbols;
mod vermagic;

pub use crate::compression::Compression;
pub use elf::ElfHeader;
pub use image::Image;
pub use modinfo::ModInfo;
pub use parameters::Parameter;
pub use signature::{Signature, Signer, hexadecimal};
pub use symbols::{Export, Import, SymbolVersion};
pub use vermagic::VermagicDifference;

pub(crate) use kernel_decoder::CodeFilter;
pub(crate) use parameters::same_name;
pub(crate) use symbols::is_gpl_compatible;
pub(crate) use vermagic::vermagic_differences;

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use nix::libc;

use crate::compression::file_suffixes;
use crate::errno;
use crate::error::{Error, ErrorKind};
use crate::memory;
use crate::name::ModuleName;
use crate::note;

/// The most bytes that a module is decompressed to, unless another limit is set: several times the
/// largest driver with all its debugging information, and little enough that a hostile file does
/// no harm.
pub const DECOMPRESSED_MAX: u64 = 1 << 29;

/// As many bytes as magic numbers and stream headers have.
const START: usize = 64;

/// Enough for the notes of small modules, whose code comes before them.
const NOTES: usize = 4096;

/// An open module file.
///
/// Everything is read through one descriptor: the inspected file is the file that is loaded.
#[derive(Debug)]
pub struct ModuleFile {
    file: File,
    path: PathBuf,
    decompressed_max: u64,
    /// What [`ModuleFile::image`] returned.
    image: OnceLock<Image>,
}

impl ModuleFile {
    /// Opens the file without reading it.
    ///
    /// # Errors
    /// [`ErrorKind::Io`].
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, Error> {
        let path = path.into();
        // Without O_NONBLOCK, opening a FIFO waits for its writer, perhaps forever.
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NONBLOCK)
            .open(&path)
            .map_err(|error| Error::io(&path, errno::from_io(&error)))?;
        Ok(Self { file, path, decompressed_max: DECOMPRESSED_MAX, image: OnceLock::new() })
    }

    /// Takes a module from a pipe, for instance from standard input. A regular file at offset 0 is
    /// used directly; anything else is copied into memory, so that security modules such as IMA
    /// cannot see where it came from. Neither the copy nor the decompressed module may exceed `max`
    /// bytes; [`DECOMPRESSED_MAX`] is a good limit.
    ///
    /// # Errors
    /// [`ErrorKind::Io`], or [`ErrorKind::TooLarge`].
    pub fn from_stream(stream: File, path: impl Into<PathBuf>, max: u64) -> Result<Self, Error> {
        let path = path.into();
        let io_error = |error: io::Error| Error::io(&path, errno::from_io(&error));
        let mut stream = stream;
        let is_file = stream.metadata().map_err(io_error)?.is_file();
        let start = if is_file { stream.stream_position().map_err(io_error)? } else { 0 };
        if is_file && start == 0 {
            return Ok(Self { file: stream, path, decompressed_max: max, image: OnceLock::new() });
        }
        let most = max.saturating_add(1);
        let copied = if is_file {
            memory::file_of(Positional { file: &stream, offset: start }.take(most))
        } else {
            memory::file_of(stream.take(most))
        };
        let (memory, length) = copied.map_err(io_error)?;
        if length > max {
            return Err(too_large(max).at(&path));
        }
        Ok(Self { file: memory, path, decompressed_max: max, image: OnceLock::new() })
    }

    /// Sets the largest size of the file and of the decompressed module, in bytes, in place of
    /// [`DECOMPRESSED_MAX`]. It does not apply to the kernel's own decoder.
    #[must_use]
    pub fn with_decompressed_max(self, bytes: u64) -> Self {
        Self { decompressed_max: bytes, image: OnceLock::new(), ..self }
    }

    /// Returns whether a file name ends like that of a module, compressed or not.
    ///
    /// Only the name counts: `hello.ko.xz` is one, whether or not the file exists.
    pub fn is_named(path: impl AsRef<Path>) -> bool {
        let name = path.as_ref().as_os_str().as_bytes();
        file_suffixes().any(|suffix| name.ends_with(suffix.as_bytes()))
    }

    /// Returns the path that it was opened by.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the compression of the file, by its first bytes; `None` if it is not compressed.
    ///
    /// # Errors
    /// [`ErrorKind::Io`].
    pub fn compression(&self) -> Result<Option<Compression>, Error> {
        Ok(Compression::sniff(&self.start()?))
    }

    /// Whether the decoder of a kernel takes this stream, if it has one for its format, and for
    /// xz one for the filter of code that it is asked about.
    pub(crate) fn kernel_reads(
        &self,
        has_filter: impl FnOnce(CodeFilter) -> bool,
    ) -> Result<bool, Error> {
        Ok(kernel_decoder::reads(&self.start()?, has_filter))
    }

    /// Whether the kernel's decoder stops before the module is complete: it reads the first of
    /// several streams, members or frames, and without the rest the module is none.
    pub(crate) fn kernel_sees_a_part(&self) -> bool {
        let Ok(Some(compression)) = self.compression() else { return false };
        let part = self.first_part(compression);
        image::check(&part.bytes).is_err() && self.image().is_ok_and(|whole| whole.check().is_ok())
    }

    /// The first bytes, as many as there are.
    pub(crate) fn start(&self) -> Result<Vec<u8>, Error> {
        self.first_bytes(START)
    }

    /// The first bytes, at most so many.
    pub(crate) fn first_bytes(&self, most: usize) -> Result<Vec<u8>, Error> {
        let mut start = vec![0; most];
        let mut filled = 0;
        while let Some(rest) = start.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.file.read_at(rest, filled as u64) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.io_error(&error)),
            }
        }
        start.truncate(filled);
        Ok(start)
    }

    /// Returns the module itself, decompressed if necessary. The file is read once: later calls
    /// return the same bytes.
    ///
    /// # Errors
    /// [`ErrorKind::Io`];
    /// [`ErrorKind::CorruptCompression`];
    /// [`ErrorKind::TooLarge`] past [`DECOMPRESSED_MAX`], or the limit that was set instead;
    /// [`ErrorKind::NotElf`] if the decompressed data is not an ELF object.
    pub fn image(&self) -> Result<Image, Error> {
        if let Some(image) = self.image.get() {
            return Ok(image.clone());
        }
        let image = self.read()?;
        Ok(self.image.get_or_init(|| image).clone())
    }

    fn read(&self) -> Result<Image, Error> {
        // A compressed file has the same limit: padding has no end of its own.
        if self.metadata()?.len() > self.decompressed_max {
            return Err(too_large(self.decompressed_max).at(&self.path));
        }
        let bytes = if let Some(compression) = self.compression()? {
            self.decompressed(compression).map_err(|error| error.at(&self.path))?
        } else {
            let length = usize::try_from(self.metadata()?.len()).unwrap_or(0);
            // One more, so that the end is seen without growing.
            let mut bytes = Vec::with_capacity(length.saturating_add(1));
            let read = self.whole().read_to_end(&mut bytes);
            read.map_err(|error| self.io_error(&error))?;
            bytes
        };
        Ok(Image::new(bytes))
    }

    fn decompressed(&self, compression: Compression) -> Result<Vec<u8>, Error> {
        let whole = decode::decode(compression, self.whole(), self.decompressed_max);
        // The kernel's decoder does not mind what follows a module.
        if whole.as_ref().is_err_and(|error| error.kind() == ErrorKind::CorruptCompression) {
            let part = self.first_part(compression);
            if part.ends && image::check(&part.bytes).is_ok() {
                return Ok(part.bytes);
            }
        }
        whole
    }

    fn first_part(&self, compression: Compression) -> decode::Part {
        decode::first_part(compression, self.whole(), self.decompressed_max)
    }

    fn whole(&self) -> impl Read {
        Positional { file: &self.file, offset: 0 }.take(self.decompressed_max)
    }

    /// Returns the name of the module in the file.
    ///
    /// # Errors
    /// As [`ModuleFile::image`] and [`Image::name`].
    pub fn name(&self) -> Result<ModuleName, Error> {
        self.image()?.name().map_err(|error| error.at(&self.path))
    }

    /// Returns the identifier that the linker gave to this build; none if it gave none. Of a file
    /// that is not compressed, only the notes are read.
    ///
    /// # Errors
    /// As [`ModuleFile::image`].
    pub fn build_id(&self) -> Result<Option<Vec<u8>>, Error> {
        if self.compression()?.is_some() {
            return Ok(self.image()?.build_id().map(<[u8]>::to_vec));
        }
        let length = self.metadata()?.len();
        Ok(build_id::build_id(&|at, count| {
            let fits = at.checked_add(count).is_some_and(|end| end <= length);
            let mut bytes = vec![0; usize::try_from(count).ok().filter(|_| fits)?];
            self.file.read_exact_at(&mut bytes, at).ok()?;
            Some(bytes)
        }))
    }

    /// Returns whether it is the build with this identifier. A compressed file is read only as far
    /// as the identifier.
    ///
    /// # Errors
    /// As [`ModuleFile::image`].
    pub fn is_build(&self, id: &[u8]) -> Result<bool, Error> {
        let note = note::of_build_id(id);
        let start = self.first_bytes(NOTES)?;
        let Some(compression) = Compression::sniff(&start) else {
            // Of a small module, the notes are within the first bytes, and one read is enough.
            let at_once = (0..start.len())
                .step_by(4)
                .any(|at| start.get(at..).is_some_and(|rest| rest.starts_with(&note)));
            return Ok(at_once || self.build_id()?.as_deref() == Some(id));
        };
        decode::holds(compression, self.whole(), self.decompressed_max, &note)
            .map_err(|error| error.at(&self.path))
    }

    /// Returns the type of the file, its size and times.
    ///
    /// # Errors
    /// [`ErrorKind::Io`].
    pub fn metadata(&self) -> Result<std::fs::Metadata, Error> {
        self.file.metadata().map_err(|error| self.io_error(&error))
    }

    fn io_error(&self, error: &io::Error) -> Error {
        Error::io(&self.path, errno::from_io(error))
    }
}

/// Reads without the file's own offset, which is shared: with the other threads, and, of standard
/// input, with the process that opened it.
struct Positional<'a> {
    file: &'a File,
    offset: u64,
}

impl Read for Positional<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_at(buffer, self.offset)?;
        self.offset += count as u64;
        Ok(count)
    }
}

fn too_large(max: u64) -> Error {
    Error::new(ErrorKind::TooLarge, format!("it is larger than {}", decode::in_words(max)))
}

impl AsFd for ModuleFile {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limited(bytes: &[u8], length: u64, max: u64) -> Result<Image, Error> {
        let (mut memory, _) = memory::file_of(bytes).unwrap();
        memory.set_len(length).unwrap();
        memory.rewind().unwrap();
        ModuleFile::from_stream(memory, "test", max).unwrap().image()
    }

    /// Each thread reads the whole file, and the offset of the caller's descriptor does not move.
    #[test]
    fn readers_do_not_share_an_offset() {
        let bytes: Vec<u8> = (0..1 << 18).map(|number: u32| number.to_le_bytes()[1]).collect();
        let (mut memory, _) = memory::file_of(&*bytes).unwrap();
        memory.rewind().unwrap();
        let shared = memory.try_clone().unwrap();
        let file = ModuleFile::from_stream(shared, "test", 1 << 20).unwrap();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..100 {
                        assert!(file.read().unwrap().bytes() == bytes);
                    }
                });
            }
        });
        assert_eq!(memory.stream_position().unwrap(), 0);

        memory.seek(io::SeekFrom::Start(100)).unwrap();
        let shared = memory.try_clone().unwrap();
        let file = ModuleFile::from_stream(shared, "test", 1 << 20).unwrap();
        assert!(file.image().unwrap().bytes() == &bytes[100..]);
        assert_eq!(memory.stream_position().unwrap(), 100);
    }

    /// The loaded bytes are the ones that are inspected later, and a large file is decoded once.
    #[test]
    fn a_file_is_read_once() {
        let (mut memory, _) = memory::file_of(&b"\x7fELF, long ago"[..]).unwrap();
        memory.rewind().unwrap();
        let other = memory.try_clone().unwrap();
        let file = ModuleFile::from_stream(memory, "test", 1000).unwrap();
        let first = file.image().unwrap();
        other.set_len(0).unwrap();
        assert_eq!(file.image().unwrap().bytes(), first.bytes());
        assert!(file.read().unwrap().bytes().is_empty());
    }

    #[test]
    fn the_limit_is_of_the_file_too() {
        assert_eq!(limited(b"plain", 5, 5).unwrap().bytes(), b"plain");
        assert_eq!(limited(b"plain", 6, 5).unwrap_err().kind(), ErrorKind::TooLarge);
    }

    #[cfg(feature = "xz")]
    #[test]
    fn padding_is_of_the_file() {
        use std::io::Write;
        // Zeros behind a stream of xz are padding, however many they are.
        let stream = xz2::stream::Stream::new_easy_encoder(0, xz2::stream::Check::Crc32);
        let mut xz = xz2::write::XzEncoder::new_stream(Vec::new(), stream.unwrap());
        xz.write_all(b"\x7fELF").unwrap();
        let xz = xz.finish().unwrap();
        assert_eq!(limited(&xz, 1000, 1000).unwrap().bytes(), b"\x7fELF");
        assert_eq!(limited(&xz, 1 << 40, 1000).unwrap_err().kind(), ErrorKind::TooLarge);
    }

    #[cfg(not(feature = "zstd"))]
    #[test]
    fn a_decoder_may_be_left_out() {
        let error = limited(b"\x28\xb5\x2f\xfd and more", 13, 1000).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnsupportedCompression);
    }
}
