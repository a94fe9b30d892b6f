//! Congestion controls and upper layer protocols of TCP.

use std::collections::HashMap;
use std::os::fd::{AsFd, OwnedFd};

use modutils_sys::tcp::upper_layer;
use rustix::net::sockopt::tcp_congestion;

use crate::holders::descriptors;
use crate::holders::namespaces::in_each;
use crate::holders::network::objects::NetworkObject;
use crate::holders::search::Search;
use crate::holders::{Certainty, Holder, HolderKind};
use crate::system;

/// Each TCP socket holds its congestion control, and each network namespace its default
/// (`net/ipv4/tcp_cong.c`).
pub(in crate::holders) fn congestion(search: &Search<'_>) -> Vec<Holder> {
    let Some(name) = algorithm(search) else { return Vec::new() };
    let mut list = in_each(search, |search| {
        let default = search.system.sysctl("net/ipv4/tcp_congestion_control");
        let is_default = system::read_text(&default).is_ok_and(|default| default == name);
        let object = NetworkObject::DefaultCongestionControl {
            algorithm: name.into(),
            setting: "tcp_congestion_control".into(),
        };
        let command = "sysctl -w net.ipv4.tcp_congestion_control=reno";
        is_default.then(|| Holder::in_network(object).ended_by(command)).into_iter().collect()
    });
    list.extend(sockets(search, name, |socket| {
        tcp_congestion(socket).is_ok_and(|found| found == name)
    }));
    list
}

/// The congestion control that is the module.
pub(super) fn algorithm<'s>(search: &'s Search<'_>) -> Option<&'s str> {
    let name = std::str::from_utf8(search.name().strip_prefix(b"tcp_")?).ok()?;
    let known = search.system.sysctl("net/ipv4/tcp_available_congestion_control");
    let known = system::read_text(&known).unwrap_or_default();
    known.split_ascii_whitespace().any(|known| known == name).then_some(name)
}

/// Each TCP socket holds its upper layer protocol, such as TLS in the kernel
/// (`__tcp_ulp_find_autoload` in `net/ipv4/tcp_ulp.c`).
pub(in crate::holders) fn upper_layers(search: &Search<'_>) -> Vec<Holder> {
    let names = search.suffixes("tcp-ulp-", "tcp-ulp-");
    let own = names.iter().filter_map(|name| std::str::from_utf8(name).ok());
    own.flat_map(|name| {
        sockets(search, name, |socket| {
            upper_layer(socket.as_fd()).is_ok_and(|found| found == name.as_bytes())
        })
    })
    .collect()
}

/// Processes with sockets that the kernel encrypts for, as holders without references.
pub(in crate::holders) fn encrypted(search: &Search<'_>) -> Vec<Holder> {
    let is_encrypted = |socket: &OwnedFd| upper_layer(socket.as_fd()).is_ok_and(|it| it == b"tls");
    let list = sockets(search, "tls", is_encrypted).into_iter();
    list.map(|holder| holder.with_references(0).with_certainty(Certainty::Likely)).collect()
}

/// The sockets of processes that use a part of TCP; several in one process are one holder.
fn sockets(search: &Search<'_>, name: &str, uses: impl Fn(&OwnedFd) -> bool) -> Vec<Holder> {
    let mut list: Vec<Holder> = Vec::new();
    let mut known = HashMap::new();
    for descriptor in descriptors::sockets(search).into_values() {
        if search.is_late() {
            break;
        }
        let socket = descriptor.duplicate(search);
        if !socket.is_some_and(|socket| uses(&socket)) {
            continue;
        }
        let process = descriptor.process();
        let index = *known.entry(process.pid).or_insert(list.len());
        if let Some(known) = list.get_mut(index) {
            known.references += 1;
            continue;
        }
        let kind = HolderKind::Socket { process, protocol: format!("TCP with {name}").into() };
        list.push(descriptor.hold(Holder::known(kind)));
    }
    list
}
