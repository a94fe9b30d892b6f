//! Rules, chains, sets, objects and flow tables of nft(8).

mod expressions;
mod parts;

use std::collections::BTreeMap;

use rustix::io::Errno;

use self::expressions::Counter;
pub(super) use self::expressions::has_extension;
use self::parts::Part;
use super::objects::NetfilterObject;
use super::{HEADER, InChains, family, open};
use crate::holders::namespaces::in_each;
use crate::holders::netlink::{Netlink, attribute, note, text};
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
    let mut parts = Vec::new();
    netlink.dump(search, GET_OBJECT, &[0; HEADER], |_, payload| {
        parts.extend(parts::object(counter, payload));
    })?;
    netlink.dump(search, GET_FLOWTABLE, &[0; HEADER], |_, payload| {
        parts.extend(parts::flowtable(counter, payload));
    })?;
    netlink.dump(search, GET_SET, &[0; HEADER], |_, payload| {
        parts.extend(parts::set(counter, payload));
    })?;
    for set in parts.iter_mut().filter(|part| part.is_set()) {
        let mut count = 0;
        netlink.dump(search, GET_ELEMENT, &set.request(), |_, payload| {
            count += parts::elements(counter, payload, set.place.family);
        })?;
        set.count += count;
    }
    parts.retain(|part| part.is_set() || part.count > 0);
    if !parts.is_empty() {
        netlink.dump(search, GET_RULE, &[0; HEADER], |_, payload| {
            for part in &mut parts {
                part.add_user(payload);
            }
        })?;
        list.extend(parts.into_iter().filter_map(Part::holder));
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

#[cfg(test)]
mod tests;
