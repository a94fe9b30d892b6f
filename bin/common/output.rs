//! Standard output.

use std::io;
use std::os::fd::AsFd;

use modutils::Errno;

/// Writes everything in as few system calls as it takes. A reader that has gone away had enough,
/// which is no error.
pub(crate) fn write(mut text: &[u8]) -> Result<(), Errno> {
    let stdout = io::stdout();
    while !text.is_empty() {
        match nix::unistd::write(stdout.as_fd(), text) {
            Ok(count) => text = text.get(count..).unwrap_or_default(),
            Err(nix::errno::Errno::EPIPE) => return Ok(()),
            Err(nix::errno::Errno::EINTR) => {}
            Err(errno) => return Err(Errno::from_raw(errno as i32)),
        }
    }
    Ok(())
}
