//! TCP connections that no process has: closed before all was sent, or not accepted yet.

use rustix::net::sockopt::tcp_congestion;

use super::congestion::algorithm;
use super::network_file;
use crate::holders::descriptors::sockets;
use crate::holders::namespaces::in_each;
use crate::holders::network::objects::NetworkObject;
use crate::holders::search::Search;
use crate::holders::{Certainty, Holder, HolderKind};

/// Such connections, each of which holds its congestion control: one that waits to be accepted has
/// that of the socket that listens. Of closed ones only their number tells, which has to be that of the
/// references that are left.
pub(in crate::holders) fn abandoned(search: &Search<'_>) -> Vec<Holder> {
    let Some(name) = algorithm(search) else { return Vec::new() };
    let descriptors = sockets(search);
    let mut list = in_each(search, |search| {
        let tables = ["tcp", "tcp6"].map(|file| network_file(search, file));
        let lines = tables.iter().flat_map(|table| table.split(|&byte| byte == b'\n'));
        let rows: Vec<_> = lines.filter_map(row).collect();
        let mut list = Vec::new();
        for own in rows.iter().filter(|row| row.inode == 0 && !UNHELD.contains(&row.state)) {
            let mut listening =
                rows.iter().filter(|row| row.state == LISTEN && row.port == own.port);
            if let Some(descriptor) = listening.find_map(|row| descriptors.get(&row.inode)) {
                let socket = descriptor.duplicate(search);
                let found = socket.and_then(|socket| tcp_congestion(socket).ok());
                if found.is_some_and(|found| found == name) {
                    let protocol = format!("unaccepted TCP with {name}").into();
                    let process = descriptor.process();
                    let kind = HolderKind::Socket { process, protocol };
                    list.push(descriptor.hold(Holder::known(kind)));
                }
                continue;
            }
            let protocol = format!("TCP with {name}").into();
            let object = NetworkObject::Socket { protocol, id: own.port.into() };
            let command = format!("ss --kill --tcp sport = :{}", own.port);
            let holder = Holder::in_network(object).ended_by(command);
            list.push(holder.with_certainty(Certainty::Likely));
        }
        list
    });
    if u64::try_from(list.len()) != Ok(search.left()) {
        list.retain(|holder| holder.certainty == Certainty::Known);
    }
    list
}

const LISTEN: u8 = 10;
/// States without a congestion control: waiting for the end, waiting for an answer, listening.
const UNHELD: [u8; 4] = [3, 6, 7, LISTEN];

#[derive(Debug, PartialEq, Eq)]
struct Row {
    port: u16,
    state: u8,
    inode: u64,
}

/// `0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 4711 …`
/// (`get_tcp4_sock` in `net/ipv4/tcp_ipv4.c`).
fn row(line: &[u8]) -> Option<Row> {
    let mut fields = std::str::from_utf8(line).ok()?.split_ascii_whitespace().skip(1);
    let (_, port) = fields.next()?.rsplit_once(':')?;
    Some(Row {
        port: u16::from_str_radix(port, 16).ok()?,
        state: u8::from_str_radix(fields.nth(1)?, 16).ok()?,
        inode: fields.nth(5)?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_connections() {
        let line = b"   1: 0100007F:1F90 0100007F:9C40 04 0000A000:00000000 01:00000014 00000000 \
            0        0 0 3 0000000000000000 20 4 0 10 -1";
        assert_eq!(row(line), Some(Row { port: 8080, state: 4, inode: 0 }));
        let listening =
            b"   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000 \
            0        0 4711 1 0000000000000000 100 0 0 10 0";
        assert_eq!(row(listening), Some(Row { port: 8080, state: LISTEN, inode: 4711 }));
        assert_eq!(
            row(b"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when"),
            None
        );
        for length in 0..40 {
            assert_eq!(row(&line[..length]), None);
        }
    }
}
