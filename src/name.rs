//! Module names.

use std::ffi::{CString, OsStr};
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::error::{Error, ErrorKind};

/// The longest name in bytes: `MODULE_NAME_LEN` (`64 - sizeof(unsigned long)` in the kernel's
/// `include/linux/moduleparam.h`) less the closing NUL.
pub(crate) const NAME_MAX: usize = 64 - size_of::<std::ffi::c_ulong>() - 1;

/// The name of a module as the kernel keeps it: bytes, `_` where a file name may have `-`.
///
/// Always short enough: `delete_module` up to Linux 6.14 cuts a longer name and may then remove
/// another module.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ModuleName(Box<[u8]>);

impl ModuleName {
    /// The length of the longest name in bytes.
    pub const MAX: usize = NAME_MAX;

    /// Parses a name; `-` counts as `_`.
    ///
    /// ```
    /// use modutils::ModuleName;
    ///
    /// assert_eq!(ModuleName::new("snd-timer")?, ModuleName::new("snd_timer")?);
    /// assert!(ModuleName::new("x".repeat(64)).is_err());
    /// # Ok::<(), modutils::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::InvalidName`] if it is empty, `.` or `..`, longer than [`MAX`](Self::MAX), or has a
    /// NUL or `/`.
    pub fn new(name: impl AsRef<[u8]>) -> Result<Self, Error> {
        let name = name.as_ref();
        if name.is_empty() {
            return Err(Error::new(ErrorKind::InvalidName, "a module name cannot be empty"));
        }
        // The directories that they lead to, below /sys/module, are no modules.
        if matches!(name, b"." | b"..") {
            let detail = format!("a module cannot have the name '{}'", name.escape_ascii());
            return Err(Error::new(ErrorKind::InvalidName, detail));
        }
        if name.len() > NAME_MAX {
            let detail =
                format!("a module name has at most {NAME_MAX} bytes, this one has {}", name.len());
            return Err(Error::new(ErrorKind::InvalidName, detail));
        }
        if let Some(byte) = name.iter().find(|byte| matches!(byte, 0 | b'/')) {
            let detail = format!("a module name cannot contain '{}'", byte.escape_ascii());
            return Err(Error::new(ErrorKind::InvalidName, detail));
        }
        Ok(Self(name.iter().map(|&byte| if byte == b'-' { b'_' } else { byte }).collect()))
    }

    /// A name as the kernel itself printed it, whatever it is.
    pub(crate) fn from_kernel(name: &[u8]) -> Self {
        Self(name.into())
    }

    /// Returns the name that the file at `path` has by convention: its last part up to `.ko`.
    ///
    /// Only the file itself tells for sure, see [`ModuleFile::name`](crate::ModuleFile::name).
    ///
    /// # Errors
    /// As [`ModuleName::new`].
    pub fn from_file_name(path: &Path) -> Result<Self, Error> {
        let file = path.file_name().unwrap_or(OsStr::new("")).as_bytes();
        let end = file.windows(3).position(|part| part == b".ko").unwrap_or(file.len());
        Self::new(file.get(..end).unwrap_or(file))
    }

    /// Returns the bytes of the name.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns the name as a file name, for instance below `/sys/module`.
    pub fn as_os_str(&self) -> &OsStr {
        OsStr::from_bytes(&self.0)
    }

    pub(crate) fn to_c_string(&self) -> CString {
        // Neither `new` nor the kernel's texts let a NUL in.
        CString::new(&*self.0).unwrap_or_default()
    }
}

impl fmt::Display for ModuleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&String::from_utf8_lossy(&self.0))
    }
}

impl fmt::Debug for ModuleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dashes_become_underscores() {
        assert_eq!(ModuleName::new("snd-hda-intel").unwrap().as_bytes(), b"snd_hda_intel");
    }

    #[test]
    fn a_name_that_the_kernel_would_cut_is_refused() {
        assert!(ModuleName::new("a".repeat(NAME_MAX)).is_ok());
        assert!(ModuleName::new("a".repeat(NAME_MAX + 1)).is_err());
        assert!(ModuleName::new("").is_err());
        assert!(ModuleName::new("a/b").is_err());
    }

    #[test]
    fn a_name_that_leads_to_another_directory_is_refused() {
        for name in [".", ".."] {
            let error = ModuleName::new(name).unwrap_err();
            assert_eq!(error.detail(), format!("a module cannot have the name '{name}'"));
            assert!(ModuleName::from_file_name(Path::new(&format!("/a/{name}.ko"))).is_err());
        }
        assert!(ModuleName::new("...").is_ok());
    }

    #[test]
    fn a_file_name_ends_at_ko() {
        for file in ["/gone/pm-ok.ko.xz", "pm-ok.ko", "./pm-ok.ko.gz", "pm_ok"] {
            assert_eq!(
                ModuleName::from_file_name(Path::new(file)).unwrap().as_bytes(),
                b"pm_ok",
                "{file}"
            );
        }
        assert!(ModuleName::from_file_name(Path::new("/")).is_err());
    }
}
