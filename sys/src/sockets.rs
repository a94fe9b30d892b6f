//! Namespaces of sockets.

use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use nix::errno::Errno;
use nix::libc;

/// Opens the network namespace that a socket is in (Linux 4.10).
///
/// # Errors
///
/// `ENOTTY` if it is not a socket; `EPERM` without the right to administrate that namespace.
pub fn namespace(socket: BorrowedFd<'_>) -> Result<OwnedFd, Errno> {
    /// `SIOCGSKNS` of `linux/sockios.h`.
    const GET_NAMESPACE: libc::Ioctl = 0x894c;
    // SAFETY: the call takes no pointer.
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), GET_NAMESPACE) };
    let descriptor = Errno::result(result)?;
    // SAFETY: the kernel has opened it for this call, and nothing else uses it.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::net::TcpListener;
    use std::os::fd::AsFd;
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn a_socket_is_in_the_namespace_of_its_process() {
        let Ok(socket) = TcpListener::bind("127.0.0.1:0") else { return };
        // Only root may ask.
        let inode = |namespace| Some(File::from(namespace).metadata().ok()?.ino());
        if let Some(inode) = namespace(socket.as_fd()).ok().and_then(inode) {
            let own = std::fs::metadata("/proc/self/ns/net").map(|own| own.ino());
            assert_eq!(own.ok(), Some(inode));
        }
        assert!(super::namespace(std::io::stdin().as_fd()).is_err());
    }
}
