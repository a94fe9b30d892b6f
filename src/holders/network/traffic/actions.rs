//! Actions of filters, and those that no filter uses.

use super::Item;
use super::filters::{actions_of, all_filters, deletion, place};
use crate::holders::namespaces::in_each;
use crate::holders::netlink::{self, Attributes, Netlink, attribute, note, number, text};
use crate::holders::network::links::links;
use crate::holders::network::objects::NetworkObject;
use crate::holders::search::Search;
use crate::holders::{Holder, Text};

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
            found = all.iter().map(|action| holder(action, &filters, &links)).collect();
            Ok(())
        });
        note(search, "traffic actions", result);
        found
    })
}

#[derive(Debug, PartialEq, Eq)]
struct Action {
    kind: Vec<u8>,
    index: u32,
    /// Whether it was made by itself, and so stays without filters.
    stays: bool,
}

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

/// An action with its parameters, which begin with the index.
fn action(bytes: &[u8]) -> Option<Action> {
    let kind = text(attribute(bytes, KIND)?);
    let options = attribute(bytes, OPTIONS)?;
    // The number of this attribute, by kind; the other is the times.
    let number_of_parameters = match kind {
        b"connmark" | b"csum" | b"ct" | b"ife" | b"nat" | b"police" => 1,
        b"ctinfo" | b"ipt" | b"xt" => 3,
        _ => 2,
    };
    let parameters = attribute(options, number_of_parameters)?;
    // `refcnt` and `bindcnt` of `tc_gen` and of `struct tc_police`.
    let counts = if kind == b"police" { 44 } else { 12 };
    let stays = number(parameters, counts) > number(parameters, counts + 4);
    Some(Action { kind: kind.to_vec(), index: number(parameters, 0)?, stays })
}

/// The filters that use an action.
fn users<'a>(own: &Action, filters: &'a [Item]) -> Vec<&'a Item> {
    let uses = |filter: &&Item| {
        actions_of(filter)
            .filter_map(|(_, bytes)| action(bytes))
            .any(|found| found.kind == own.kind && found.index == own.index)
    };
    filters.iter().filter(uses).collect()
}

fn holder(own: &Action, filters: &[Item], links: &[super::super::links::Link]) -> Holder {
    let action = Text::from(own.kind.as_slice());
    let users = users(own, filters);
    let interface = users.first().map(|filter| place(filter, links).0);
    let mut commands: Vec<_> =
        users.iter().map(|filter| deletion(filter, &place(filter, links).1)).collect();
    commands.dedup();
    if own.stays || commands.is_empty() {
        // Filters let go of their actions some time after they are deleted (`tcf_queue_work`), and
        // until then an action cannot be.
        if !commands.is_empty() {
            commands.push("sleep 1".to_owned());
        }
        commands.push(format!("tc actions del action {} index {}", action.word(), own.index));
    }
    // Connection tracking holds it once more for the table of a zone (`tcf_ct_flow_table_get`).
    let may_take_two = own.kind == b"ct";
    let object = NetworkObject::Action { action, index: own.index, interface };
    Holder { may_take_two, ..Holder::in_network(object).ended_by(commands.join("; ")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::holders::netlink::with;

    fn police(index: u32, counts: [u32; 2]) -> Vec<u8> {
        let mut parameters = index.to_ne_bytes().to_vec();
        parameters.resize(44, 0);
        parameters.extend(counts.iter().flat_map(|count| count.to_ne_bytes()));
        parameters.resize(56, 0);
        [with(KIND, b"police\0"), with(OPTIONS, &with(1, &parameters))].concat()
    }

    fn filter(preference: u32, chain: u32) -> Item {
        let (index, handle, parent) = (2, 1, 0xffff_0000);
        let options = with(2, &with(1, &police(7, [1, 1])));
        Item {
            index,
            handle,
            parent,
            info: preference << 16,
            kind: b"matchall".to_vec(),
            chain,
            options,
        }
    }

    #[test]
    fn actions_with_and_without_filters() {
        let own = action(&police(7, [1, 1])).unwrap();
        assert_eq!((own.kind.as_slice(), own.index, own.stays), (&b"police"[..], 7, false));
        assert_eq!(action(&with(KIND, b"police\0")), None);
        let free = holder(&own, &[], &[]);
        assert_eq!(free.kind.to_string(), "action police index 7 exists (no filter uses it)");
        assert!(
            users(&Action { index: 8, ..action(&police(7, [1, 1])).unwrap() }, &[filter(3, 0)])
                .is_empty()
        );
        let fix = |own: &Action, filters: &[Item]| {
            format!("{:?}", holder(own, filters, &[]).way_out.unwrap())
        };
        let first = "tc filter del dev if2 parent ffff: pref 3";
        assert_eq!(fix(&own, &[filter(3, 0)]), format!("Command(\"{first}\")"));
        let second = "tc filter del dev if2 parent ffff: chain 5 pref 4";
        assert_eq!(
            fix(&own, &[filter(3, 0), filter(4, 5)]),
            format!("Command(\"{first}; {second}\")")
        );
        // Made before the filter was.
        let own = action(&police(7, [2, 1])).unwrap();
        let last = "tc actions del action police index 7";
        assert_eq!(fix(&own, &[filter(3, 0)]), format!("Command(\"{first}; sleep 1; {last}\")"));
    }

    #[test]
    fn a_request_for_a_kind() {
        let body = request(b"gact");
        let list = attribute(&body[HEADER..], TABLE).unwrap();
        assert_eq!(attribute(attribute(list, 1).unwrap(), KIND).map(text), Some(&b"gact"[..]));
    }
}
