//! Loading a module file.

mod arguments;
mod listed;
mod prerequisites;
mod words;

pub use crate::syscall::Force;
pub use arguments::{Arguments, BadArgument};
pub use prerequisites::{Dependencies, Dependency};
pub use words::{has_blanks, split_parameters};

use std::fmt;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;

use crate::architecture;
use crate::errno::{self, Errno};
use crate::error::{Error, ErrorKind};
use crate::file::{CodeFilter, Compression, Image, ModuleFile};
use crate::kernel::Kernel;
use crate::memory;
use crate::syscall::{self, Encoding};
use crate::system::System;

impl Kernel {
    /// Loads the module in `file`.
    ///
    /// An uncompressed file costs one system call. A compressed one goes to the kernel as it is
    /// where the kernel can decompress it, so that `LoadPin` and IMA see the file itself, and is
    /// decompressed here where it cannot. Whatever fails, the module's init function runs at most
    /// once.
    ///
    /// # Errors
    /// [`InsertError`], with the kernel's answer or the reason why it was not asked.
    pub fn insert(
        &self,
        file: &ModuleFile,
        arguments: &Arguments,
        force: Force,
    ) -> Result<(), InsertError> {
        insert(self.system(), file, arguments, force)
    }
}

fn insert(
    system: &System,
    file: &ModuleFile,
    arguments: &Arguments,
    force: Force,
) -> Result<(), InsertError> {
    let load = Load { system, file, arguments, force };
    // Only the bytes tell for sure, but looking at them costs a system call that a file which is
    // named like a plain module hardly ever needs. If the name lies, the kernel refuses the file
    // with ENOEXEC before it does anything with it.
    if file.path().as_os_str().as_bytes().ends_with(b".ko") {
        match load.plain() {
            Err(error) if error.errno() == Some(Errno::ENOEXEC) => match file.compression() {
                Ok(Some(compression)) => load.compressed(compression),
                _ => Err(error),
            },
            result => result,
        }
    } else {
        match file.compression() {
            Ok(Some(compression)) => load.compressed(compression),
            // The kernel has an errno for files that cannot be read here, such as a pipe.
            Ok(None) | Err(_) => load.plain(),
        }
    }
}

struct Load<'a> {
    system: &'a System,
    file: &'a ModuleFile,
    arguments: &'a Arguments,
    force: Force,
}

impl Load<'_> {
    fn plain(&self) -> Result<(), InsertError> {
        match self.finit(self.file, Encoding::Plain) {
            // Before Linux 3.8 there is only init_module. An init function may say so, too.
            Err(Errno::ENOSYS) if !syscall::has_finit_module(self.file.as_fd()) => {
                self.through_memory()
            }
            result => result.map_err(refused),
        }
    }

    fn compressed(&self, compression: Compression) -> Result<(), InsertError> {
        let kernels = self.system.module_compression();
        let by_kernel = kernels.as_deref().and_then(Compression::from_kernel) == Some(compression)
            && self
                .file
                .kernel_reads(|filter| has_filter(self.system, filter))
                .map_err(InsertFailure::Unreadable)?;
        if !by_kernel {
            return self.through_memory();
        }
        match self.finit(self.file, Encoding::Compressed) {
            // Nothing but the stream itself proves that the kernel's decoder is who refused it:
            // the init function may give the same answer, and must not run again.
            Err(Errno::ENOEXEC | Errno::EINVAL) if self.file.kernel_sees_a_part() => {
                self.through_memory()
            }
            result => result.map_err(refused),
        }
    }

    fn through_memory(&self) -> Result<(), InsertError> {
        let image = self.file.image().map_err(InsertFailure::Unreadable)?;
        if self.force.any() {
            self.forced_through_memory(&image).map_err(refused)
        } else {
            syscall::init_module(image.bytes(), &self.arguments.0).map_err(refused)
        }
    }

    /// `init_module` has no flags; a file in memory lends itself to the call that has.
    fn forced_through_memory(&self, image: &Image) -> Result<(), Errno> {
        let (memory, _) = memory::file_of(image.bytes()).map_err(|error| errno::from_io(&error))?;
        self.finit(&memory, Encoding::Plain)
    }

    fn finit(&self, file: &impl AsFd, encoding: Encoding) -> Result<(), Errno> {
        syscall::finit_module(file.as_fd(), &self.arguments.0, self.force, encoding)
    }
}

/// Whether the kernel's decoder for xz undoes a filter. Its configuration says so; if that is not
/// readable, the default is assumed: the filter for its own architecture.
fn has_filter(system: &System, filter: CodeFilter) -> bool {
    let config = crate::system::read_text(&system.config(&system.release()));
    config.map_or_else(
        |_| {
            let architecture = architecture::of_kernel(system);
            filter.architectures.iter().any(|own| architecture.starts_with(own))
        },
        |config| config.lines().any(|line| line.strip_suffix("=y") == Some(filter.option)),
    )
}

fn refused(errno: Errno) -> InsertError {
    InsertFailure::Refused(errno).into()
}

/// A module was not loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InsertError {
    failure: InsertFailure,
}

/// Where the failure occurred.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InsertFailure {
    /// The file could not be read or decompressed; the kernel was not asked.
    Unreadable(Error),
    /// The kernel refused the module, or its init function failed.
    Refused(Errno),
}

impl InsertError {
    /// Returns where the failure occurred.
    pub fn failure(&self) -> &InsertFailure {
        &self.failure
    }

    /// Returns the kernel's answer; if the kernel was not called, the answer that it would have
    /// given.
    pub fn answer(&self) -> Errno {
        match &self.failure {
            InsertFailure::Refused(errno) => *errno,
            InsertFailure::Unreadable(error) => match error.kind() {
                ErrorKind::CorruptCompression => Errno::EINVAL,
                ErrorKind::TooLarge => Errno::EFBIG,
                _ => error.errno().unwrap_or(Errno::ENOEXEC),
            },
        }
    }

    /// Returns the error number of the call or of reading the file.
    pub fn errno(&self) -> Option<Errno> {
        match &self.failure {
            InsertFailure::Unreadable(error) => error.errno(),
            InsertFailure::Refused(errno) => Some(*errno),
        }
    }
}

impl From<InsertFailure> for InsertError {
    fn from(failure: InsertFailure) -> Self {
        Self { failure }
    }
}

impl fmt::Display for InsertError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.failure {
            InsertFailure::Unreadable(error) => error.fmt(f),
            InsertFailure::Refused(errno) => errno.fmt(f),
        }
    }
}

impl std::error::Error for InsertError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(match &self.failure {
            InsertFailure::Unreadable(error) => error,
            InsertFailure::Refused(errno) => errno,
        })
    }
}

impl From<InsertError> for io::Error {
    fn from(error: InsertError) -> Self {
        Self::new(Self::from(error.answer()).kind(), error)
    }
}
