//! Protocols and network interfaces.

mod ciphers;
mod datapaths;
mod generic;
mod links;
pub(super) mod objects;
mod routes;
mod traffic;
mod xfrm;

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use super::search::Search;
use super::{Certainty, Holder, HolderKind, Text};
use crate::directory;
use crate::system;

pub(super) use ciphers::ciphers;
pub(super) use datapaths::datapath_ports;
pub(super) use generic::{l2tp, teams};
pub(super) use links::of_kind as links_of_kind;
pub(super) use routes::encapsulated;
pub(super) use traffic::{actions, filters, qdiscs};
pub(super) use xfrm::of_protocol as xfrm_states;

/// The names of the module's own protocols.
pub(super) struct Protocols(HashSet<Vec<u8>>);

impl Protocols {
    pub(super) fn of(search: &Search<'_>) -> Self {
        let text = system::read(&search.system.socket_protocols()).unwrap_or_default();
        Self(parse(&text, search.name()))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn one_of(&self, name: &[u8]) -> Option<OsString> {
        self.0.contains(name).then(|| OsString::from_vec(name.to_vec()))
    }
}

/// Rows of `protocol size sockets memory press maxhdr slab module cl co …`; names may have spaces
/// (`proto_seq_printf` in `net/core/sock.c`).
fn parse(text: &[u8], module: &[u8]) -> HashSet<Vec<u8>> {
    let rows = text.split(|&byte| byte == b'\n').skip(1);
    let mut names = HashSet::new();
    for row in rows {
        let fields: Vec<_> =
            row.split(|&byte| byte == b' ').filter(|field| !field.is_empty()).collect();
        // The name ends where the numbers begin; the module is the sixth field after it.
        let numbers = fields.iter().position(|field| {
            std::str::from_utf8(field).is_ok_and(|field| field.parse::<i64>().is_ok())
        });
        let Some(numbers) = numbers else { continue };
        if fields.get(numbers + 6).is_some_and(|found| *found == module) {
            let name: Vec<_> = fields.iter().take(numbers).copied().collect();
            names.insert(name.join(&b' '));
        }
    }
    names
}

/// Interfaces whose device has a driver of the module, or that are of its type of link. They hold
/// no reference, and go with the module.
pub(super) fn interfaces(search: &Search<'_>) -> Vec<Holder> {
    let Ok(entries) = directory::entries(&search.system.class_dir("net")) else {
        return Vec::new();
    };
    let own = entries.flatten().take_while(|_| !search.is_late()).filter(|entry| {
        let dir = &entry.path;
        let driver = fs::read_link(dir.join("device/driver/module"));
        if let Some(module) = driver.as_ref().ok().and_then(|link| link.file_name()) {
            return module.as_bytes() == search.name();
        }
        // tun has a file for its interfaces, others say what they are in their events.
        search.name() == b"tun" && dir.join("tun_flags").exists()
            || system::read_text(&dir.join("uevent")).is_ok_and(|text| is_of_type(search, &text))
    });
    own.map(|entry| {
        Holder::new(HolderKind::Interface { name: entry.name.into() }, Certainty::Known)
    })
    .collect()
}

/// The interfaces of a type of links, in the caller's namespace.
pub(super) fn interfaces_of_type(search: &Search<'_>, kind: &str) -> Vec<Text> {
    let Ok(entries) = directory::entries(&search.system.class_dir("net")) else {
        return Vec::new();
    };
    let of_type = entries.flatten().filter(|entry| {
        let text = system::read_text(&entry.path.join("uevent")).unwrap_or_default();
        text.lines().any(|line| line.strip_prefix("DEVTYPE=") == Some(kind))
    });
    of_type.map(|entry| entry.name.into()).collect()
}

fn is_of_type(search: &Search<'_>, uevent: &str) -> bool {
    let Some(kind) = uevent.lines().find_map(|line| line.strip_prefix("DEVTYPE=")) else {
        return false;
    };
    match search.aliases.get(&format!("rtnl-link-{kind}")) {
        Some(owner) => *owner == search.module.name,
        None => OsStr::new(kind).as_bytes() == search.name(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocols_of_a_module() {
        let text = b"\
protocol  size sockets  memory press maxhdr  slab module     cl co di ac io in de sh ss gs se re
ALG        944      0      -1   NI       0   no   af_alg      n  n  n  n  n  n  n  n  n  n  n  n
PACKET    1472      1      -1   NI       0   no   kernel      n  n  n  n  n  n  n  n  n  n  n  n
MY NAME   1472      1      -1   NI       0   no   af_alg      n  n  n  n  n  n  n  n  n  n  n  n
";
        let mut names: Vec<_> = parse(text, b"af_alg").into_iter().collect();
        names.sort();
        assert_eq!(names, [&b"ALG"[..], b"MY NAME"]);
        assert!(parse(text, b"sctp").is_empty());
        assert!(parse(b"", b"sctp").is_empty());
    }
}
