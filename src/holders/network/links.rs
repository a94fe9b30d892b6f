//! Network interfaces, by rtnetlink(7).

use rustix::io::Errno;

use super::objects::{InterfaceState, NetworkObject};
use crate::holders::namespaces::in_each;
use crate::holders::netlink::{self, Attributes, Netlink, attribute, note, number, text};
use crate::holders::search::Search;
use crate::holders::{Certainty, Holder, HolderKind, Text};

/// `RTM_GETLINK` of `linux/rtnetlink.h`.
const GET_LINK: u16 = 18;
const HEADER: usize = 16;
/// Attributes of `linux/if_link.h`.
const NAME: u16 = 3;
const MASTER: u16 = 10;
const INFO: u16 = 18;
const INFO_KIND: u16 = 1;
const INFO_DATA: u16 = 2;
/// `IFLA_TUN_PERSIST` of `linux/if_link.h`.
const TUN_PERSIST: u16 = 6;

/// An interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) index: u32,
    /// The type of the hardware, of `linux/if_arp.h`.
    pub(super) hardware: u16,
    pub(super) name: Text,
    pub(super) is_up: bool,
    pub(super) kind: Vec<u8>,
    pub(super) master: Option<u32>,
    pub(super) is_persistent: bool,
}

/// The interfaces of the network namespace of the thread.
pub(super) fn links(search: &Search<'_>, netlink: &mut Netlink) -> Result<Vec<Link>, Errno> {
    let mut list = Vec::new();
    netlink.dump(search, GET_LINK, &[0; HEADER], |_, payload| list.extend(parse(payload)))?;
    Ok(list)
}

/// A `struct ifinfomsg` with attributes.
pub(super) fn parse(payload: &[u8]) -> Option<Link> {
    let mut link = Link {
        index: number(payload, 4)?,
        hardware: payload.get(2..)?.first_chunk().map(|&bytes| u16::from_ne_bytes(bytes))?,
        is_up: number(payload, 8)? & 1 != 0,
        ..Link::default()
    };
    for (kind, value) in Attributes::after(HEADER, payload) {
        match kind {
            NAME => link.name = text(value).into(),
            MASTER => link.master = number(value, 0),
            INFO => {
                link.kind = attribute(value, INFO_KIND).map(text).unwrap_or_default().to_vec();
                let data = attribute(value, INFO_DATA).unwrap_or_default();
                let persistent = attribute(data, TUN_PERSIST).and_then(<[u8]>::first);
                link.is_persistent = link.kind == b"tun" && persistent.is_some_and(|&set| set != 0);
            }
            _ => {}
        }
    }
    Some(link)
}

/// The name of the interface with an index.
pub(super) fn name_of(links: &[Link], index: u32) -> Text {
    let link = links.iter().find(|link| link.index == index);
    link.map_or_else(|| Text::from(format!("if{index}")), |link| link.name.clone())
}

/// Kinds whose interfaces take a reference while they are up: they register a tap
/// (`netlink_add_tap`, `vsock_add_tap`).
const COUNTED: [&[u8]; 2] = [b"nlmon", b"vsockmon"];

/// Protocols of HDLC by the type of hardware that each gives its interface, which holds it until
/// another one is set (`attach_hdlc_protocol` in `drivers/net/wan/hdlc.c`).
const PROTOCOLS: [(&[u8], u16); 5] = [
    (b"hdlc_cisco", 513),
    (b"hdlc_fr", 770),
    (b"hdlc_ppp", 512),
    (b"hdlc_raw", 518),
    (b"hdlc_x25", 271),
];

/// Interfaces of the module's kind of link that take a reference, and those in other network
/// namespaces.
pub(in crate::holders) fn of_kind(search: &Search<'_>) -> Vec<Holder> {
    let protocol = PROTOCOLS.iter().find(|(module, _)| *module == search.name());
    let protocol = protocol.map(|(_, hardware)| *hardware);
    // tun has no such alias.
    if protocol.is_none() && !search.is_kind("rtnl-link-", &["tun"]) {
        return Vec::new();
    }
    in_each(search, |search| {
        let links =
            Netlink::open(netlink::ROUTE).and_then(|mut netlink| links(search, &mut netlink));
        let list = links.as_deref().unwrap_or_default();
        let found = list.iter().filter_map(|link| {
            // Those of a protocol have no kind.
            if link.kind.is_empty() && Some(link.hardware) == protocol {
                return Some(running(link));
            }
            is_own(search, link).then(|| holder(list, link))
        });
        let found = found.collect();
        note(search, "network interfaces", links.map(|_| ()));
        found
    })
}

fn is_own(search: &Search<'_>, link: &Link) -> bool {
    let kind = String::from_utf8_lossy(&link.kind);
    !kind.is_empty() && search.provides(&[&format!("rtnl-link-{kind}")], &[&kind])
}

fn running(link: &Link) -> Holder {
    let (interface, state) = (link.name.clone(), Some(InterfaceState::Protocol));
    let step = format!("set another protocol for interface {interface} with sethdlc(8)");
    let object = NetworkObject::Interface { interface, master: None, state };
    let holder = Holder::new(HolderKind::Network { object, namespace: None }, Certainty::Likely);
    holder.with_references(1).ended_by_step(step)
}

fn holder(list: &[Link], link: &Link) -> Holder {
    let state = match link {
        Link { is_persistent: true, .. } => Some(InterfaceState::Persistent),
        Link { is_up: true, kind, .. } if COUNTED.contains(&kind.as_slice()) => {
            Some(InterfaceState::Up)
        }
        _ => None,
    };
    let master = link.master.map(|index| name_of(list, index));
    let interface = link.name.clone();
    let command = match state {
        Some(InterfaceState::Up) => format!("ip link set {} down", interface.word()),
        _ => format!("ip link del {}", interface.word()),
    };
    Holder::in_network(NetworkObject::Interface { interface, master, state })
        .with_references(u64::from(state.is_some()))
        .ended_by(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
        let mut bytes = u16::try_from(value.len() + 4).unwrap().to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(value);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    #[test]
    fn a_link_with_kind_and_master() {
        let mut message = vec![0; HEADER];
        message[2..4].copy_from_slice(&513u16.to_ne_bytes());
        message[4..8].copy_from_slice(&7u32.to_ne_bytes());
        message[8..12].copy_from_slice(&1u32.to_ne_bytes());
        message.extend(attribute(NAME, b"tap0\0"));
        message.extend(attribute(MASTER, &3u32.to_ne_bytes()));
        let data = attribute(INFO_DATA, &attribute(TUN_PERSIST, &[1]));
        message.extend(attribute(INFO, &[attribute(INFO_KIND, b"tun\0"), data].concat()));
        let link = parse(&message).unwrap();
        assert_eq!((link.index, link.master, link.is_up), (7, Some(3), true));
        assert_eq!((link.name, link.kind), ("tap0".into(), b"tun".to_vec()));
        assert!(link.is_persistent && link.hardware == 513);
        assert_eq!(parse(&message[..9]), None);
    }
}
