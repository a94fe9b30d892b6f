//! Filters and their extended matches.

use std::collections::BTreeMap;

use rustix::io::Errno;

use super::{Item, all_qdiscs, is_own, item, request, shown_parent};
use crate::holders::namespaces::in_each;
use crate::holders::netlink::{self, Attributes, Netlink, attribute, note, text};
use crate::holders::network::links::{Link, links, name_of};
use crate::holders::network::objects::NetworkObject;
use crate::holders::search::Search;
use crate::holders::{Holder, Text};
use crate::order;

/// `RTM_GETTFILTER`, `RTM_GETCHAIN` and `RTM_GETTCLASS` of `linux/rtnetlink.h`.
const GET_FILTER: u16 = 46;
const GET_CHAIN: u16 = 102;
const GET_CLASS: u16 = 42;
/// `TCM_IFINDEX_MAGIC_BLOCK`: the filter is in a block that interfaces share.
const SHARED: u32 = u32::MAX;

/// Extended matches: number (`linux/pkt_cls.h`), name and module.
const EMATCHES: [(u16, &str, &str); 9] = [
    (1, "cmp", "em_cmp"),
    (2, "nbyte", "em_nbyte"),
    (3, "u32", "em_u32"),
    (4, "meta", "em_meta"),
    (5, "text", "em_text"),
    (6, "vlan", "em_vlan"),
    (7, "canid", "em_canid"),
    (8, "ipset", "em_ipset"),
    (9, "ipt", "em_ipt"),
];

/// A filter, or all that share a preference: the kernel has one object for these, which holds the
/// module (`tcf_proto_create` in `net/sched/cls_api.c`), and one for each match
/// (`tcf_em_validate` in `net/sched/ematch.c`).
pub(in crate::holders) fn filters(search: &Search<'_>) -> Vec<Holder> {
    if !search.is_kind("net-cls-", &["cls_", "em_", "ts_"]) && !search.is_kind("ematch-kind-", &[])
    {
        return Vec::new();
    }
    let algorithm = search.name().strip_prefix(b"ts_");
    let ematch = EMATCHES.iter().find(|(number, _, module)| {
        search.provides(&[&format!("ematch-kind-{number}")], &[module])
    });
    in_each(search, |search| {
        let mut found = Vec::new();
        let result = Netlink::open(netlink::ROUTE).and_then(|mut netlink| {
            let filters = all_filters(search, &mut netlink)?;
            let links = links(search, &mut netlink)?;
            if let Some(algorithm) = algorithm {
                let searches =
                    |&(kind, data): &(u16, &[u8])| kind == TEXT && searches(data, algorithm);
                found = matching(&filters, searches, "text", &links);
            } else if let Some(&(number, name, _)) = ematch {
                found = matching(&filters, |&(kind, _)| kind == number, name, &links);
            } else {
                let is_own = |item: &&Item| is_own(search, "cls", &item.kind);
                found = grouped(filters.iter().filter(is_own), &links);
                let chains = all(search, &mut netlink, GET_CHAIN)?;
                found.extend(chains.iter().filter(is_own).map(|chain| template(chain, &links)));
            }
            Ok(())
        });
        note(search, "traffic filters", result);
        found
    })
}

/// The filters of all queueing disciplines and classes.
pub(super) fn all_filters(search: &Search<'_>, netlink: &mut Netlink) -> Result<Vec<Item>, Errno> {
    all(search, netlink, GET_FILTER)
}

/// A chain with a template holds the module of its filters (`tc_chain_tmplt_add`).
fn template(chain: &Item, links: &[Link]) -> Holder {
    let (interface, place) = place(chain, links);
    let command = format!("tc chain del {place} chain {}", chain.chain);
    let parent = Text::from(shown_parent(chain.parent));
    let filter = chain.kind.as_slice().into();
    let object = NetworkObject::Chain { interface, chain: chain.chain, filter, parent };
    Holder::in_network(object).ended_by(command)
}

/// The filters or the chains of all queueing disciplines and classes.
fn all(search: &Search<'_>, netlink: &mut Netlink, kind: u16) -> Result<Vec<Item>, Errno> {
    let mut list: Vec<Item> = Vec::new();
    let mut places = Vec::new();
    for qdisc in all_qdiscs(search, netlink)? {
        match qdisc.kind.as_slice() {
            // The hooks of the two directions.
            b"clsact" => places.extend([(qdisc.index, 0xffff_fff2), (qdisc.index, 0xffff_fff3)]),
            _ if qdisc.handle == 0 => {}
            _ => places.push((qdisc.index, qdisc.handle)),
        }
        if matches!(qdisc.kind.as_slice(), b"htb" | b"hfsc" | b"drr" | b"qfq" | b"cbq" | b"atm") {
            let request = request(qdisc.index, qdisc.handle);
            netlink.dump(search, GET_CLASS, &request, |_, payload| {
                places.extend(item(payload).map(|class| (class.index, class.handle)));
            })?;
        }
    }
    order::sort(&mut places);
    places.dedup();
    for (index, parent) in places {
        if search.is_late() {
            break;
        }
        // Some kinds of queueing disciplines have no filters.
        let _ = netlink.dump(search, kind, &request(index, parent), |_, payload| {
            list.extend(item(payload).map(|found| match found.index {
                SHARED => found,
                // The kernel shows the handle of clsact for a chain, whichever hook it is at.
                _ => Item { parent, ..found },
            }));
        });
    }
    // Interfaces that share a block each show it.
    order::sort_by(&mut list, |a, b| key(a).cmp(&key(b)).then_with(|| a.handle.cmp(&b.handle)));
    list.dedup_by(|a, b| a == b);
    Ok(list)
}

/// What the kernel keeps one object for. The info is the preference and the protocol.
fn key(filter: &Item) -> (u32, u32, u32, u32) {
    (filter.index, filter.parent, filter.chain, filter.info)
}

fn grouped<'a>(filters: impl Iterator<Item = &'a Item>, links: &[Link]) -> Vec<Holder> {
    let groups: BTreeMap<_, _> = filters.map(|filter| (key(filter), filter)).collect();
    groups.into_values().map(|filter| holder(filter, None, links)).collect()
}

/// One holder for each filter with matches of a kind.
fn matching(
    filters: &[Item],
    is_own: impl Fn(&(u16, &[u8])) -> bool,
    name: &str,
    links: &[Link],
) -> Vec<Holder> {
    let holders = filters.iter().filter_map(|filter| {
        let count = u64::try_from(ematches(filter).filter(&is_own).count()).ok()?;
        (count > 0).then(|| holder(filter, Some(name.into()), links).with_references(count))
    });
    holders.collect()
}

fn holder(filter: &Item, ematch: Option<Text>, links: &[Link]) -> Holder {
    let preference = filter.info >> 16;
    let (interface, place) = place(filter, links);
    let command = deletion(filter, &place);
    let parent = Text::from(shown_parent(filter.parent));
    let kind = filter.kind.as_slice().into();
    let object = NetworkObject::Filter { interface, filter: kind, parent, preference, ematch };
    Holder::in_network(object).ended_by(command)
}

/// The command that deletes all filters of a preference.
pub(super) fn deletion(filter: &Item, place: &str) -> String {
    let preference = filter.info >> 16;
    match filter.chain {
        0 => format!("tc filter del {place} pref {preference}"),
        chain => format!("tc filter del {place} chain {chain} pref {preference}"),
    }
}

/// Where a filter is, as a name and in the words of tc(8).
pub(super) fn place(filter: &Item, links: &[Link]) -> (Text, String) {
    if filter.index == SHARED {
        let block = format!("block {}", filter.parent);
        return (Text::from(block.clone()), block);
    }
    let interface = name_of(links, filter.index);
    let parent = match shown_parent(filter.parent) {
        hook if hook == "ingress" || hook == "egress" => hook,
        parent => format!("parent {parent}"),
    };
    let place = format!("dev {} {parent}", interface.word());
    (interface, place)
}

/// The number of the match that searches a text.
const TEXT: u16 = 5;

/// Whether a `struct tcf_em_text` has the name of an algorithm.
fn searches(data: &[u8], algorithm: &[u8]) -> bool {
    data.get(..16).map(text) == Some(algorithm)
}

/// The kinds of the matches of a filter and their data: `TCA_EMATCH_TREE_LIST` holds a
/// `struct tcf_ematch_hdr` with data for each.
fn ematches(filter: &Item) -> impl Iterator<Item = (u16, &[u8])> {
    /// The attribute of the tree, by kind of filter.
    const TREES: [(&[u8], u16); 3] = [(b"basic", 2), (b"cgroup", 3), (b"flow", 11)];
    const LIST: u16 = 2;
    let attribute_of_tree = TREES.iter().find(|(kind, _)| *kind == filter.kind.as_slice());
    let list = attribute_of_tree
        .and_then(|&(_, tree)| attribute(&filter.options, tree))
        .and_then(|tree| attribute(tree, LIST));
    Attributes::new(list.unwrap_or_default()).filter_map(|(_, entry)| {
        let kind = entry.get(2..)?.first_chunk().map(|&bytes| u16::from_ne_bytes(bytes))?;
        Some((kind, entry.get(8..).unwrap_or_default()))
    })
}

/// The attribute with the actions, by kind of filter.
const ACTIONS: [(&[u8], u16); 9] = [
    (b"basic", 3),
    (b"bpf", 1),
    (b"cgroup", 1),
    (b"flow", 9),
    (b"flower", 3),
    (b"fw", 4),
    (b"matchall", 2),
    (b"route", 6),
    (b"u32", 7),
];

/// The lists of actions of a filter.
pub(super) fn actions_of(filter: &Item) -> impl Iterator<Item = (u16, &[u8])> {
    let place = ACTIONS.iter().find(|(kind, _)| *kind == filter.kind.as_slice());
    let list = place.and_then(|&(_, place)| attribute(&filter.options, place));
    Attributes::new(list.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::holders::netlink::with;

    fn basic(index: u32, info: u32, options: Vec<u8>) -> Item {
        let (handle, parent) = (1, 0x1_0000);
        Item { index, handle, parent, info, kind: b"basic".to_vec(), chain: 0, options }
    }

    #[test]
    fn filters_of_a_preference_are_one() {
        let list =
            [basic(2, 1 << 16, vec![]), basic(2, 1 << 16, vec![1]), basic(2, 2 << 16, vec![])];
        let holders = grouped(list.iter(), &[]);
        assert_eq!(holders.len(), 2);
        let expected = "interface if2 has a basic filter (parent 1:, preference 1)";
        assert_eq!(holders[0].kind.to_string(), expected);
        let fix = format!("{:?}", holders[0].way_out.as_ref().unwrap());
        assert_eq!(fix, "Command(\"tc filter del dev if2 parent 1: pref 1\")");
    }

    #[test]
    fn matches_are_counted() {
        let header = |kind: u16| [0u16, kind, 0, 0].map(u16::to_ne_bytes).concat();
        let list = [with(1, &header(4)), with(2, &header(4)), with(3, &header(1))].concat();
        let filter = basic(2, 1 << 16, with(2, &with(2, &list)));
        assert_eq!(ematches(&filter).map(|(kind, _)| kind).collect::<Vec<_>>(), [4, 4, 1]);
        let holders = matching(&[filter], |&(kind, _)| kind == 4, "meta", &[]);
        assert_eq!(holders[0].references, 2);
        assert_eq!(ematches(&basic(2, 0, vec![8, 0, 2, 0, 9, 9])).count(), 0);
        assert!(searches(b"kmp\0\0\0\0\0\0\0\0\0\0\0\0\0rest", b"kmp"));
        assert!(!searches(b"kmp\0\0\0\0\0\0\0\0\0\0\0\0\0", b"bm") && !searches(b"kmp", b"kmp"));
    }
}
