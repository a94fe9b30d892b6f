//! Netlink sockets, of `/proc/net/netlink`.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use rustix::net::Protocol;
use rustix::net::sockopt::socket_protocol;

use super::{network_file, protocol_of};
use crate::holders::descriptors::{Descriptor, sockets};
use crate::holders::namespaces::in_each;
use crate::holders::network::objects::NetworkObject;
use crate::holders::search::Search;
use crate::holders::{Certainty, Holder, HolderKind, Text};

/// A row of the table (`netlink_native_seq_show` in `net/netlink/af_netlink.c`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) protocol: u32,
    /// Port, which is 0 for sockets of the kernel and for unbound ones.
    pub(super) port: u32,
    /// Whether a dump is in progress.
    is_dumping: bool,
    pub(super) inode: u64,
}

/// Columns `sk Eth Pid Groups Rmem Wmem Dump Locks Drops Inode`.
pub(super) fn rows(table: &[u8]) -> impl Iterator<Item = Row> {
    table.split(|&byte| byte == b'\n').skip(1).filter_map(|line| {
        let line = std::str::from_utf8(line).ok()?;
        let mut fields = line.split_ascii_whitespace();
        let protocol = fields.nth(1)?.parse().ok()?;
        let port = fields.next()?.parse().ok()?;
        let is_dumping = fields.nth(3)? != "0";
        let inode = fields.nth(2)?.parse().ok()?;
        Some(Row { protocol, port, is_dumping, inode })
    })
}

/// Whether the kernel knows a protocol now: opening a socket would load its module otherwise. The
/// kernel has a socket of each in each namespace.
pub(in crate::holders) fn is_registered(search: &Search<'_>, protocol: Option<Protocol>) -> bool {
    let number = protocol.map_or(0, |protocol| protocol.as_raw().get());
    rows(&network_file(search, "netlink")).any(|row| row.protocol == number)
}

/// Protocols that modules implement: number, name, module (`linux/netlink.h`).
const PROTOCOLS: [(u32, &str, &str); 8] = [
    (3, "NETLINK_NFLOG", "ipt_ULOG"),
    (6, "NETLINK_XFRM", "xfrm_user"),
    (8, "NETLINK_ISCSI", "scsi_transport_iscsi"),
    (11, "NETLINK_CONNECTOR", "cn"),
    (12, "NETLINK_NETFILTER", "nfnetlink"),
    (18, "NETLINK_SCSITRANSPORT", "scsi_mod"),
    (20, "NETLINK_RDMA", "ib_core"),
    (21, "NETLINK_CRYPTO", "crypto_user"),
];

/// Each netlink socket holds the module of its protocol (`netlink_create`), and each dump that is
/// not read to its end the module that answers (`__netlink_dump_start`).
pub(in crate::holders) fn netlink_sockets(search: &Search<'_>) -> Vec<Holder> {
    let own = PROTOCOLS.iter().find(|(number, _, module)| {
        search.provides(&[&format!("net-pf-16-proto-{number}")], &[module])
    });
    let dumps = dumped_protocol(search);
    if own.is_none() && dumps.is_none() {
        return Vec::new();
    }
    let sockets = sockets(search);
    let listed = Mutex::new(HashSet::new());
    let mut list = in_each(search, |search| {
        let mut list = Vec::new();
        for row in rows(&network_file(search, "netlink")) {
            listed.lock().unwrap_or_else(PoisonError::into_inner).insert(row.inode);
            let descriptor = sockets.get(&row.inode);
            if let Some((_, name, _)) = own.filter(|(number, ..)| *number == row.protocol) {
                list.extend(socket(row, descriptor, name));
            }
            if row.is_dumping
                && let Some((number, name)) = dumps
                && number == row.protocol
                && let Some(descriptor) = descriptor
            {
                list.push(dump(descriptor, name));
            }
        }
        list
    });
    let listed = listed.into_inner().unwrap_or_else(PoisonError::into_inner);
    let unlisted = sockets.iter().filter(|(inode, _)| !listed.contains(inode));
    for (_, descriptor) in unlisted.take_while(|_| !search.is_late()) {
        let own = own.filter(|(number, ..)| protocol_number(search, descriptor) == Some(*number));
        if let Some((_, name, _)) = own {
            let protocol = Text::from(*name);
            let kind = HolderKind::Socket { process: descriptor.process(), protocol };
            list.push(descriptor.hold(Holder::known(kind)));
        }
    }
    list
}

/// The protocol of a netlink socket that was not bound to a port yet: the table lacks it.
fn protocol_number(search: &Search<'_>, descriptor: &Descriptor<'_>) -> Option<u32> {
    if protocol_of(&descriptor.path()?)? != b"NETLINK" {
        return None;
    }
    let protocol = socket_protocol(descriptor.duplicate(search)?).ok()??;
    Some(protocol.as_raw().get())
}

fn socket(row: Row, descriptor: Option<&Descriptor<'_>>, protocol: &str) -> Option<Holder> {
    let protocol = Text::from(protocol);
    if let Some(descriptor) = descriptor {
        let kind = HolderKind::Socket { process: descriptor.process(), protocol };
        return Some(descriptor.hold(Holder::known(kind)));
    }
    // The kernel's own holds nothing. Neither is the one that this search uses counted.
    let is_foreign = row.port != 0 && row.port != std::process::id();
    let object = NetworkObject::Socket { protocol, id: row.port.into() };
    is_foreign.then(|| Holder::in_network(object).with_certainty(Certainty::Likely))
}

/// Whose dumps the module may answer, if any, with a name. The protocol alone tells which modules
/// can have been asked.
fn dumped_protocol(search: &Search<'_>) -> Option<(u32, &'static str)> {
    if search.is_kind("nfnetlink-subsys-", &[]) {
        return Some((12, "NETLINK_NETFILTER"));
    }
    if search.is_kind("net-pf-16-proto-16-family-", &[]) {
        return Some((16, "NETLINK_GENERIC"));
    }
    // inet_diag answers for the modules of its protocols.
    let families = search.suffixes("net-pf-16-proto-4-type-", "sock_diag");
    let answers = families.iter().any(|family| !family.contains(&b'-'));
    if answers {
        return Some((4, "NETLINK_SOCK_DIAG"));
    }
    (search.name() == b"xfrm_user").then_some((6, "NETLINK_XFRM"))
}

fn dump(descriptor: &Descriptor<'_>, protocol: &str) -> Holder {
    let object = NetworkObject::Dump { process: descriptor.process(), protocol: protocol.into() };
    let kind = HolderKind::Network { object, namespace: None };
    descriptor.hold(Holder::known(kind).with_certainty(Certainty::Likely))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_the_table() {
        let table = b"\
sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode
0000000000000000 0   5212       00000111 0        0        0     2        0        24021
0000000000000000 12  0          00000000 0        0        1     2        0        9
0000000000000000 12  x
";
        let found: Vec<_> = rows(table).collect();
        let row = |protocol, port, is_dumping, inode| Row { protocol, port, is_dumping, inode };
        assert_eq!(found, [row(0, 5212, false, 24021), row(12, 0, true, 9)]);
        assert_eq!(rows(b"").count(), 0);
    }
}
