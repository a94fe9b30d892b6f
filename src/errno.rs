//! The kernel's error numbers.

mod text;

use std::fmt;

use nix::libc;

/// An error number as a system call returned it.
///
/// Kept as a bare number, because a module's init function may return any: see
/// `do_init_module` in the kernel's `kernel/module/main.c`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Errno(i32);

impl Errno {
    /// Returns the error with this positive number, as in `errno.h`.
    pub const fn from_raw(number: i32) -> Self {
        Self(number)
    }

    /// Returns the positive number.
    pub const fn raw(self) -> i32 {
        self.0
    }

    /// Returns the symbol, such as `ENOENT`; the plain number where it has none.
    pub fn name(self) -> String {
        text::names(self.0).map_or_else(|| self.0.to_string(), |(name, _)| name.to_owned())
    }
}

/// The text of strerror(3), as glibc has it in the C locale.
impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match text::names(self.0) {
            Some((_, text)) => f.write_str(text),
            None => write!(f, "Unknown error {}", self.0),
        }
    }
}

impl std::error::Error for Errno {}

impl From<Errno> for std::io::Error {
    fn from(errno: Errno) -> Self {
        Self::from_raw_os_error(errno.raw())
    }
}

/// Of a call that was the last one: nix knows no numbers that have no name, as an init function may
/// return them.
pub(crate) fn from_nix(errno: nix::errno::Errno) -> Errno {
    match errno {
        nix::errno::Errno::UnknownErrno => from_io(&std::io::Error::last_os_error()),
        known => Errno(known as i32),
    }
}

pub(crate) fn from_io(error: &std::io::Error) -> Errno {
    Errno(error.raw_os_error().unwrap_or(libc::EIO))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_do_not_depend_on_the_c_library() {
        assert_eq!(Errno::ENOENT.to_string(), "No such file or directory");
        assert_eq!(Errno::EAGAIN.to_string(), "Resource temporarily unavailable");
        assert_eq!(Errno::EKEYREJECTED.to_string(), "Key was rejected by service");
        assert_eq!(Errno::EBUSY.to_string(), "Device or resource busy");
        assert_eq!(Errno::from_raw(9999).to_string(), "Unknown error 9999");
    }

    /// The standard library asks strerror, and appends the number.
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[test]
    fn texts_are_those_of_glibc() {
        for number in 1..200 {
            let glibc = std::io::Error::from_raw_os_error(number).to_string();
            assert_eq!(format!("{} (os error {number})", Errno::from_raw(number)), glibc);
        }
    }

    #[test]
    fn names_are_symbols_or_numbers() {
        assert_eq!(Errno::EAGAIN.name(), "EAGAIN");
        assert_eq!(Errno::from_raw(524).name(), "524");
    }
}
