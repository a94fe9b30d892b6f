//! Whole files, within limits.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::errno;
use crate::error::{Error, ErrorKind};

/// A small file, as text without the closing newline.
pub(crate) fn read_text(path: &Path) -> Result<String, Error> {
    let bytes = read(path)?;
    Ok(String::from_utf8_lossy(bytes.trim_ascii_end()).into_owned())
}

/// The most that is read of any one file here: no file of the kernel comes near it.
const LIMIT: u64 = 64 << 20;

/// A whole file of the kernel's.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Error> {
    let file = File::open(path).map_err(|error| Error::io(path, errno::from_io(&error)))?;
    read_to_limit(file, path, 0, LIMIT)
}

/// As much as the kernel gives at once of most of its files: one read has the text, a second the end.
const PAGE: usize = 4096;

/// How many bytes are made room for at once: a file may claim any size.
const ROOM_MAX: u64 = 1 << 20;

/// Reads all of a file, or fails: a part that is left out would be taken for absent.
fn read_to_limit(file: File, path: &Path, size: u64, limit: u64) -> Result<Vec<u8>, Error> {
    let mut file = file.take(limit.saturating_add(1));
    let bytes =
        read_whole(&mut file, size).map_err(|error| Error::io(path, errno::from_io(&error)))?;
    if bytes.len() as u64 > limit {
        let detail = format!("it has more than {limit} bytes");
        return Err(Error::new(ErrorKind::TooLarge, detail).at(path));
    }
    Ok(bytes)
}

/// Small files are many: what they have goes to the stack first, and not into memory that has to be
/// asked for.
fn read_whole(file: &mut impl Read, size: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if size <= PAGE as u64 {
        let mut page = [0; PAGE];
        let mut filled = 0;
        while let Some(free) = page.get_mut(filled..).filter(|free| !free.is_empty()) {
            match file.read(free) {
                Ok(0) => return Ok(page.get(..filled).unwrap_or_default().to_vec()),
                Ok(count) => filled += count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        bytes.extend_from_slice(&page);
    } else {
        // One more, so that the end is seen without growing.
        bytes.reserve_exact(usize::try_from(size.min(ROOM_MAX)).unwrap_or(0) + 1);
    }
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// A whole file that may be anything: one that is not regular is an error, and never waited for.
pub(crate) fn read_regular(path: &Path) -> Result<Vec<u8>, Error> {
    let (file, size) = open_regular(path)?;
    read_to_limit(file, path, size, LIMIT)
}

/// Such a file, to be read in pieces, and its size.
pub(crate) fn open_regular(path: &Path) -> Result<(File, u64), Error> {
    let io_error = |error: std::io::Error| Error::io(path, errno::from_io(&error));
    let mut options = File::options();
    // Opening a FIFO would wait for its writer.
    let options = options.read(true).custom_flags(nix::libc::O_NONBLOCK);
    let file = options.open(path).map_err(io_error)?;
    let metadata = file.metadata().map_err(io_error)?;
    if !metadata.is_file() {
        return Err(Error::io(path, errno::Errno::EINVAL));
    }
    Ok((file, metadata.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_out_in_silence() {
        let path = Path::new("tests/fixtures/hello.s");
        let size = path.metadata().unwrap().len();
        let read = |limit| read_to_limit(File::open(path).unwrap(), path, 9, limit);
        assert_eq!(read(size).unwrap().len() as u64, size);
        assert_eq!(read(size - 1).unwrap_err().kind(), ErrorKind::TooLarge);
        assert_eq!(super::read(Path::new("/dev/zero")).unwrap_err().kind(), ErrorKind::TooLarge);
    }

    #[test]
    fn files_of_any_size() {
        let root = crate::captured::Captured::new();
        for size in [0, 1, PAGE - 1, PAGE, PAGE + 1, 3 * PAGE] {
            let text: Vec<u8> = (0..size).map(|at| at.to_le_bytes()[0]).collect();
            root.write("file", &text);
            let file = root.system().file("file");
            assert_eq!(super::read(&file).unwrap(), text, "{size}");
            assert_eq!(read_regular(&file).unwrap(), text, "{size}");
        }
    }
}
