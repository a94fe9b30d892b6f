//! Actions of filters, and those that no filter uses.

use super::Item;
use super::filters::{actions_of, all_filters, place};
use crate::holders::Holder;
use crate::holders::namespaces::in_each;
use crate::holders::netlink::{self, Attributes, Netlink, attribute, note, number, text};
use crate::holders::network::links::links;
use crate::holders::network::objects::NetworkObject;
use crate::holders::search::Search;

/// `RTM_GETACTION` of `linux/rtnetlink.h`.
const GET_ACTION: u16 = 50;
/// The length of `struct tcamsg`.
const HEADER: usize = 4;
/// `TCA_ROOT_TAB`, the list of actions.
const TABLE: u16 = 1;
/// Attributes of an action, of `linux/pkt_cls.h`.
const KIND: u16 = 1;
const OPTIONS: u16 = 2;

/// Each action holds its module as long as it exists (`tcf_action_init_1` in
/// `net/sched/act_api.c`), however many filters use it.
pub(in crate::holders) fn actions(search: &Search<'_>) -> Vec<Holder> {
    let kinds = search.suffixes("net-act-", "act_");
    if kinds.is_empty() {
        return Vec::new();
    }
    in_each(search, |search| {
        let mut found = Vec::new();
        let result = Netlink::open(netlink::ROUTE).and_then(|mut netlink| {
            let mut all = Vec::new();
            for kind in &kinds {
                // The kernel does not know a kind that is not in use.
                let _ = netlink.dump(search, GET_ACTION, &request(kind), |_, payload| {
                    let table = attribute(payload.get(HEADER..).unwrap_or_default(), TABLE);
                    all.extend(
                        Attributes::new(table.unwrap_or_default()).filter_map(|(_, a)| action(a)),
                    );
                });
            }
            if all.is_empty() {
                return Ok(());
            }
            let filters = all_filters(search, &mut netlink)?;
            let links = links(search, &mut netlink)?;
            found =
                all.iter().map(|action| holder(action, user(action, &filters), &links)).collect();
            Ok(())
        });
        note(search, "traffic actions", result);
        found
    })
}

type Action = (Vec<u8>, u32);

fn request(kind: &[u8]) -> Vec<u8> {
    let mut body = vec![0; HEADER];
    let padded = kind.len().saturating_add(1).next_multiple_of(4);
    for (kind, length) in [(TABLE, padded + 8), (1, padded + 4), (KIND, padded)] {
        let length = u16::try_from(length + 4).unwrap_or(u16::MAX);
        body.extend(length.to_ne_bytes());
        body.extend(kind.to_ne_bytes());
    }
    body.extend(kind);
    body.resize(HEADER + 12 + padded, 0);
    body
}

/// The kind and the index of an action: the index is the first field of its parameters.
fn action(bytes: &[u8]) -> Option<Action> {
    let kind = text(attribute(bytes, KIND)?);
    let options = attribute(bytes, OPTIONS)?;
    // The number of this attribute, by kind; the other is the times.
    let parameters = match kind {
        b"connmark" | b"csum" | b"ct" | b"ife" | b"nat" | b"police" => 1,
        b"ctinfo" | b"ipt" | b"xt" => 3,
        _ => 2,
    };
    Some((kind.to_vec(), number(attribute(options, parameters)?, 0)?))
}

/// A filter that uses an action.
fn user<'a>((kind, index): &Action, filters: &'a [Item]) -> Option<&'a Item> {
    filters.iter().find(|filter| {
        actions_of(filter)
            .filter_map(|(_, bytes)| action(bytes))
            .any(|found| found.0 == *kind && found.1 == *index)
    })
}

fn holder(
    (kind, index): &Action,
    user: Option<&Item>,
    links: &[super::super::links::Link],
) -> Holder {
    let action = crate::holders::Text::from(kind.as_slice());
    let (interface, command) = match user {
        Some(filter) => {
            let (interface, place) = place(filter, links);
            (Some(interface), format!("tc filter del {place} pref {}", filter.info >> 16))
        }
        None => (None, format!("tc actions del action {} index {index}", action.word())),
    };
    Holder::in_network(NetworkObject::Action { action, index: *index, interface }).ended_by(command)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::holders::netlink::with;

    fn police(index: u32) -> Vec<u8> {
        let mut parameters = index.to_ne_bytes().to_vec();
        parameters.resize(56, 0);
        [with(KIND, b"police\0"), with(OPTIONS, &with(1, &parameters))].concat()
    }

    #[test]
    fn actions_with_and_without_a_filter() {
        assert_eq!(action(&police(7)), Some((b"police".to_vec(), 7)));
        assert_eq!(action(&with(KIND, b"police\0")), None);
        let free = holder(&(b"police".to_vec(), 7), None, &[]);
        assert_eq!(free.kind.to_string(), "action police index 7 exists (no filter uses it)");
        let filter = Item {
            index: 2,
            handle: 1,
            parent: 0xffff_0000,
            info: 3 << 16,
            kind: b"matchall".to_vec(),
            chain: 0,
            options: with(2, &with(1, &police(7))),
        };
        let filters = [filter];
        assert!(user(&(b"police".to_vec(), 8), &filters).is_none());
        let used = user(&(b"police".to_vec(), 7), &filters);
        let fix = holder(&(b"police".to_vec(), 7), used, &[]).way_out.unwrap();
        assert!(format!("{fix:?}").contains("tc filter del dev if2 parent ffff: pref 3"));
    }

    #[test]
    fn a_request_for_a_kind() {
        let body = request(b"gact");
        let list = attribute(&body[HEADER..], TABLE).unwrap();
        assert_eq!(attribute(attribute(list, 1).unwrap(), KIND).map(text), Some(&b"gact"[..]));
    }
}
