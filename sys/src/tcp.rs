//! Options of TCP sockets that nix only sets.

use std::os::fd::{AsRawFd, BorrowedFd};

use nix::errno::Errno;
use nix::libc;

/// Length of a name, `TCP_ULP_NAME_MAX` of `net/tcp.h`.
const NAME_MAX: usize = 16;

/// Returns the name of the upper layer protocol of a socket, such as `tls`; it is empty without
/// one.
///
/// # Errors
///
/// `ENOPROTOOPT` or `EOPNOTSUPP` if it is not a TCP socket.
pub fn upper_layer(socket: BorrowedFd<'_>) -> Result<Vec<u8>, Errno> {
    let mut name = [0_u8; NAME_MAX];
    let mut length = libc::socklen_t::try_from(name.len()).map_err(|_| Errno::EINVAL)?;
    // SAFETY: the buffer and its length are ours, and live until the call returns.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_ULP,
            name.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    Errno::result(result)?;
    let length = usize::try_from(length).unwrap_or(0).min(name.len());
    let name = name.get(..length).unwrap_or_default();
    Ok(name.split(|&byte| byte == 0).next().unwrap_or_default().to_vec())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn a_plain_socket_has_none() {
        let Ok(socket) = TcpListener::bind("127.0.0.1:0") else { return };
        assert!(upper_layer(socket.as_fd()).is_ok_and(|name| name.is_empty()));
        assert!(upper_layer(std::io::stdin().as_fd()).is_err());
    }
}
