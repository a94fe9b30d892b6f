//! Rules, chains, sets, objects and flow tables of nft(8).

mod expressions;

use std::collections::BTreeMap;

use rustix::io::Errno;

use self::expressions::Counter;
pub(super) use self::expressions::has_extension;
use super::objects::NetfilterObject;
use super::{HEADER, InChains, family, open};
use crate::holders::namespaces::in_each;
use crate::holders::netlink::{Attributes, Netlink, attribute, big_endian_u32, note, text};
use crate::holders::search::Search;
use crate::holders::{Holder, Text};

/// Messages of subsystem `NFNL_SUBSYS_NFTABLES`, of `linux/netfilter/nf_tables.h`.
const SUBSYSTEM: u16 = 10 << 8;
const GET_CHAIN: u16 = SUBSYSTEM + 4;
const GET_RULE: u16 = SUBSYSTEM + 7;
const GET_SET: u16 = SUBSYSTEM + 10;
const GET_ELEMENT: u16 = SUBSYSTEM + 13;
const GET_OBJECT: u16 = SUBSYSTEM + 19;
const GET_FLOWTABLE: u16 = SUBSYSTEM + 23;

/// The first two attributes of most messages.
const TABLE: u16 = 1;
const NAME: u16 = 2;

/// Whatever of the module nftables uses: each expression of a rule holds the module of its type
/// (`nf_tables_expr_parse`), each base chain that of its type, and so on.
pub(in crate::holders) fn nftables(search: &Search<'_>) -> Vec<Holder> {
    let counter = Counter::of(search);
    if !counter.is_concerned() {
        return Vec::new();
    }
    in_each(search, |search| {
        let mut list = Vec::new();
        let result = open(search, "nf_tables").and_then(|netlink| match netlink {
            Some(mut netlink) => ask(search, &counter, &mut netlink, &mut list),
            None => Ok(()),
        });
        note(search, "nftables", result);
        list
    })
}

fn ask(
    search: &Search<'_>,
    counter: &Counter<'_>,
    netlink: &mut Netlink,
    list: &mut Vec<Holder>,
) -> Result<(), Errno> {
    let mut rules = Rules::default();
    netlink.dump(search, GET_RULE, &[0; HEADER], |_, payload| rules.add(counter, payload))?;
    list.extend(rules.holder());
    netlink.dump(search, GET_CHAIN, &[0; HEADER], |_, payload| {
        list.extend(chain(counter, payload));
    })?;
    netlink.dump(search, GET_OBJECT, &[0; HEADER], |_, payload| {
        list.extend(object(counter, payload));
    })?;
    netlink.dump(search, GET_FLOWTABLE, &[0; HEADER], |_, payload| {
        list.extend(flowtable(counter, payload));
    })?;
    let mut sets = Vec::new();
    netlink.dump(search, GET_SET, &[0; HEADER], |_, payload| sets.extend(set(counter, payload)))?;
    for set in sets {
        let mut count = set.count;
        netlink.dump(search, GET_ELEMENT, &set.request(), |_, payload| {
            count += elements(counter, payload, set.place.family);
        })?;
        list.push(set.holder(count));
    }
    Ok(())
}

/// Where something is: the family and the name of its table, and its own name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    family: u8,
    table: Vec<u8>,
    name: Vec<u8>,
}

impl Place {
    /// Reads the header and the attributes that all have, the name being of type `name`.
    fn read(payload: &[u8], name: u16) -> Option<Self> {
        let attributes = payload.get(HEADER..)?;
        let value = |kind| attribute(attributes, kind).map(|value| text(value).to_vec());
        Some(Self { family: *payload.first()?, table: value(TABLE)?, name: value(name)? })
    }

    fn family(&self) -> Text {
        family(self.family).into()
    }

    fn table(&self) -> Text {
        self.table.as_slice().into()
    }

    fn name(&self) -> Text {
        self.name.as_slice().into()
    }

    /// As operands of nft(8).
    fn words(&self) -> String {
        format!("{} {} {}", family(self.family), self.table().word(), self.name().word())
    }
}

/// What the rules of a chain use.
#[derive(Default)]
struct Chain {
    rules: u64,
    references: u64,
    /// The handle of the first of these rules.
    handle: u64,
}

/// The rules that use the module, by chain: there can be a hundred thousand.
#[derive(Default)]
struct Rules(BTreeMap<Place, Chain>);

impl Rules {
    fn add(&mut self, counter: &Counter<'_>, payload: &[u8]) {
        const CHAIN: u16 = 2;
        const HANDLE: u16 = 3;
        const EXPRESSIONS: u16 = 4;
        let attributes = payload.get(HEADER..).unwrap_or_default();
        let list = attribute(attributes, EXPRESSIONS).unwrap_or_default();
        let count = counter.expressions(list, payload.first().copied().unwrap_or_default());
        let Some(place) = Place::read(payload, CHAIN).filter(|_| count > 0) else { return };
        let handle = attribute(attributes, HANDLE).and_then(<[u8]>::first_chunk);
        let chain = self.0.entry(place).or_insert_with(|| Chain {
            handle: handle.map_or(0, |&bytes| u64::from_be_bytes(bytes)),
            ..Chain::default()
        });
        chain.rules += 1;
        chain.references += count;
    }

    /// One holder for all rules of the namespace.
    fn holder(self) -> Option<Holder> {
        let mut found = InChains::default();
        for (place, chain) in self.0 {
            let command = match chain.rules {
                1 => format!("nft delete rule {} handle {}", place.words(), chain.handle),
                _ => format!("nft flush chain {}", place.words()),
            };
            let name = [family(place.family).as_bytes(), &place.table, &place.name].join(&b' ');
            found.add(name.into(), chain.rules, chain.references, command);
        }
        found.holder(|rules, chains| NetfilterObject::NftRules { rules, chains })
    }
}

fn chain(counter: &Counter<'_>, payload: &[u8]) -> Option<Holder> {
    const CHAIN: u16 = 3;
    const TYPE: u16 = 7;
    let kind = text(attribute(payload.get(HEADER..)?, TYPE)?);
    let place = Place::read(payload, CHAIN)?;
    if !counter.has_chain_type(place.family, kind) {
        return None;
    }
    let command = format!("nft delete chain {}", place.words());
    let (family, table, chain) = (place.family(), place.table(), place.name());
    let object = NetfilterObject::NftChain { family, table, chain };
    Some(Holder::in_netfilter(object).ended_by(command))
}

/// Kinds of objects by number, as nft(8) names them.
const OBJECTS: [&str; 11] = [
    "object",
    "counter",
    "quota",
    "ct helper",
    "limit",
    "ct limit",
    "tunnel",
    "ct timeout",
    "secmark",
    "ct expectation",
    "synproxy",
];

fn object(counter: &Counter<'_>, payload: &[u8]) -> Option<Holder> {
    const TYPE: u16 = 3;
    const DATA: u16 = 4;
    let attributes = payload.get(HEADER..)?;
    let number = big_endian_u32(attribute(attributes, TYPE)?)?;
    let data = attribute(attributes, DATA).unwrap_or_default();
    let count = counter.object(number, data);
    let place = Place::read(payload, NAME).filter(|_| count > 0)?;
    let index = usize::try_from(number).unwrap_or_default();
    let kind = OBJECTS.get(index).copied().unwrap_or("object");
    let command = format!("nft delete {kind} {}", place.words());
    let (family, table, name) = (place.family(), place.table(), place.name());
    let object = NetfilterObject::NftObject { family, table, name, kind: kind.into() };
    Some(Holder::in_netfilter(object).with_references(count).ended_by(command))
}

fn flowtable(counter: &Counter<'_>, payload: &[u8]) -> Option<Holder> {
    let place = Place::read(payload, NAME)?;
    if !counter.has_flowtable(place.family) {
        return None;
    }
    let command = format!("nft delete flowtable {}", place.words());
    let (family, table, name) = (place.family(), place.table(), place.name());
    let object = NetfilterObject::NftFlowtable { family, table, name };
    Some(Holder::in_netfilter(object).ended_by(command))
}

/// A set whose elements have expressions of the module.
struct Set {
    place: Place,
    count: u64,
}

impl Set {
    /// Asks for the elements.
    fn request(&self) -> Vec<u8> {
        let mut body = vec![self.place.family, 0, 0, 0];
        for (kind, name) in [(TABLE, &self.place.table), (NAME, &self.place.name)] {
            let length = u16::try_from(name.len().saturating_add(5)).unwrap_or(u16::MAX);
            body.extend(length.to_ne_bytes());
            body.extend(kind.to_ne_bytes());
            body.extend(name);
            body.push(0);
            body.resize(body.len().next_multiple_of(4), 0);
        }
        body
    }

    fn holder(self, count: u64) -> Holder {
        let command = format!("nft flush set {}", self.place.words());
        let place = self.place;
        let (family, table, name) = (place.family(), place.table(), place.name());
        let object = NetfilterObject::NftSet { family, table, name };
        Holder::in_netfilter(object).with_references(count).ended_by(command)
    }
}

fn set(counter: &Counter<'_>, payload: &[u8]) -> Option<Set> {
    const EXPRESSION: u16 = 17;
    const EXPRESSIONS: u16 = 18;
    let attributes = payload.get(HEADER..)?;
    let place = Place::read(payload, NAME)?;
    let of = |kind| attribute(attributes, kind).unwrap_or_default();
    let count = match counter.expressions(of(EXPRESSIONS), place.family) {
        0 => counter.expression(of(EXPRESSION), place.family),
        count => count,
    };
    (count > 0).then_some(Set { place, count })
}

/// References of the elements in one message: each has copies of the set's expressions.
fn elements(counter: &Counter<'_>, payload: &[u8], family: u8) -> u64 {
    const ELEMENTS: u16 = 3;
    const EXPRESSION: u16 = 7;
    const EXPRESSIONS: u16 = 11;
    let list = payload.get(HEADER..).and_then(|attributes| attribute(attributes, ELEMENTS));
    let elements = Attributes::new(list.unwrap_or_default());
    let count = elements.map(|(_, element)| {
        let of = |kind| attribute(element, kind).unwrap_or_default();
        match counter.expressions(of(EXPRESSIONS), family) {
            0 => counter.expression(of(EXPRESSION), family),
            count => count,
        }
    });
    count.sum()
}

#[cfg(test)]
mod tests;
