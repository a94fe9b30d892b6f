use std::time::{Duration, Instant};

use super::parts::{elements, flowtable, object, set};
use super::*;
use crate::captured::Captured;
use crate::holders::netlink::with;
use crate::loaded::Snapshot;

fn expression(name: &[u8], data: &[u8]) -> Vec<u8> {
    with(1, &[with(1, name), with(2, data)].concat())
}

fn rule(chain: &[u8], handle: u64, expressions: &[u8]) -> Vec<u8> {
    let attributes =
        [with(1, b"t\0"), with(2, chain), with(3, &handle.to_be_bytes()), with(4, expressions)];
    [vec![2, 0, 0, 0], attributes.concat()].concat()
}

/// What `read` makes of a module, in a release with a few aliases.
fn with_counter<T>(module: &str, read: impl FnOnce(&Counter<'_>) -> T) -> T {
    let aliases = "alias nft-expr-limit nft_limit\nalias nft-expr-2-reject nft_reject_ipv4\n\
                   alias nft-expr-match nft_compat\nalias nft-expr-target nft_compat\n\
                   alias ipt_MASQUERADE xt_MASQUERADE\nalias nft-chain-2-nat nft_chain_nat\n\
                   alias nf-logger-2-0 nf_log_syslog\nalias nf-logger-10-0 nf_log_syslog\n\
                   alias nfct-helper-ftp nf_conntrack_ftp\nalias nft-obj-4 nft_limit\n\
                   alias nf-flowtable-2 nf_flow_table_inet\n";
    let root = Captured::with(&[
        ("proc/sys/kernel/osrelease", "1.0\n"),
        ("lib/modules/1.0/modules.alias", aliases),
    ]);
    let system = root.system();
    let snapshot = Snapshot::parse(format!("{module} 1 9 - Live 0x0\n").as_bytes()).unwrap();
    let end = Instant::now() + Duration::from_secs(60);
    let search = Search::until(end, &system, snapshot.modules().first().unwrap());
    read(&Counter::of(&search))
}

fn references(module: &str, family: u8, expressions: &[u8]) -> u64 {
    with_counter(module, |counter| counter.expressions(expressions, family))
}

#[test]
fn each_expression_is_a_reference() {
    let list = [
        expression(b"limit\0", b""),
        expression(b"meta\0", b""),
        expression(b"cmp\0", b""),
        expression(b"limit\0", b""),
        expression(b"reject\0", b""),
        expression(b"match\0", &with(1, b"conntrack\0")),
        expression(b"target\0", &with(1, b"MASQUERADE\0")),
        expression(b"dynset\0", &with(10, &expression(b"limit\0", b""))),
    ]
    .concat();
    for (module, expected) in [
        ("nft_limit", 3),
        ("nf_tables", 3),
        ("nft_reject_ipv4", 1),
        ("nft_compat", 2),
        ("xt_conntrack", 1),
        ("xt_MASQUERADE", 1),
        ("xt_mark", 0),
        ("loop", 0),
    ] {
        assert_eq!(references(module, 2, &list), expected, "{module}");
    }
}

#[test]
fn loggers_of_both_versions() {
    let log = expression(b"log\0", b"");
    assert_eq!(references("nf_log_syslog", 2, &log), 1);
    assert_eq!(references("nf_log_syslog", 1, &log), 2);
    let group = expression(b"log\0", &with(1, &[0, 7]));
    assert_eq!(references("nf_log_syslog", 1, &group), 0);
}

#[test]
fn rules_are_counted_by_chain() {
    let limit = expression(b"limit\0", b"");
    let mut rules = Rules::default();
    with_counter("nft_limit", |counter| {
        for handle in 1..=100_000 {
            rules.add(counter, &rule(b"many\0", handle, &limit));
        }
        rules.add(counter, &rule(b"o'ne\0", 9, &[limit.clone(), limit].concat()));
        rules.add(counter, &rule(b"other\0", 9, &expression(b"meta\0", b"")));
    });
    let holder = rules.holder().unwrap();
    assert_eq!(holder.references, 100_002);
    let expected = "100001 rules in chains ip t many, ip t o'ne (nftables)";
    assert_eq!(holder.kind.to_string(), expected);
    let steps = format!("{:?}", holder.way_out.unwrap());
    let expected =
        r#"Command("nft flush chain ip t many; nft delete rule ip t 'o'\\''ne' handle 9")"#;
    assert_eq!(steps, expected);
}

#[test]
fn chains_objects_and_flow_tables() {
    let named = |kind: u16| [vec![2, 0, 0, 0], with(1, b"t\0"), with(kind, b"n\0")].concat();
    let nat = [named(3), with(7, b"nat\0")].concat();
    assert!(with_counter("nft_chain_nat", |counter| chain(counter, &nat)).is_some());
    let filter = [named(3), with(7, b"filter\0")].concat();
    assert_eq!(with_counter("nf_tables", |counter| chain(counter, &filter)), None);
    let limit = [named(2), with(3, &4u32.to_be_bytes())].concat();
    let found =
        with_counter("nft_limit", |counter| object(counter, &limit)).unwrap().holder().unwrap();
    assert_eq!(found.kind.to_string(), "limit ip t n (nftables)");
    let helper = [with(1, b"ftp\0"), with(2, &1u16.to_be_bytes())].concat();
    let helper = [named(2), with(3, &3u32.to_be_bytes()), with(4, &helper)].concat();
    let found = with_counter("nf_conntrack_ftp", |counter| object(counter, &helper))
        .unwrap()
        .holder()
        .unwrap();
    assert_eq!(found.references, 2);
    let found = with_counter("nf_flow_table_inet", |counter| flowtable(counter, &named(2)));
    assert_eq!(found.unwrap().holder().unwrap().kind.to_string(), "flowtable ip t n (nftables)");
}

#[test]
fn modules_that_an_extension_of_iptables_names() {
    let mut data = vec![0; 72];
    data[12..15].copy_from_slice(b"ftp");
    let of = |name: &[u8]| [with(1, name), with(3, &data)].concat();
    let count = |expressions: &[u8]| {
        with_counter("nf_conntrack_ftp", |counter| counter.expressions(expressions, 2))
    };
    assert_eq!(count(&expression(b"target\0", &of(b"CT\0"))), 1);
    assert_eq!(count(&expression(b"target\0", &of(b"TEE\0"))), 0);
    assert_eq!(count(&expression(b"other\0", &of(b"CT\0"))), 0);
}

#[test]
fn elements_with_expressions() {
    let limit = expression(b"limit\0", b"");
    let inner = &limit[4..];
    let message = [vec![2, 0, 0, 0], with(1, b"t\0"), with(2, b"s\0"), with(17, inner)].concat();
    let mut set = with_counter("nft_limit", |counter| set(counter, &message)).unwrap();
    let request = set.request();
    assert_eq!(Place::read(&request, NAME).unwrap(), set.place);
    let element = |attributes: &[u8]| with(1, attributes);
    let list = [element(&with(7, inner)), element(b""), element(&with(11, &limit))].concat();
    let message = [vec![2, 0, 0, 0], with(3, &list)].concat();
    assert_eq!(with_counter("nft_limit", |counter| elements(counter, &message, 2)), 2);
    // A rule that adds elements, one that looks them up, and one of another table.
    let names = |kind: &[u8]| expression(kind, &with(1, b"s\0"));
    set.add_user(&rule(b"c\0", 5, &names(b"dynset\0")));
    set.add_user(&rule(b"c\0", 6, &names(b"lookup\0")));
    set.add_user(&rule(b"c\0", 7, &names(b"objref\0")));
    let holder = set.holder().unwrap();
    assert_eq!(holder.references, 2);
    let fix =
        "nft delete rule ip t c handle 5; nft delete rule ip t c handle 6; nft delete set ip t s";
    assert_eq!(format!("{:?}", holder.way_out.unwrap()), format!("Command(\"{fix}\")"));
}

#[test]
fn damaged_messages_say_nothing() {
    let whole = rule(b"c\0", 1, &expression(b"limit\0", b""));
    with_counter("nft_limit", |counter| {
        for length in 0..whole.len() {
            let mut rules = Rules::default();
            rules.add(counter, &whole[..length]);
            let _ = (chain(counter, &whole[..length]), object(counter, &whole[..length]));
            assert!(rules.0.len() <= 1);
        }
    });
}
