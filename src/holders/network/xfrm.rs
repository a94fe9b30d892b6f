//! Security associations of `IPsec`.

use rustix::io::Errno;

use super::objects::NetworkObject;
use super::routes::shown;
use crate::holders::namespaces::in_each;
use crate::holders::netlink::{self, Attributes, Netlink, big_endian_u32, note, text};
use crate::holders::search::Search;
use crate::holders::sockets::is_registered;
use crate::holders::{Certainty, Holder, Text};

/// `XFRM_MSG_GETSA` of `linux/xfrm.h`.
const GET_STATE: u16 = 0x12;
/// Offsets in `struct xfrm_usersa_info`, and its length.
const DESTINATION: usize = 56;
const SPI: usize = 72;
const PROTOCOL: usize = 76;
const SOURCE: usize = 80;
const FAMILY: usize = 212;
const LENGTH: usize = 224;
/// Attributes with algorithms, whose name comes first: `XFRMA_ALG_AUTH`, `_CRYPT`, `_COMP`,
/// `_AEAD`, `_AUTH_TRUNC`. The keys that follow are not read.
const ALGORITHMS: [u16; 5] = [1, 2, 3, 18, 20];
const NAME_LENGTH: usize = 64;

/// A security association.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::holders) struct State {
    family: u16,
    protocol: u8,
    spi: u32,
    source: String,
    destination: String,
    algorithms: Vec<Vec<u8>>,
}

/// A `struct xfrm_usersa_info` with attributes.
fn parse(payload: &[u8]) -> Option<State> {
    let family = payload.get(FAMILY..)?.first_chunk().map(|&bytes| u16::from_ne_bytes(bytes))?;
    let short = u8::try_from(family).ok()?;
    let address = |offset: usize| Some(shown(short, payload.get(offset..offset + 16)?));
    let attributes = Attributes::after(LENGTH, payload);
    let algorithms = attributes.filter(|(kind, _)| ALGORITHMS.contains(kind));
    Some(State {
        family,
        protocol: *payload.get(PROTOCOL)?,
        spi: big_endian_u32(payload.get(SPI..)?)?,
        source: address(SOURCE)?,
        destination: address(DESTINATION)?,
        algorithms: algorithms
            .map(|(_, value)| text(value.get(..NAME_LENGTH).unwrap_or(value)).to_vec())
            .collect(),
    })
}

fn states(search: &Search<'_>) -> Result<Vec<State>, Errno> {
    let mut list = Vec::new();
    // The kernel would load the module of the protocol.
    if is_registered(search, netlink::XFRM) {
        let mut netlink = Netlink::open(netlink::XFRM)?;
        netlink.dump(search, GET_STATE, &[], |_, payload| list.extend(parse(payload)))?;
    }
    Ok(list)
}

/// Each state holds the module of its protocol and that of its offload (`__xfrm_init_state`).
pub(in crate::holders) fn of_protocol(search: &Search<'_>) -> Vec<Holder> {
    if !search.is_kind("xfrm-", &[]) {
        return Vec::new();
    }
    in_each(search, |search| {
        let states = states(search);
        let list = states.as_deref().unwrap_or_default().iter();
        let own = list.filter(|state| {
            let State { family, protocol, .. } = state;
            ["type", "offload"]
                .iter()
                .any(|what| search.provides(&[&format!("xfrm-{what}-{family}-{protocol}")], &[]))
        });
        let found = own.map(|state| holder(state, None)).collect();
        note(search, "IPsec states", states.map(|_| ()));
        found
    })
}

/// States that use an algorithm; which references are theirs, the algorithm's own count tells.
pub(in crate::holders) fn using(search: &Search<'_>, names: &[Vec<u8>]) -> Vec<Holder> {
    in_each(search, |search| {
        let states = states(search);
        let list = states.as_deref().unwrap_or_default().iter();
        let found = list.filter_map(|state| {
            let used = state.algorithms.iter().find(|used| {
                names
                    .iter()
                    .any(|name| !name.is_empty() && contains(used, name) || contains(name, used))
            })?;
            let holder = holder(state, Some(used.as_slice().into()));
            Some(holder.with_references(0).with_certainty(Certainty::Likely))
        });
        let found = found.collect();
        note(search, "IPsec states", states.map(|_| ()));
        found
    })
}

/// Whether an algorithm is part of another: `sha1` is of `hmac(sha1)`.
pub(in crate::holders) fn contains(whole: &[u8], part: &[u8]) -> bool {
    let is_word = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    !part.is_empty()
        && whole.windows(part.len()).enumerate().any(|(start, found)| {
            found == part
                && !is_word(start.checked_sub(1).and_then(|before| whole.get(before)))
                && !is_word(whole.get(start + part.len()))
        })
}

fn holder(state: &State, algorithm: Option<Text>) -> Holder {
    let protocol = match state.protocol {
        50 => "esp".to_owned(),
        51 => "ah".to_owned(),
        108 => "comp".to_owned(),
        4 | 41 => "ipip".to_owned(),
        other => other.to_string(),
    };
    let State { source, destination, spi, .. } = state;
    let command = match protocol.as_str() {
        // The kernel made it for one that compresses.
        "ipip" => format!("ip xfrm state deleteall src {source} dst {destination} proto comp"),
        _ => format!(
            "ip xfrm state delete src {source} dst {destination} proto {protocol} spi 0x{spi:08x}"
        ),
    };
    let object = NetworkObject::XfrmState {
        source: source.as_str().into(),
        destination: destination.as_str().into(),
        protocol: protocol.into(),
        spi: format!("0x{spi:08x}").into(),
        algorithm,
    };
    Holder::in_network(object).ended_by(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_with_an_algorithm() {
        let mut message = vec![0; LENGTH];
        message[DESTINATION..DESTINATION + 4].copy_from_slice(&[10, 0, 0, 2]);
        message[SPI..SPI + 4].copy_from_slice(&[0, 0, 1, 1]);
        message[PROTOCOL] = 50;
        message[SOURCE..SOURCE + 4].copy_from_slice(&[10, 0, 0, 1]);
        message[FAMILY..FAMILY + 2].copy_from_slice(&2u16.to_ne_bytes());
        let mut algorithm = b"hmac(sha1)".to_vec();
        algorithm.resize(NAME_LENGTH + 8, 0);
        message.extend(u16::try_from(algorithm.len() + 4).unwrap().to_ne_bytes());
        message.extend(1u16.to_ne_bytes());
        message.extend(algorithm);
        let state = parse(&message).unwrap();
        assert_eq!(state.algorithms, [b"hmac(sha1)".to_vec()]);
        let holder = holder(&state, None);
        let expected = "IPsec state 10.0.0.1 to 10.0.0.2 (esp, SPI 0x00000101) exists";
        assert_eq!(holder.kind.to_string(), expected);
        for length in [0, 57, FAMILY, FAMILY + 1] {
            assert_eq!(parse(&message[..length]), None);
        }
    }

    #[test]
    fn parts_of_algorithms() {
        assert!(contains(b"authenc(hmac(sha1),cbc(aes))", b"sha1"));
        assert!(contains(b"gcm(aes)", b"gcm(aes)"));
        assert!(!contains(b"hmac(sha1)", b"sha"));
        assert!(!contains(b"hmac(sha1)", b""));
    }
}
