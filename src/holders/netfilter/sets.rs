//! Sets of ipset(8).

use rustix::io::Errno;

use super::objects::NetfilterObject;
use super::{HEADER, open};
use crate::holders::namespaces::in_each;
use crate::holders::netlink::{attribute, note, text};
use crate::holders::search::Search;
use crate::holders::{Holder, Text};

/// `IPSET_CMD_LIST` of subsystem `NFNL_SUBSYS_IPSET`, of `linux/netfilter/ipset/ip_set.h`.
const LIST: u16 = 6 << 8 | 7;
/// `IPSET_ATTR_PROTOCOL`, with the oldest version that all kernels know.
const PROTOCOL: (u16, [u8; 4]) = (1, [6, 0, 0, 0]);
/// `IPSET_ATTR_FLAGS` in the order of the network, with `IPSET_FLAG_LIST_HEADER`: no elements.
const FLAGS: (u16, [u8; 4]) = (6 | 0x4000, [0, 0, 0, 4]);
const NAME: u16 = 2;
const TYPE: u16 = 3;

/// Each set holds the module of its type (`ip_set_create` in `net/netfilter/ipset`).
pub(in crate::holders) fn sets(search: &Search<'_>) -> Vec<Holder> {
    if !search.is_kind("ip_set_", &["ip_set_"]) {
        return Vec::new();
    }
    in_each(search, |search| {
        let mut list = Vec::new();
        let result = ask(search, &mut list);
        note(search, "IP sets", result);
        list
    })
}

fn ask(search: &Search<'_>, list: &mut Vec<Holder>) -> Result<(), Errno> {
    let Some(mut netlink) = open(search, "ip_set")? else { return Ok(()) };
    let mut request = vec![0; HEADER];
    for (length, (kind, value)) in [(5u16, PROTOCOL), (8, FLAGS)] {
        request.extend(length.to_ne_bytes());
        request.extend(kind.to_ne_bytes());
        request.extend(value);
    }
    netlink.dump(search, LIST, &request, |_, payload| list.extend(set(search, payload)))
}

fn set(search: &Search<'_>, payload: &[u8]) -> Option<Holder> {
    let (name, kind) = name_and_type(payload)?;
    let alias = format!("ip_set_{}", String::from_utf8_lossy(kind));
    let module = alias.replace([':', ','], "_");
    if !search.provides(&[&alias], &[&module]) {
        return None;
    }
    let name = Text::from(name);
    let command = format!("ipset destroy {}", name.word());
    let object = NetfilterObject::Ipset { name, kind: kind.into() };
    Some(Holder::in_netfilter(object).ended_by(command))
}

fn name_and_type(payload: &[u8]) -> Option<(&[u8], &[u8])> {
    let attributes = payload.get(HEADER..)?;
    Some((text(attribute(attributes, NAME)?), text(attribute(attributes, TYPE)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set() {
        let header = |length: u16, kind: u16| [length.to_ne_bytes(), kind.to_ne_bytes()].concat();
        let mut message = vec![2, 0, 0, 0];
        message.extend(header(10, 2));
        message.extend(b"black\0\0\0");
        message.extend(header(12, 3));
        message.extend(b"hash:ip\0");
        assert_eq!(name_and_type(&message), Some((&b"black"[..], &b"hash:ip"[..])));
        assert_eq!(name_and_type(&message[..16]), None);
        assert_eq!(name_and_type(&[]), None);
    }
}
