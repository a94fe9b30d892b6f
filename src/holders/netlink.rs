//! Requests to the kernel by netlink(7), and its answers.

mod attributes;

use std::os::fd::OwnedFd;
use std::time::Duration;

use netlink_packet_core::NetlinkBuffer;
use rustix::io::Errno;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{
    AddressFamily, Protocol, RecvFlags, SendFlags, SocketFlags, SocketType, recv, sendto,
    socket_with,
};

use super::search::{OmissionReason, Search};

pub(super) use attributes::{Attributes, attribute, big_endian_u32, number, text};

/// A socket for requests in the network namespace of the thread that opened it.
pub(super) struct Netlink {
    socket: OwnedFd,
    sequence: u32,
}

/// Protocols of netlink.
pub(super) const ROUTE: Option<Protocol> = None;
pub(super) const XFRM: Option<Protocol> = Some(rustix::net::netlink::XFRM);
pub(super) const NETFILTER: Option<Protocol> = Some(rustix::net::netlink::NETFILTER);
pub(super) const GENERIC: Option<Protocol> = Some(rustix::net::netlink::GENERIC);

/// The answers that end a dump, `NLMSG_DONE` and `NLMSG_ERROR` of `linux/netlink.h`.
const DONE: u16 = 3;
const ERROR: u16 = 2;

/// `NLM_F_REQUEST`, and with `NLM_F_DUMP`.
const REQUEST: u16 = 0x1;
const DUMP: u16 = 0x301;

const HEADER: usize = 16;

/// The largest piece of an answer that the kernel sends (`netlink_dump` in `af_netlink.c`).
const BUFFER: usize = 1 << 16;

impl Netlink {
    /// Opens a socket. The kernel loads the module of a protocol that is not there: ask for one
    /// only if it is.
    pub(super) fn open(protocol: Option<Protocol>) -> Result<Self, Errno> {
        let socket =
            socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, protocol)?;
        set_socket_timeout(&socket, Timeout::Recv, Some(Duration::from_millis(500)))?;
        Ok(Self { socket, sequence: 0 })
    }

    /// Asks for all objects of a kind: `each` gets the message type and the payload.
    pub(super) fn dump(
        &mut self,
        search: &Search<'_>,
        kind: u16,
        body: &[u8],
        each: impl FnMut(u16, &[u8]),
    ) -> Result<(), Errno> {
        self.ask(search, kind, DUMP, body, each)
    }

    /// Asks for one object.
    pub(super) fn get(
        &mut self,
        search: &Search<'_>,
        kind: u16,
        body: &[u8],
        each: impl FnMut(u16, &[u8]),
    ) -> Result<(), Errno> {
        // An acknowledgment ends the answer: NLM_F_ACK.
        self.ask(search, kind, REQUEST | 0x4, body, each)
    }

    fn ask(
        &mut self,
        search: &Search<'_>,
        kind: u16,
        flags: u16,
        body: &[u8],
        mut each: impl FnMut(u16, &[u8]),
    ) -> Result<(), Errno> {
        self.sequence += 1;
        let request = request(kind, flags, self.sequence, body);
        let kernel = SocketAddrNetlink::new(0, 0);
        sendto(&self.socket, &request, SendFlags::empty(), &kernel)?;
        let mut buffer = vec![0; BUFFER];
        while !search.is_late() {
            let (_, length) = match recv(&self.socket, buffer.as_mut_slice(), RecvFlags::empty()) {
                Err(Errno::INTR) => continue,
                received => received?,
            };
            let piece = buffer.get(..length).unwrap_or_default();
            if let Some(end) = read(piece, self.sequence, &mut each) {
                return end;
            }
        }
        Ok(())
    }
}

/// A request, see netlink(7).
fn request(kind: u16, flags: u16, sequence: u32, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(HEADER + body.len()).unwrap_or(u32::MAX);
    let mut message = Vec::with_capacity(HEADER + body.len());
    message.extend(length.to_ne_bytes());
    message.extend(kind.to_ne_bytes());
    message.extend(flags.to_ne_bytes());
    message.extend(sequence.to_ne_bytes());
    message.extend(0u32.to_ne_bytes());
    message.extend(body);
    message
}

/// Reads one piece of an answer, which holds some messages. Returns the result of the request if
/// it ends there.
pub(super) fn read(
    mut piece: &[u8],
    sequence: u32,
    each: &mut impl FnMut(u16, &[u8]),
) -> Option<Result<(), Errno>> {
    while piece.len() >= HEADER {
        let header = NetlinkBuffer::new(piece);
        let length = usize::try_from(header.length()).unwrap_or(usize::MAX);
        let (kind, is_own) = (header.message_type(), header.sequence_number() == sequence);
        // One that is cut off ends the piece.
        let payload = piece.get(HEADER..length)?;
        match kind {
            _ if !is_own => {}
            DONE => return Some(Ok(())),
            ERROR => return Some(result(payload)),
            _ => each(kind, payload),
        }
        piece = piece.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    None
}

/// The error number, negative, is the first field; 0 acknowledges.
fn result(payload: &[u8]) -> Result<(), Errno> {
    let code = payload.first_chunk().map_or(0, |&bytes| i32::from_ne_bytes(bytes));
    match code.checked_neg() {
        None | Some(0) => Ok(()),
        Some(code) => Err(Errno::from_raw_os_error(code)),
    }
}

/// `GENL_ID_CTRL` and `CTRL_CMD_GETFAMILY` of `linux/genetlink.h`.
const CONTROL: u16 = 16;
const GET_FAMILY: u8 = 3;
const FAMILY_ID: u16 = 1;
const FAMILY_NAME: u16 = 2;
/// The length of `struct genlmsghdr`.
const GENERIC_HEADER: usize = 4;

/// The number of a family. All are asked for: the kernel loads the module of one that it does not
/// know.
pub(super) fn generic_family(
    search: &Search<'_>,
    netlink: &mut Netlink,
    name: &str,
) -> Result<Option<u16>, Errno> {
    let mut found = None;
    netlink.dump(search, CONTROL, &[GET_FAMILY, 1, 0, 0], |_, payload| {
        let attributes = payload.get(GENERIC_HEADER..).unwrap_or_default();
        if attribute(attributes, FAMILY_NAME).map(text) == Some(name.as_bytes()) {
            found = attribute(attributes, FAMILY_ID).and_then(short);
        }
    })?;
    Ok(found)
}

fn short(value: &[u8]) -> Option<u16> {
    value.first_chunk().map(|&bytes| u16::from_ne_bytes(bytes))
}

/// Records that a request failed, unless the kernel lacks what it is about.
pub(super) fn note(search: &Search<'_>, source: &str, result: Result<(), Errno>) {
    let reason = match result {
        Err(Errno::PERM | Errno::ACCESS) => OmissionReason::PermissionDenied,
        Err(Errno::AGAIN | Errno::TIMEDOUT) => OmissionReason::OutOfTime,
        Err(Errno::NOBUFS | Errno::NOMEM) => OmissionReason::Unavailable,
        Ok(()) | Err(_) => return,
    };
    search.omit(source, reason);
}

/// An attribute with its header and padding, for tests.
#[cfg(test)]
pub(super) fn with(kind: u16, value: &[u8]) -> Vec<u8> {
    let mut bytes = u16::try_from(value.len() + 4).unwrap().to_ne_bytes().to_vec();
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    type Answer = (Vec<(u16, Vec<u8>)>, Option<Result<(), Errno>>);

    fn all(piece: &[u8]) -> Answer {
        let mut seen = Vec::new();
        let end = read(piece, 1, &mut |kind, payload: &[u8]| seen.push((kind, payload.to_vec())));
        (seen, end)
    }

    #[test]
    fn messages_of_a_piece() {
        let mut piece = request(20, 2, 1, b"abcde");
        piece.extend([0; 3]);
        // Of a request that was given up.
        piece.extend(request(20, 2, 9, b"late"));
        piece.extend(request(20, 2, 1, b""));
        assert_eq!(all(&piece), (vec![(20, b"abcde".to_vec()), (20, Vec::new())], None));
        piece.extend(request(DONE, 2, 1, &[0; 4]));
        assert_eq!(all(&piece).1, Some(Ok(())));
    }

    #[test]
    fn errors_end_an_answer() {
        let refused = (-1i32).to_ne_bytes();
        assert_eq!(all(&request(ERROR, 0, 1, &refused)).1, Some(Err(Errno::PERM)));
        assert_eq!(all(&request(ERROR, 0, 1, &[0; 4])).1, Some(Ok(())));
        assert_eq!(all(&request(ERROR, 0, 1, &i32::MIN.to_ne_bytes())).1, Some(Ok(())));
        assert_eq!(all(&request(ERROR, 0, 1, b"")).1, Some(Ok(())));
    }

    #[test]
    fn damaged_pieces_end_early() {
        let whole = request(20, 2, 1, b"abcd");
        for length in 0..whole.len() {
            assert_eq!(all(&whole[..length]), (Vec::new(), None));
        }
        for length in [0u32, 1, 15, 21, u32::MAX] {
            let mut damaged = whole.clone();
            damaged[..4].copy_from_slice(&length.to_ne_bytes());
            assert_eq!(all(&damaged), (Vec::new(), None));
        }
    }
}
