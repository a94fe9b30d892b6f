//! Sockets that hold modules behind their family: algorithms, transports.

use std::collections::HashMap;

use super::protocol_of;
use crate::holders::search::Search;
use crate::holders::{Certainty, Holder, HolderKind, Process, Text};

/// Number of sockets of `AF_ALG` of each process that has any.
pub(in crate::holders) fn users_of_algorithms(search: &Search<'_>) -> Vec<(Process, u64)> {
    sockets(search, ALGORITHMS)
}

/// Names of protocols.
const ALGORITHMS: &str = "ALG";
const VIRTUAL: &str = "AF_VSOCK";

/// Transports between virtual machines.
const TRANSPORTS: [&[u8]; 5] = [
    b"hv_sock",
    b"vhost_vsock",
    b"vmw_vsock_virtio_transport",
    b"vmw_vsock_vmci_transport",
    b"vsock_loopback",
];

fn sockets(search: &Search<'_>, protocol: &str) -> Vec<(Process, u64)> {
    let processes = search.processes();
    let mut list: Vec<(Process, u64)> = Vec::new();
    let mut known = HashMap::new();
    for file in &processes.files {
        let (Some(owner), Some(fd)) = (processes.owner(file), file.fd) else { continue };
        if owner.is_caller || file.socket().is_none() {
            continue;
        }
        let link = owner.dir.join("fd").join(fd.to_string());
        if protocol_of(&link).is_none_or(|name| name != protocol.as_bytes()) {
            continue;
        }
        let place = *known.entry(file.owner).or_insert(list.len());
        match list.get_mut(place) {
            Some((_, count)) => *count += 1,
            None => list.push((owner.process.clone(), 1)),
        }
    }
    list
}

/// Each socket that is bound to an algorithm holds the module of its type (`alg_bind` in
/// `crypto/af_alg.c`), and those for its requests do not; each connected one between virtual machines
/// that of its transport (`vsock_assign_transport` in `net/vmw_vsock/af_vsock.c`). The kernel shows
/// neither.
pub(in crate::holders) fn behind(search: &Search<'_>) -> Vec<Holder> {
    let protocol = match search.name() {
        name if name.starts_with(b"algif_") => ALGORITHMS,
        name if TRANSPORTS.contains(&name) => VIRTUAL,
        _ => return Vec::new(),
    };
    let sockets = sockets(search, protocol);
    let left = search.left();
    let total: u64 = sockets.iter().map(|(_, count)| count).sum();
    // All of one process, or each socket: then they are the holders.
    let is_sole = sockets.len() == 1 && left <= total;
    let fits = is_sole || total == left;
    let processes = search.processes();
    let holders = sockets.into_iter().filter_map(|(process, count)| {
        let owner = processes.by_pid(process.pid)?;
        let protocol = Text::from(protocol);
        let kind = HolderKind::Socket { process, protocol };
        let holder = if fits {
            let references = if is_sole { left } else { count };
            Holder::new(kind, Certainty::Likely).with_references(references)
        } else {
            Holder::new(kind, Certainty::Possible)
        };
        Some(owner.hold(holder))
    });
    holders.collect()
}
