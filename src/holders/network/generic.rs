//! Protocols of generic netlink: teams and L2TP.

use rustix::io::Errno;

use super::links::links;
use super::objects::NetworkObject;
use crate::holders::namespaces::in_each;
use crate::holders::netlink::{
    self, Attributes, Netlink, attribute, generic_family, note, number, text,
};
use crate::holders::search::Search;
use crate::holders::{Holder, Text};

/// The length of `struct genlmsghdr`.
const HEADER: usize = 4;

fn short(value: &[u8]) -> Option<u16> {
    value.first_chunk().map(|&bytes| u16::from_ne_bytes(bytes))
}

/// A team holds the module of its mode (`team_mode_get` in `drivers/net/team`).
pub(in crate::holders) fn teams(search: &Search<'_>) -> Vec<Holder> {
    let modes = search.suffixes("team-mode-", "team_mode_");
    if modes.is_empty() {
        return Vec::new();
    }
    in_each(search, |search| {
        let mut list = Vec::new();
        let result = teams_with(search, &modes, &mut list);
        note(search, "teams", result);
        list
    })
}

fn teams_with(search: &Search<'_>, modes: &[Vec<u8>], list: &mut Vec<Holder>) -> Result<(), Errno> {
    /// `TEAM_CMD_OPTIONS_GET` and its attribute for the interface, of `linux/if_team.h`.
    const GET_OPTIONS: u8 = 2;
    const INDEX: u16 = 1;
    let mut route = Netlink::open(netlink::ROUTE)?;
    let mut teams = links(search, &mut route)?;
    teams.retain(|link| link.kind == b"team");
    if teams.is_empty() {
        return Ok(());
    }
    let mut netlink = Netlink::open(netlink::GENERIC)?;
    let Some(family) = generic_family(search, &mut netlink, "team")? else { return Ok(()) };
    for team in teams {
        let mut request = vec![GET_OPTIONS, 1, 0, 0, 8, 0];
        request.extend(INDEX.to_ne_bytes());
        request.extend(team.index.to_ne_bytes());
        let mut mode = None;
        netlink.get(search, family, &request, |_, payload| {
            mode = mode.take().or_else(|| mode_of(payload));
        })?;
        let Some(mode) = mode.filter(|mode| modes.contains(mode)) else { continue };
        let command = format!("ip link del {}", team.name.word());
        let object = NetworkObject::Team { interface: team.name, mode: mode.into() };
        list.push(Holder::in_network(object).ended_by(command));
    }
    Ok(())
}

/// The value of the option `mode`.
fn mode_of(payload: &[u8]) -> Option<Vec<u8>> {
    const LIST: u16 = 2;
    const NAME: u16 = 1;
    const DATA: u16 = 4;
    let list = attribute(payload.get(HEADER..)?, LIST)?;
    let mut options = Attributes::new(list).map(|(_, option)| option);
    let mode = options.find(|option| attribute(option, NAME).map(text) == Some(b"mode"))?;
    attribute(mode, DATA).map(|value| text(value).to_vec())
}

/// `L2TP_CMD_TUNNEL_GET` and `L2TP_CMD_SESSION_GET` of `linux/l2tp.h`.
const GET_TUNNEL: u8 = 4;
const GET_SESSION: u8 = 8;

/// Each Ethernet session holds `l2tp_eth` (`l2tp_eth_create`), each tunnel over plain IP a socket
/// of `l2tp_ip`.
pub(in crate::holders) fn l2tp(search: &Search<'_>) -> Vec<Holder> {
    let command = match search.name() {
        b"l2tp_eth" => GET_SESSION,
        b"l2tp_ip" | b"l2tp_ip6" => GET_TUNNEL,
        _ => return Vec::new(),
    };
    in_each(search, |search| {
        let mut list = Vec::new();
        let result = Netlink::open(netlink::GENERIC).and_then(|mut netlink| {
            let Some(family) = generic_family(search, &mut netlink, "l2tp")? else { return Ok(()) };
            netlink.dump(search, family, &[command, 1, 0, 0], |_, payload| {
                list.extend(l2tp_object(payload, search.name()));
            })
        });
        note(search, "L2TP sessions", result);
        list
    })
}

fn l2tp_object(payload: &[u8], module: &[u8]) -> Option<Holder> {
    /// Attributes of `linux/l2tp.h`.
    const PSEUDO_WIRE: u16 = 1;
    const ENCAPSULATION: u16 = 2;
    const INTERFACE: u16 = 8;
    const TUNNEL: u16 = 9;
    const SESSION: u16 = 11;
    const IP6_SOURCE: u16 = 31;
    const ETHERNET: u16 = 5;
    const IP: u16 = 1;
    let attributes = payload.get(HEADER..)?;
    let value = |kind| attribute(attributes, kind);
    let tunnel = number(value(TUNNEL)?, 0)?;
    if payload.first() == Some(&GET_SESSION) || value(SESSION).is_some() {
        let session = number(value(SESSION)?, 0)?;
        if value(PSEUDO_WIRE).and_then(short) != Some(ETHERNET) {
            return None;
        }
        let interface = value(INTERFACE).map(text).map(Text::from);
        let object = NetworkObject::L2tp { tunnel, session: Some(session), interface };
        let command = format!("ip l2tp del session tunnel_id {tunnel} session_id {session}");
        return Some(Holder::in_network(object).ended_by(command));
    }
    let is_six = value(IP6_SOURCE).is_some();
    if value(ENCAPSULATION).and_then(short) != Some(IP) || is_six != (module == b"l2tp_ip6") {
        return None;
    }
    let object = NetworkObject::L2tp { tunnel, session: None, interface: None };
    let command = format!("ip l2tp del tunnel tunnel_id {tunnel}");
    // The socket holds it once for its operations and once for its protocol.
    Some(Holder::in_network(object).with_references(2).ended_by(command))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::holders::netlink::with;

    #[test]
    fn the_mode_of_a_team() {
        let option = |name: &[u8], data: &[u8]| with(1, &[with(1, name), with(4, data)].concat());
        let list = [option(b"other\0", b"x\0"), option(b"mode\0", b"roundrobin\0")].concat();
        let message = [vec![2, 1, 0, 0], with(2, &list)].concat();
        assert_eq!(mode_of(&message), Some(b"roundrobin".to_vec()));
        assert_eq!(mode_of(&message[..9]), None);
        assert_eq!(mode_of(&[]), None);
    }

    #[test]
    fn sessions_and_tunnels() {
        let tunnel = with(9, &4u32.to_ne_bytes());
        let session = [
            vec![8, 1, 0, 0],
            tunnel.clone(),
            with(11, &5u32.to_ne_bytes()),
            with(1, &5u16.to_ne_bytes()),
            with(8, b"l2tpeth0\0"),
        ];
        let found = l2tp_object(&session.concat(), b"l2tp_eth").unwrap();
        let expected = "L2TP session 5 of tunnel 4 exists (interface l2tpeth0)";
        assert_eq!(found.kind.to_string(), expected);
        let plain = [vec![4, 1, 0, 0], tunnel, with(2, &1u16.to_ne_bytes())].concat();
        assert_eq!(l2tp_object(&plain, b"l2tp_ip").unwrap().references, 2);
        assert_eq!(l2tp_object(&plain, b"l2tp_ip6"), None);
    }
}
