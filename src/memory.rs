//! Files without a name, for modules that do not come from a file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process;

use nix::errno::Errno;
use nix::sys::memfd::{MFdFlags, memfd_create};

/// A file with all that is read from `source`, and its length.
///
/// # Errors
/// Of reading, or of making or filling the file.
pub(crate) fn file_of(mut source: impl Read) -> io::Result<(File, u64)> {
    // `MFD_NOEXEC_SEAL`, Linux 6.3: it cannot be executed, and a system that insists on that
    // (`vm.memfd_noexec`) allows it.
    let no_exec = MFdFlags::from_bits_retain(8);
    let made = match memfd_create(c"module", MFdFlags::MFD_CLOEXEC | no_exec) {
        Err(Errno::EINVAL) => memfd_create(c"module", MFdFlags::MFD_CLOEXEC),
        made => made,
    };
    match made {
        Ok(memory) => {
            let mut memory = File::from(memory);
            let length = io::copy(&mut source, &mut memory)?;
            Ok((memory, length))
        }
        // Before Linux 3.17, and where a filter does not know it.
        Err(Errno::ENOSYS | Errno::EPERM) => unlinked(source),
        Err(errno) => Err(errno.into()),
    }
}

/// Where such a file may be: first of all in memory.
const PLACES: &[&str] = &["/dev/shm", "/run", "/tmp", "/"];

fn unlinked(mut source: impl Read) -> io::Result<(File, u64)> {
    let (path, mut writable) = created()?;
    // The kernel rejects a file that is still open for writing.
    let filled = io::copy(&mut source, &mut writable).and_then(|length| {
        writable.flush()?;
        Ok((File::open(&path)?, length))
    });
    fs::remove_file(&path)?;
    filled
}

fn created() -> io::Result<(std::path::PathBuf, File)> {
    let mut result = Err(io::Error::from(io::ErrorKind::NotFound));
    for place in PLACES {
        let path = Path::new(place).join(format!(".modutils.{}", process::id()));
        result = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        if let Ok(file) = result {
            return Ok((path, file));
        }
    }
    result.map(|file| (Path::new("/").to_owned(), file))
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::fcntl::{FcntlArg, fcntl};
    use std::io::Seek;

    #[test]
    fn both_kinds_hold_what_was_read() {
        for made in [file_of(&b"abc"[..]), unlinked(&b"abc"[..])] {
            let (mut file, length) = made.unwrap();
            let mut text = String::new();
            file.rewind().unwrap();
            file.read_to_string(&mut text).unwrap();
            assert_eq!((text.as_str(), length), ("abc", 3));
        }
    }

    #[test]
    fn it_cannot_be_executed() {
        let (file, _) = file_of(&b"abc"[..]).unwrap();
        // `F_SEAL_EXEC`, where the kernel knows it.
        let seals = fcntl(file, FcntlArg::F_GET_SEALS).unwrap();
        let old = memfd_create(c"test", MFdFlags::from_bits_retain(8)).is_err();
        assert!(old || seals & 0x20 != 0, "{seals:#x}");
    }
}
