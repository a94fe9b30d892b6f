//! Routes whose packets are encapsulated.

use std::net::{Ipv4Addr, Ipv6Addr};

use rustix::io::Errno;

use super::objects::NetworkObject;
use crate::holders::namespaces::in_each;
use crate::holders::netlink::{self, Netlink, attribute, note, number};
use crate::holders::search::Search;
use crate::holders::{Holder, Text};

/// `RTM_GETROUTE` and `RTM_GETNEXTHOP` of `linux/rtnetlink.h`.
const GET_ROUTE: u16 = 26;
const GET_NEXT_HOP: u16 = 106;
const ROUTE_HEADER: usize = 12;
const NEXT_HOP_HEADER: usize = 8;
/// Attributes of routes, of `linux/rtnetlink.h`.
const DESTINATION: u16 = 1;
const MULTIPATH: u16 = 9;
const TABLE: u16 = 15;
const ENCAPSULATION: u16 = 21;
const NEXT_HOP: u16 = 30;
/// Attributes of next hops, of `linux/nexthop.h`.
const NEXT_HOP_ID: u16 = 1;
const NEXT_HOP_ENCAPSULATION: u16 = 7;

/// Encapsulations that modules implement: number (`linux/lwtunnel.h`), alias, module.
const ENCAPSULATIONS: [(u16, &str, &str, &str); 2] =
    [(1, "mpls", "rtnl-lwt-MPLS", "mpls_iptunnel"), (3, "ila", "rtnl-lwt-ILA", "ila")];

/// Each encapsulated next hop holds the module (`lwtunnel_build_state` in `net/core/lwtunnel.c`).
pub(in crate::holders) fn encapsulated(search: &Search<'_>) -> Vec<Holder> {
    let own =
        ENCAPSULATIONS.iter().find(|(.., alias, module)| search.provides(&[alias], &[module]));
    let Some(&(number, name, ..)) = own else { return Vec::new() };
    in_each(search, |search| {
        let mut list = Vec::new();
        let result = ask(search, number, name, &mut list);
        note(search, "routes", result);
        list
    })
}

fn ask(
    search: &Search<'_>,
    encapsulation: u16,
    name: &str,
    list: &mut Vec<Holder>,
) -> Result<(), Errno> {
    let mut netlink = Netlink::open(netlink::ROUTE)?;
    netlink.dump(search, GET_ROUTE, &[0; ROUTE_HEADER], |_, payload| {
        list.extend(route(payload, encapsulation, name));
    })?;
    netlink.dump(search, GET_NEXT_HOP, &[0; NEXT_HOP_HEADER], |_, payload| {
        list.extend(next_hop(payload, encapsulation, name));
    })
}

/// A `struct rtmsg` with attributes.
fn route(payload: &[u8], encapsulation: u16, name: &str) -> Option<Holder> {
    let (&family, &length) = (payload.first()?, payload.get(1)?);
    let attributes = payload.get(ROUTE_HEADER..)?;
    // Next hops that routes share are asked for on their own.
    if attribute(attributes, NEXT_HOP).is_some() {
        return None;
    }
    let several = attribute(attributes, MULTIPATH).unwrap_or_default();
    let hops = std::iter::once(attributes).chain(hops(several));
    let is_own = |&hop: &&[u8]| type_of(hop, ENCAPSULATION) == Some(encapsulation);
    let count = u64::try_from(hops.filter(is_own).count()).ok().filter(|&count| count > 0)?;
    let table = attribute(attributes, TABLE)
        .and_then(|value| number(value, 0))
        .unwrap_or_else(|| payload.get(4).copied().unwrap_or_default().into());
    let destination = match attribute(attributes, DESTINATION) {
        Some(address) => format!("{}/{length}", shown(family, address)),
        None => "default".to_owned(),
    };
    let ip = if family == 10 { "ip -6" } else { "ip" };
    let command = format!("{ip} route del {destination} table {table}");
    let encapsulation = name.into();
    let object = NetworkObject::Route { destination: destination.into(), table, encapsulation };
    Some(Holder::in_network(object).with_references(count).ended_by(command))
}

/// A `struct nhmsg` with attributes.
fn next_hop(payload: &[u8], encapsulation: u16, name: &str) -> Option<Holder> {
    let attributes = payload.get(NEXT_HOP_HEADER..)?;
    if type_of(attributes, NEXT_HOP_ENCAPSULATION) != Some(encapsulation) {
        return None;
    }
    let id = number(attribute(attributes, NEXT_HOP_ID)?, 0)?;
    let destination = Text::from(format!("nexthop {id}"));
    let object = NetworkObject::Route { destination, table: 0, encapsulation: name.into() };
    Some(Holder::in_network(object).ended_by(format!("ip nexthop del id {id}")))
}

fn type_of(attributes: &[u8], kind: u16) -> Option<u16> {
    attribute(attributes, kind)?.first_chunk().map(|&bytes| u16::from_ne_bytes(bytes))
}

/// The attributes of each `struct rtnexthop`.
fn hops(mut several: &[u8]) -> impl Iterator<Item = &[u8]> {
    const HEADER: usize = 8;
    std::iter::from_fn(move || {
        let length = usize::from(u16::from_ne_bytes(*several.first_chunk()?));
        let hop = several.get(HEADER..length)?;
        several = several.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some(hop)
    })
}

/// An address of a family, of IPv4 or IPv6.
pub(super) fn shown(family: u8, address: &[u8]) -> String {
    match (family, address.first_chunk::<16>(), address.first_chunk::<4>()) {
        (2, _, Some(&bytes)) => Ipv4Addr::from(bytes).to_string(),
        (10, Some(&bytes), _) => Ipv6Addr::from(bytes).to_string(),
        // A label of MPLS, for one.
        _ => format!("{address:02x?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::holders::netlink::with;

    #[test]
    fn encapsulated_hops_are_counted() {
        let mut message = vec![2, 24, 0, 0, 254, 0, 0, 0, 0, 0, 0, 0];
        message.extend(with(DESTINATION, &[10, 99, 0, 0]));
        let plain = message.clone();
        message.extend(with(ENCAPSULATION, &1u16.to_ne_bytes()));
        let holder = route(&message, 1, "mpls").unwrap();
        assert_eq!(holder.references, 1);
        let expected = "route 10.99.0.0/24 in table 254 encapsulates with mpls";
        assert_eq!(holder.kind.to_string(), expected);
        assert_eq!(route(&message, 3, "ila"), None);
        assert_eq!(route(&plain, 1, "mpls"), None);

        let attributes = with(ENCAPSULATION, &1u16.to_ne_bytes());
        let length = u16::try_from(8 + attributes.len()).unwrap();
        let mut hop = length.to_ne_bytes().to_vec();
        hop.extend([0; 6]);
        hop.extend(attributes);
        let two = [plain.as_slice(), &with(MULTIPATH, &[hop.clone(), hop].concat())].concat();
        assert_eq!(route(&two, 1, "mpls").unwrap().references, 2);
    }

    #[test]
    fn damaged_hops_end() {
        for damaged in [&[0u8, 0, 0, 0, 0, 0, 0, 0][..], &[255, 255], &[9], &[]] {
            assert_eq!(hops(damaged).count(), 0);
        }
        assert_eq!(shown(28, &[0, 6, 65]), "[00, 06, 41]");
        assert_eq!(route(&[2], 1, "mpls"), None);
    }
}
