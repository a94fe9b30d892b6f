//! Traffic control, tc(8): queueing disciplines, filters, extended matches and actions.

mod actions;
mod filters;

use std::collections::BTreeMap;

use rustix::io::Errno;

use super::links::{Link, links, name_of};
use super::objects::NetworkObject;
use crate::holders::namespaces::in_each;
use crate::holders::netlink::{self, Attributes, Netlink, note, number, text};
use crate::holders::search::Search;
use crate::holders::{Holder, Text};
use crate::system;

pub(in crate::holders) use actions::actions;
pub(in crate::holders) use filters::filters;

/// `RTM_GETQDISC` of `linux/rtnetlink.h`.
const GET_QDISC: u16 = 38;
/// The length of `struct tcmsg`.
const HEADER: usize = 20;
/// Attributes of `linux/rtnetlink.h`.
const KIND: u16 = 1;
const OPTIONS: u16 = 2;
const DUMP_INVISIBLE: u16 = 10;
const CHAIN: u16 = 11;

/// `TC_H_ROOT` of `linux/pkt_sched.h`.
const ROOT: u32 = u32::MAX;

/// What a `struct tcmsg` and its attributes tell.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Item {
    index: u32,
    handle: u32,
    parent: u32,
    info: u32,
    kind: Vec<u8>,
    chain: u32,
    options: Vec<u8>,
}

fn item(payload: &[u8]) -> Option<Item> {
    let mut item = Item {
        index: number(payload, 4)?,
        handle: number(payload, 8)?,
        parent: number(payload, 12)?,
        info: number(payload, 16)?,
        kind: Vec::new(),
        chain: 0,
        options: Vec::new(),
    };
    for (kind, value) in Attributes::after(HEADER, payload) {
        match kind {
            KIND => item.kind = text(value).to_vec(),
            OPTIONS => item.options = value.to_vec(),
            CHAIN => item.chain = number(value, 0).unwrap_or_default(),
            _ => {}
        }
    }
    Some(item)
}

/// A `struct tcmsg` as a request.
fn request(index: u32, parent: u32) -> Vec<u8> {
    [0, index, 0, parent, 0].iter().flat_map(|field| field.to_ne_bytes()).collect()
}

/// All queueing disciplines, those that the kernel hides included.
fn all_qdiscs(search: &Search<'_>, netlink: &mut Netlink) -> Result<Vec<Item>, Errno> {
    let mut body = request(0, 0);
    body.extend(4u16.to_ne_bytes());
    body.extend(DUMP_INVISIBLE.to_ne_bytes());
    let mut list = Vec::new();
    netlink.dump(search, GET_QDISC, &body, |_, payload| list.extend(item(payload)))?;
    Ok(list)
}

/// Whether the module implements a kind, `area` being `sch`, `cls` or `act`.
fn is_own(search: &Search<'_>, area: &str, kind: &[u8]) -> bool {
    let kind = String::from_utf8_lossy(kind);
    // ingress and clsact are of one module.
    let module = if kind == "clsact" { "sch_ingress".to_owned() } else { format!("{area}_{kind}") };
    search.provides(&[&format!("net-{area}-{kind}")], &[&module])
}

/// Each queueing discipline holds its module (`qdisc_create` in `net/sched/sch_api.c`).
pub(in crate::holders) fn qdiscs(search: &Search<'_>) -> Vec<Holder> {
    if !search.is_kind("net-sch-", &["sch_"]) {
        return Vec::new();
    }
    let mut list = in_each(search, |search| {
        let mut found = Vec::new();
        let result = Netlink::open(netlink::ROUTE).and_then(|mut netlink| {
            let mut own = all_qdiscs(search, &mut netlink)?;
            own.retain(|item| is_own(search, "sch", &item.kind));
            if !own.is_empty() {
                found = grouped(&own, &links(search, &mut netlink)?);
            }
            Ok(())
        });
        note(search, "qdiscs", result);
        found
    });
    list.extend(default_qdisc(search));
    list
}

/// One holder for each interface and kind: one with many queues has one for each.
fn grouped(items: &[Item], links: &[Link]) -> Vec<Holder> {
    let mut groups: BTreeMap<(u32, &[u8]), Vec<&Item>> = BTreeMap::new();
    for item in items {
        groups.entry((item.index, &item.kind)).or_default().push(item);
    }
    let holders = groups.into_iter().filter_map(|((index, kind), items)| {
        let interface = name_of(links, index);
        let command = deletion(&interface, kind, &items);
        let handle = Text::from(shown(items.first()?.handle));
        let object = NetworkObject::Qdisc { interface, qdisc: kind.into(), handle };
        let count = u64::try_from(items.len()).unwrap_or(u64::MAX);
        Some(Holder::in_network(object).with_references(count).ended_by(command))
    });
    holders.collect()
}

fn deletion(interface: &Text, kind: &[u8], items: &[&Item]) -> String {
    let interface = interface.word();
    match items {
        _ if kind == b"clsact" || kind == b"ingress" => {
            format!("tc qdisc del dev {interface} {}", Text::from(kind).word())
        }
        // Below classes, which stay.
        _ if items.iter().all(|item| item.handle != 0 && item.parent != ROOT) => {
            let commands = items.iter().map(|item| {
                format!("tc qdisc del dev {interface} parent {}", shown_parent(item.parent))
            });
            commands.collect::<Vec<_>>().join("; ")
        }
        [item, ..] if item.handle != 0 => format!("tc qdisc del dev {interface} root"),
        // The kernel made it by default, and makes it again.
        _ => format!("tc qdisc replace dev {interface} root pfifo_fast"),
    }
}

/// The default is held as long as it is the default (`qdisc_set_default`).
fn default_qdisc(search: &Search<'_>) -> Option<Holder> {
    let kind = system::read_text(&search.system.sysctl("net/core/default_qdisc")).ok()?;
    if !is_own(search, "sch", kind.as_bytes()) {
        return None;
    }
    let object =
        NetworkObject::DefaultQdisc { qdisc: kind.into(), setting: "default_qdisc".into() };
    Some(Holder::in_network(object).ended_by("sysctl -w net.core.default_qdisc=pfifo_fast"))
}

/// A handle as tc(8) writes it: `1:` or `1:10`.
fn shown(handle: u32) -> String {
    match handle & 0xffff {
        0 => format!("{:x}:", handle >> 16),
        minor => format!("{:x}:{minor:x}", handle >> 16),
    }
}

fn shown_parent(parent: u32) -> String {
    match parent {
        ROOT => "root".to_owned(),
        0xffff_fff2 => "ingress".to_owned(),
        0xffff_fff3 => "egress".to_owned(),
        _ => shown(parent),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(index: u32, handle: u32, parent: u32, kind: &[u8]) -> Vec<u8> {
        let mut bytes: Vec<u8> =
            [0, index, handle, parent, 2].iter().flat_map(|field| field.to_ne_bytes()).collect();
        bytes.extend(u16::try_from(kind.len() + 4).unwrap().to_ne_bytes());
        bytes.extend(KIND.to_ne_bytes());
        bytes.extend(kind);
        bytes
    }

    fn phrases(messages: &[Vec<u8>]) -> Vec<(String, u64, String)> {
        let items: Vec<_> = messages.iter().filter_map(|message| item(message)).collect();
        let link = Link { index: 2, name: "eth0".into(), ..Link::default() };
        let holders = grouped(&items, &[link]).into_iter();
        let phrases = holders.map(|holder| {
            let command = format!("{:?}", holder.way_out.unwrap());
            (holder.kind.to_string(), holder.references, command)
        });
        phrases.collect()
    }

    #[test]
    fn qdiscs_of_an_interface() {
        let netem = message(2, 0x8001_0000, ROOT, b"netem\0");
        let expected = (
            "interface eth0 has the qdisc netem 8001:".to_owned(),
            1,
            "Command(\"tc qdisc del dev eth0 root\")".to_owned(),
        );
        assert_eq!(phrases(&[netem]), [expected]);
        // A root for many queues, made by the kernel.
        let queues = [message(2, 0, 1, b"fq\0"), message(2, 0, 2, b"fq\0")];
        let (phrase, count, command) = phrases(&queues).remove(0);
        assert_eq!((phrase.as_str(), count), ("interface eth0 has the qdisc fq 0:", 2));
        assert!(command.contains("replace dev eth0 root pfifo_fast"));
        let leaf = phrases(&[message(3, 0x10_0000, 0x1_0010, b"sfq\0")]).remove(0);
        assert!(leaf.2.contains("tc qdisc del dev if3 parent 1:10"), "{leaf:?}");
    }

    #[test]
    fn damaged_items() {
        assert_eq!(item(&[0; 19]), None);
        assert_eq!(item(&[0; 20]).unwrap().kind, b"");
    }
}
