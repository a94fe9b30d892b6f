//! Processes with sockets of the module's protocols.

mod abandoned;
mod algorithms;
mod congestion;
mod control;
mod line_disciplines;
mod netlink_table;
mod queues;

use std::collections::HashMap;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::getxattr;

use super::holder::{Holder, HolderKind};
use super::network::Protocols;
use super::search::Search;

pub(super) use abandoned::abandoned;
pub(super) use algorithms::{behind, users_of_algorithms};
pub(super) use congestion::{congestion, encrypted, upper_layers};
pub(super) use control::control_sockets;
pub(super) use line_disciplines::line_disciplines;
pub(super) use netlink_table::{is_registered, netlink_sockets};
pub(super) use queues::queues;

pub(super) fn of(search: &Search<'_>) -> Vec<Holder> {
    let protocols = Protocols::of(search);
    if protocols.is_empty() {
        return Vec::new();
    }
    let processes = search.processes();
    let mut list: Vec<Holder> = Vec::new();
    let mut known = HashMap::new();
    for file in &processes.files {
        let (Some(owner), Some(fd)) = (processes.owner(file), file.fd) else { continue };
        if file.socket().is_none() || search.is_late() {
            continue;
        }
        let link = owner.dir.join("fd").join(fd.to_string());
        let protocol = protocol_of(&link).and_then(|name| protocols.one_of(&name));
        let Some(protocol) = protocol else { continue };
        let place = known.entry((file.owner, protocol.clone())).or_insert(list.len());
        let references = references(protocol.as_bytes());
        if let Some(known) = list.get_mut(*place) {
            known.references += references;
            continue;
        }
        let process = owner.process.clone();
        let kind = HolderKind::Socket { process, protocol: protocol.into() };
        list.push(owner.hold(Holder::known(kind).with_references(references)));
    }
    list
}

/// The protocol's name, which sockets have as an attribute (`sockfs_xattr_get` in `net/socket.c`,
/// Linux 3.7).
fn protocol_of(file: &Path) -> Option<Vec<u8>> {
    let mut name = [0; 64];
    let length = getxattr(file, "system.sockprotoname", &mut name).ok()?;
    let name = name.get(..length)?;
    Some(name.split(|&byte| byte == 0).next().unwrap_or(name).to_vec())
}

/// Which references a socket of a protocol takes: one for the operations of its family and one for
/// its protocol. The operations of CAN's protocols have no owner (`net/can`).
pub(super) fn references(protocol: &[u8]) -> u64 {
    if protocol.starts_with(b"CAN_") { 1 } else { 2 }
}

/// A file of the network namespace of the thread.
fn network_file(search: &Search<'_>, name: &str) -> Vec<u8> {
    crate::system::read(&search.system.network_file(name)).unwrap_or_default()
}
