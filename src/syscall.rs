//! The three system calls, and nothing else: no policy, no retry.

use std::ffi::CStr;
use std::os::fd::BorrowedFd;

use nix::kmod::{self, DeleteModuleFlags, ModuleInitFlags};

use crate::errno::{self, Errno};

/// `MODULE_INIT_COMPRESSED_FILE` of `include/uapi/linux/module.h`, Linux 5.17; nix has no name
/// for it.
const COMPRESSED_FILE: ModuleInitFlags = ModuleInitFlags::from_bits_retain(4);

/// Checks that the kernel is asked to leave out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "the two flags of the system call")]
pub struct Force {
    /// Do not compare vermagic: `MODULE_INIT_IGNORE_VERMAGIC`.
    pub vermagic: bool,
    /// Do not compare symbol versions: `MODULE_INIT_IGNORE_MODVERSIONS`.
    pub modversions: bool,
}

impl Force {
    /// Returns whether any check is skipped.
    pub fn any(self) -> bool {
        self.vermagic || self.modversions
    }

    fn flags(self) -> ModuleInitFlags {
        let mut flags = ModuleInitFlags::empty();
        flags.set(ModuleInitFlags::MODULE_INIT_IGNORE_VERMAGIC, self.vermagic);
        flags.set(ModuleInitFlags::MODULE_INIT_IGNORE_MODVERSIONS, self.modversions);
        flags
    }
}

/// How `finit_module` is to read the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Plain,
    Compressed,
}

pub(crate) fn finit_module(
    file: BorrowedFd<'_>,
    arguments: &CStr,
    force: Force,
    encoding: Encoding,
) -> Result<(), Errno> {
    let mut flags = force.flags();
    flags.set(COMPRESSED_FILE, encoding == Encoding::Compressed);
    kmod::finit_module(file, arguments, flags).map_err(errno::from_nix)
}

/// Whether the kernel has `finit_module`: then it refuses flags that do not exist before it does
/// anything else (Linux 3.8 and later).
pub(crate) fn has_finit_module(file: BorrowedFd<'_>) -> bool {
    let no_such_flag = ModuleInitFlags::from_bits_retain(1 << 31);
    kmod::finit_module(file, c"", no_such_flag) != Err(nix::errno::Errno::ENOSYS)
}

pub(crate) fn init_module(image: &[u8], arguments: &CStr) -> Result<(), Errno> {
    kmod::init_module(image, arguments).map_err(errno::from_nix)
}

/// How `delete_module` treats references.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deletion {
    /// Fail if there are any.
    Refuse,
    /// Wait until there are none, where the kernel still does (up to Linux 3.12).
    Block,
    /// Remove the module all the same, where the kernel was built to.
    Force,
}

pub(crate) fn delete_module(name: &CStr, deletion: Deletion) -> Result<(), Errno> {
    let flags = match deletion {
        Deletion::Refuse => DeleteModuleFlags::O_NONBLOCK,
        Deletion::Block => DeleteModuleFlags::empty(),
        Deletion::Force => DeleteModuleFlags::O_NONBLOCK | DeleteModuleFlags::O_TRUNC,
    };
    kmod::delete_module(name, flags).map_err(errno::from_nix)
}
