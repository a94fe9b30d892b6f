//! What an argument of `rmmod` and `lsmod` stands for.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use modutils::{Error, ModuleFile, ModuleName};

/// A path means the module in that file, which need not be called like the file.
pub(crate) fn name_of(argument: &OsStr) -> Result<ModuleName, Error> {
    if !is_path(argument) {
        return up_to_dot(argument);
    }
    match ModuleFile::open(argument).and_then(|file| file.name()) {
        Ok(name) => Ok(name),
        Err(_) if ModuleFile::is_named(argument) => ModuleName::from_file_name(Path::new(argument)),
        Err(_) => up_to_dot(Path::new(argument).file_name().unwrap_or(argument)),
    }
}

/// As kmod does: NAME.o stands for NAME.
fn up_to_dot(name: &OsStr) -> Result<ModuleName, Error> {
    let bytes = name.as_bytes();
    let name = bytes.split(|&byte| byte == b'.').next().filter(|name| !name.is_empty());
    ModuleName::new(name.unwrap_or(bytes))
}

/// Whether a command line argument means a file rather than a module's name: it has a `/`, or
/// ends like a module file. Decided from the text alone, so that a stray file in the working
/// directory never changes what a name means.
pub(crate) fn is_path(argument: &OsStr) -> bool {
    argument.as_bytes().contains(&b'/') || ModuleFile::is_named(argument)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for argument in
            ["t-x", "t_x.o", "t_x.ko.gz", "/none/t-x.ko", "/none/t-x.o", "./t_x", "/none/t_x"]
        {
            assert_eq!(name_of(OsStr::new(argument)).unwrap().to_string(), "t_x", "{argument}");
        }
    }

    #[test]
    fn a_path_is_known_by_its_text() {
        for path in ["./x", "/a/b.ko", "x.ko", "x.ko.zst", "x.ko.gz"] {
            assert!(is_path(OsStr::new(path)), "{path}");
        }
        for name in ["x", "x.kon", "ko", "x-y"] {
            assert!(!is_path(OsStr::new(name)), "{name}");
        }
    }
}
