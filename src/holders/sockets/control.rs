//! Sockets that a protocol opens for itself.

use crate::holders::search::Search;
use crate::holders::{Certainty, Holder, HolderKind};

/// Protocols with a socket of their own in each network namespace, which holds the module once for
/// its operations and once for its protocol (callers of `inet_ctl_sock_create`).
const PROTOCOLS: [&[u8]; 3] = [b"dccp_ipv4", b"dccp_ipv6", b"sctp"];

/// The module's own sockets: only the end of the network namespaces would close them, so that it
/// stays loaded until the next boot.
pub(in crate::holders) fn control_sockets(search: &Search<'_>) -> Vec<Holder> {
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
    vec![holder.with_certainty(Certainty::Likely).ended_by_step("restart the system without it")]
}
