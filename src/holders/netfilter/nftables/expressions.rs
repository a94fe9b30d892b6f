//! Which module an expression of nftables is of.

use std::sync::{Mutex, PoisonError};

use super::super::xtables;
use crate::holders::netlink::{Attributes, attribute, text};
use crate::holders::search::Search;

/// Counts the references that expressions take to one module.
pub(super) struct Counter<'a> {
    search: &'a Search<'a>,
    part: Part,
    /// What the last expression was, and whether it is of the module: rules resemble each other.
    last: Mutex<Option<(u8, Vec<u8>, bool)>>,
}

/// What the module can be in nftables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// Nothing.
    None,
    /// The core, which has the expressions that no other module has.
    Core,
    /// Expressions, chain types, objects or flow tables.
    Extension,
    /// A match or a target of iptables.
    Xtables,
    /// A logger.
    Logger,
    /// A helper of connection tracking.
    Helper,
    /// Connection tracking of bridges.
    Bridge,
    /// An algorithm that the match `string` of iptables searches with.
    TextSearch,
}

const NAME: u16 = 1;
const DATA: u16 = 2;

impl<'a> Counter<'a> {
    pub(super) fn of(search: &'a Search<'a>) -> Self {
        let part = match search.name() {
            b"nf_tables" => Part::Core,
            _ if search.is_kind("nft-", &["nft_"]) => Part::Extension,
            _ if search.is_kind("nf-flowtable-", &[]) => Part::Extension,
            _ if search.is_kind("nf-logger-", &["nf_log_"]) => Part::Logger,
            _ if search.is_kind("nfct-helper-", &["nfnetlink_acct", "nfnetlink_cttimeout"]) => {
                Part::Helper
            }
            _ if search.is_kind("ipt_", &["xt_", "ipt_", "ip6t_", "ebt_", "arpt_"]) => {
                Part::Xtables
            }
            b"nf_conntrack_bridge" => Part::Bridge,
            name if name.starts_with(b"ts_") => Part::TextSearch,
            _ => Part::None,
        };
        Self { search, part, last: Mutex::default() }
    }

    pub(super) fn is_concerned(&self) -> bool {
        self.part != Part::None
    }

    /// Whether an alias is of the module; without such an alias, whether it is the core.
    fn is_own(&self, aliases: &[&str]) -> bool {
        self.search.provides(aliases, &["nf_tables"])
    }

    /// The references of a list of expressions, in a table of a family.
    pub(super) fn expressions(&self, list: &[u8], family: u8) -> u64 {
        Attributes::new(list).map(|(_, expression)| self.expression(expression, family)).sum()
    }

    /// The references of one expression.
    pub(super) fn expression(&self, expression: &[u8], family: u8) -> u64 {
        let Some(name) = attribute(expression, NAME).map(text) else { return 0 };
        let data = attribute(expression, DATA).unwrap_or_default();
        let inner = if name == b"dynset" { self.inner(data, family) } else { 0 };
        inner
            + match self.part {
                Part::Core | Part::Extension => u64::from(self.has_expression(name, family)),
                Part::Xtables => u64::from(self.has_extension(name, data, family)),
                Part::Logger if name == b"log" => self.loggers(data, family),
                Part::None => 0,
                // `nf_ct_netns_get` in `net/netfilter/nf_conntrack_proto.c`
                Part::Bridge => u64::from(name == b"ct" && family == 7),
                Part::Helper | Part::Logger | Part::TextSearch => self.named(name, data, family),
            }
    }

    /// The expressions that a rule gives to the elements it adds.
    fn inner(&self, data: &[u8], family: u8) -> u64 {
        const EXPRESSION: u16 = 7;
        const EXPRESSIONS: u16 = 10;
        match attribute(data, EXPRESSIONS) {
            Some(list) => self.expressions(list, family),
            None => self.expression(attribute(data, EXPRESSION).unwrap_or_default(), family),
        }
    }

    fn has_expression(&self, name: &[u8], family: u8) -> bool {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known_family, known, own)) = &*last
            && (*known_family, known.as_slice()) == (family, name)
        {
            return *own;
        }
        let shown = String::from_utf8_lossy(name);
        let aliases = [format!("nft-expr-{family}-{shown}"), format!("nft-expr-{shown}")];
        let own = self.is_own(&aliases.each_ref().map(String::as_str));
        *last = Some((family, name.to_vec(), own));
        own
    }

    /// Whether it is a match or a target of iptables that the module has.
    fn has_extension(&self, expression: &[u8], data: &[u8], family: u8) -> bool {
        if expression != b"match" && expression != b"target" {
            return false;
        }
        attribute(data, NAME).is_some_and(|name| has_extension(self.search, text(name), family))
    }

    /// How often a match or a target of iptables asks for the module by name.
    fn named(&self, expression: &[u8], data: &[u8], family: u8) -> u64 {
        const INFO: u16 = 3;
        if expression != b"match" && expression != b"target" {
            return 0;
        }
        let part = |kind| attribute(data, kind).unwrap_or_default();
        xtables::named_by(self.search, text(part(NAME)), part(INFO), family)
    }

    /// The loggers of `log`: one that sends to a group or one that writes to the kernel's log, for
    /// both versions of IP in a table of both (`nf_logger_find_get`).
    fn loggers(&self, data: &[u8], family: u8) -> u64 {
        const GROUP: u16 = 1;
        let kind = u8::from(attribute(data, GROUP).is_some());
        let families: &[u8] = if family == 1 { &[2, 10] } else { &[family] };
        let own = families
            .iter()
            .filter(|family| self.search.provides(&[&format!("nf-logger-{family}-{kind}")], &[]));
        u64::try_from(own.count()).unwrap_or_default()
    }

    /// Whether the module has a type of chains. Those of the core have no owner, except for `nat`.
    pub(super) fn has_chain_type(&self, family: u8, kind: &[u8]) -> bool {
        let kind = String::from_utf8_lossy(kind);
        let alias = format!("nft-chain-{family}-{kind}");
        self.part == Part::Extension && self.search.provides(&[&alias], &[])
    }

    pub(super) fn has_flowtable(&self, family: u8) -> bool {
        let alias = format!("nf-flowtable-{family}");
        self.part == Part::Extension && self.search.provides(&[&alias], &[])
    }

    /// The references of an object.
    pub(super) fn object(&self, kind: u32, data: &[u8]) -> u64 {
        const CT_HELPER: u32 = 3;
        const L3_PROTOCOL: u16 = 2;
        match self.part {
            Part::Core | Part::Extension => u64::from(self.is_own(&[&format!("nft-obj-{kind}")])),
            Part::Helper if kind == CT_HELPER => {
                let name = attribute(data, NAME).map(text).unwrap_or_default();
                let name = String::from_utf8_lossy(name);
                let own = self.search.provides(&[&format!("nfct-helper-{name}")], &[]);
                // In a table of both versions of IP there is one for each.
                let family = attribute(data, L3_PROTOCOL).and_then(<[u8]>::last);
                u64::from(own) * if family == Some(&1) { 2 } else { 1 }
            }
            _ => 0,
        }
    }
}

/// Whether the module has the match or target `name` of iptables.
pub(in crate::holders) fn has_extension(search: &Search<'_>, name: &[u8], family: u8) -> bool {
    let name = String::from_utf8_lossy(name);
    let prefixes: &[&str] = match family {
        2 => &["ipt_", "xt_"],
        10 => &["ip6t_", "xt_"],
        7 => &["ebt_", "xt_"],
        3 => &["arpt_", "xt_"],
        _ => &["xt_", "ipt_", "ip6t_"],
    };
    let names: Vec<_> = prefixes.iter().map(|prefix| format!("{prefix}{name}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    search.provides(&names, &names)
}
