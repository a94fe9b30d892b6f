//! Sockets that a protocol opens for itself.

use crate::holders::search::Search;
use crate::holders::{Certainty, Holder, HolderKind};

/// Protocols with a socket of their own in each network namespace, which holds the module once for
/// its operations and once for its protocol (callers of `inet_ctl_sock_create`).
const PROTOCOLS: [&[u8]; 3] = [b"dccp_ipv4", b"dccp_ipv6", b"sctp"];

/// The module's own sockets: only the end of the network namespaces would close them, so that it
/// stays loaded until the next boot.
pub(in crate::holders) fn control_sockets(search: &Search<'_>) -> Vec<Holder> {
    if search.name() == b"drop_monitor" {
        // Nothing else refers to it, and nothing shows whether it is on.
        let reason = "packets that the kernel drops are monitored".into();
        let kind = HolderKind::Itself { name: search.name().into(), reason };
        let holder = Holder::known(kind).with_certainty(Certainty::Likely);
        return vec![holder.ended_by_step("stop the monitoring (command `stop` of dropwatch)")];
    }
    if search.name() == b"bluetooth" {
        return listening(search);
    }
    if !PROTOCOLS.contains(&search.name()) {
        return Vec::new();
    }
    let count = search.count_namespaces();
    let reason = match count {
        1 => "a control socket of its own".to_owned(),
        count => format!("control sockets of its own in {count} network namespaces"),
    };
    let kind = HolderKind::Itself { name: search.name().into(), reason: reason.into() };
    let holder = Holder::known(kind).with_references(count.saturating_mul(2));
    vec![holder.with_certainty(Certainty::Likely).ended_by_restart()]
}

/// The socket that waits for connections to RFCOMM (`rfcomm_add_listener`), for as long as that
/// module is loaded.
fn listening(search: &Search<'_>) -> Vec<Holder> {
    let users = search.module.used_by.iter();
    let listener = users.filter(|user| user.as_bytes() == b"rfcomm").map(|user| {
        let reason = "has a listening socket".into();
        let kind = HolderKind::Unlisted { name: user.as_os_str().into(), reason };
        let holder = Holder::known(kind).with_references(2).with_certainty(Certainty::Likely);
        holder.ended_by("rmmod rfcomm")
    });
    listener.collect()
}
