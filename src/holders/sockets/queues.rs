//! Queues and log groups of netfilter, each of a netlink socket.

use super::netlink_table::rows;
use super::network_file;
use crate::holders::Holder;
use crate::holders::descriptors::{Descriptor, sockets};
use crate::holders::namespaces::in_each;
use crate::holders::netfilter::objects::NetfilterObject;
use crate::holders::search::Search;

const NETFILTER: u32 = 12;

/// Each queue and each group holds its module (`instance_create` in `nfnetlink_queue.c` and
/// `nfnetlink_log.c`).
pub(in crate::holders) fn queues(search: &Search<'_>) -> Vec<Holder> {
    let (file, is_log) = match search.name() {
        b"nfnetlink_queue" => ("netfilter/nfnetlink_queue", false),
        b"nfnetlink_log" => ("netfilter/nfnetlink_log", true),
        _ => return Vec::new(),
    };
    let descriptors = sockets(search);
    in_each(search, |search| {
        let sockets: Vec<_> = rows(&network_file(search, "netlink")).collect();
        let table = network_file(search, file);
        let holders = numbers(&table).map(|(number, port)| {
            let mut sockets = sockets.iter().filter(|row| row.protocol == NETFILTER);
            let socket = sockets.find(|row| row.port == port);
            let descriptor = socket.and_then(|row| descriptors.get(&row.inode));
            let process = descriptor.map(Descriptor::process);
            let object = if is_log {
                NetfilterObject::LogGroup { number, port, process }
            } else {
                NetfilterObject::Queue { number, port, process }
            };
            let holder = Holder::in_netfilter(object);
            match descriptor {
                Some(descriptor) => descriptor.hold(holder),
                None => holder.ended_by_step(format!("close the netlink socket with port {port}")),
            }
        });
        holders.collect()
    })
}

/// The first two columns: the number, and the port of the socket.
fn numbers(table: &[u8]) -> impl Iterator<Item = (u32, u32)> {
    table.split(|&byte| byte == b'\n').filter_map(|line| {
        let mut fields = std::str::from_utf8(line).ok()?.split_ascii_whitespace();
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queues_of_the_table() {
        let table = b"    9    432     0 1     0     0     0        0  1\n  x 1\n 7\n";
        assert_eq!(numbers(table).collect::<Vec<_>>(), [(9, 432)]);
    }
}
