//! Objects, sets and flow tables, which cannot be deleted as long as rules use them.

use super::expressions::Counter;
use super::{HEADER, NAME, NetfilterObject, Place, TABLE};
use crate::holders::netlink::{Attributes, attribute, big_endian_u32, text};
use crate::holders::{Holder, Text};

/// Something in a table that uses the module.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) place: Place,
    /// What nft(8) calls it.
    kind: &'static str,
    /// The references that it takes.
    pub(super) count: u64,
    /// Expressions of the module that a set gives to its elements; each rule that adds elements has
    /// copies of its own (`nft_dynset_init`), which the kernel does not show.
    expressions: u64,
    /// The rules that use it, each as a chain and a handle.
    users: Vec<(Vec<u8>, u64)>,
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

pub(super) fn object(counter: &Counter<'_>, payload: &[u8]) -> Option<Part> {
    const TYPE: u16 = 3;
    const DATA: u16 = 4;
    let attributes = payload.get(HEADER..)?;
    let number = big_endian_u32(attribute(attributes, TYPE)?)?;
    let data = attribute(attributes, DATA).unwrap_or_default();
    let count = counter.object(number, data);
    let place = Place::read(payload, NAME).filter(|_| count > 0)?;
    let index = usize::try_from(number).unwrap_or_default();
    let kind = OBJECTS.get(index).copied().unwrap_or("object");
    Some(Part::new(place, kind, count))
}

pub(super) fn flowtable(counter: &Counter<'_>, payload: &[u8]) -> Option<Part> {
    let place = Place::read(payload, NAME)?;
    let own = counter.has_flowtable(place.family);
    own.then(|| Part::new(place, "flowtable", 1))
}

/// A set with expressions of the module, or one whose elements can have some that rules add.
pub(super) fn set(counter: &Counter<'_>, payload: &[u8]) -> Option<Part> {
    const FLAGS: u16 = 3;
    const EXPRESSION: u16 = 17;
    const EXPRESSIONS: u16 = 18;
    /// `NFT_SET_MAP` and `NFT_SET_EVAL` of `linux/netfilter/nf_tables.h`.
    const MAP: u32 = 0x8;
    const EVALUATED: u32 = 0x20;
    let attributes = payload.get(HEADER..)?;
    let place = Place::read(payload, NAME)?;
    let expressions = references(counter, attributes, (EXPRESSION, EXPRESSIONS), place.family);
    let flags = attribute(attributes, FLAGS).and_then(big_endian_u32).unwrap_or_default();
    let kind = if flags & MAP == 0 { "set" } else { "map" };
    let own = expressions > 0 || flags & EVALUATED != 0;
    own.then(|| Part { expressions, ..Part::new(place, kind, expressions) })
}

/// References of the elements in one message: each has copies of the set's expressions.
pub(super) fn elements(counter: &Counter<'_>, payload: &[u8], family: u8) -> u64 {
    const ELEMENTS: u16 = 3;
    const EXPRESSION: u16 = 7;
    const EXPRESSIONS: u16 = 11;
    let list = payload.get(HEADER..).and_then(|attributes| attribute(attributes, ELEMENTS));
    let elements = Attributes::new(list.unwrap_or_default());
    let own = (EXPRESSION, EXPRESSIONS);
    elements.map(|(_, element)| references(counter, element, own, family)).sum()
}

/// References of the expressions in a list, or else of the only one: in attributes of their own.
fn references(
    counter: &Counter<'_>,
    attributes: &[u8],
    (one, list): (u16, u16),
    family: u8,
) -> u64 {
    let of = |kind| attribute(attributes, kind).unwrap_or_default();
    match counter.expressions(of(list), family) {
        0 => counter.expression(of(one), family),
        count => count,
    }
}

impl Part {
    fn new(place: Place, kind: &'static str, count: u64) -> Self {
        Self { place, kind, count, expressions: 0, users: Vec::new() }
    }

    pub(super) fn is_set(&self) -> bool {
        matches!(self.kind, "set" | "map")
    }

    /// Asks for the elements of a set.
    pub(super) fn request(&self) -> Vec<u8> {
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

    /// Notes a rule that uses it.
    pub(super) fn add_user(&mut self, payload: &[u8]) {
        const CHAIN: u16 = 2;
        const HANDLE: u16 = 3;
        const EXPRESSIONS: u16 = 4;
        if payload.first() != Some(&self.place.family) {
            return;
        }
        let attributes = payload.get(HEADER..).unwrap_or_default();
        let name = |kind| attribute(attributes, kind).map(text).unwrap_or_default();
        if name(TABLE) != self.place.table {
            return;
        }
        let list = attribute(attributes, EXPRESSIONS).unwrap_or_default();
        let expressions = Attributes::new(list).map(|(_, expression)| self.is_named_by(expression));
        let uses: Vec<_> = expressions.flatten().collect();
        if uses.is_empty() {
            return;
        }
        let adding = uses.iter().filter(|adds| **adds).count();
        self.count += self.expressions * u64::try_from(adding).unwrap_or_default();
        let handle = attribute(attributes, HANDLE).and_then(<[u8]>::first_chunk);
        let handle = handle.map_or(0, |&bytes| u64::from_be_bytes(bytes));
        self.users.push((name(CHAIN).to_vec(), handle));
    }

    /// Whether an expression names it, and then, whether it adds elements to it.
    fn is_named_by(&self, expression: &[u8]) -> Option<bool> {
        const DATA: u16 = 2;
        let kind = attribute(expression, 1).map(text)?;
        // The attribute with the name of a set, an object or a flow table.
        let name = match kind {
            b"lookup" | b"dynset" if self.is_set() => 1,
            b"objref" if self.is_set() => 4,
            b"objref" => 2,
            b"flow_offload" => 1,
            _ => return None,
        };
        let name = attribute(attribute(expression, DATA)?, name).map(text)?;
        (name == self.place.name).then_some(kind == b"dynset")
    }

    pub(super) fn holder(self) -> Option<Holder> {
        /// Rules beyond these are not deleted one by one.
        const RULES_MAX: usize = 8;
        if self.count == 0 {
            return None;
        }
        let family = self.place.family();
        let deletion = format!("nft delete {} {}", self.kind, self.place.words());
        let command = if self.users.len() > RULES_MAX {
            format!("nft delete table {family} {}", self.place.table().word())
        } else {
            let rules = self.users.iter().map(|(chain, handle)| {
                let chain = Place { name: chain.clone(), ..self.place.clone() };
                format!("nft delete rule {} handle {handle}", chain.words())
            });
            rules.chain([deletion]).collect::<Vec<_>>().join("; ")
        };
        let (table, name) = (self.place.table(), self.place.name());
        let kind = Text::from(self.kind);
        let object = match self.kind {
            "set" | "map" => NetfilterObject::NftSet { family, table, name },
            "flowtable" => NetfilterObject::NftFlowtable { family, table, name },
            _ => NetfilterObject::NftObject { family, table, name, kind },
        };
        Some(Holder::in_netfilter(object).with_references(self.count).ended_by(command))
    }
}
