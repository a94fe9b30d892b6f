//! Namespaces and files of sockets.

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
    opened_by(socket, GET_NAMESPACE)
}

/// Opens the name that a Unix socket is bound to (Linux 4.12), wherever that is: for its status only.
///
/// # Errors
///
/// `ENOENT` if it has none in a file system; `EPERM` without the right to administrate its namespace.
pub fn bound_file(socket: BorrowedFd<'_>) -> Result<OwnedFd, Errno> {
    /// `SIOCUNIXFILE` of `linux/un.h`.
    const GET_FILE: libc::Ioctl = 0x89e0;
    opened_by(socket, GET_FILE)
}

/// What a call opens that takes no argument.
fn opened_by(socket: BorrowedFd<'_>, request: libc::Ioctl) -> Result<OwnedFd, Errno> {
    // SAFETY: neither request has a pointer.
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), request) };
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

    #[test]
    fn a_name_of_a_socket() {
        use std::os::unix::net::UnixListener;

        let path = std::env::temp_dir().join(format!("modutils-bound-{}", std::process::id()));
        let Ok(socket) = UnixListener::bind(&path) else { return };
        let inode = std::fs::symlink_metadata(&path).map(|file| file.ino());
        let found = bound_file(socket.as_fd());
        let _ = std::fs::remove_file(&path);
        // Only root may ask.
        if let Ok(file) = found {
            let found = File::from(file).metadata().map(|file| file.ino());
            assert_eq!(found.ok(), inode.ok());
        }
        let pair = std::os::unix::net::UnixStream::pair();
        assert!(pair.is_ok_and(|(socket, _)| bound_file(socket.as_fd()).is_err()));
    }
}
