//! Processes with sockets of the module's protocols.

use std::collections::HashMap;
use std::path::Path;

use rustix::fs::getxattr;

use super::holder::{Holder, HolderKind};
use super::network::Protocols;
use super::search::Search;

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
        if !file.path.to_string_lossy().starts_with("socket:[") || search.is_late() {
            continue;
        }
        let link = owner.dir.join("fd").join(fd.to_string());
        let protocol = protocol_of(&link).and_then(|name| protocols.one_of(&name));
        let Some(protocol) = protocol else { continue };
        let place = known.entry((file.owner, protocol.clone())).or_insert(list.len());
        // One for the operations of its family, one for its protocol.
        if let Some(known) = list.get_mut(*place) {
            known.references += 2;
            continue;
        }
        let process = owner.process.clone();
        let kind = HolderKind::Socket { process, protocol: protocol.into() };
        list.push(owner.hold(Holder::known(kind).with_references(2)));
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
