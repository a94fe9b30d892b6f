//! Rules of legacy iptables, ip6tables and arptables.

use std::collections::BTreeMap;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;

use modutils_sys::xtables::{Family, Table, table};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, ipproto, socket_with};

use super::nftables::has_extension;
use super::objects::NetfilterObject;
use super::{InChains, text_search};
use crate::holders::namespaces::in_each;
use crate::holders::netlink::{note, text};
use crate::holders::search::Search;
use crate::holders::{Holder, Text};
use crate::system;

/// The layout of a rule: `struct ipt_entry`, `struct ip6t_entry` and `struct arpt_entry`, with the
/// offsets of the fields that are read.
struct Layout {
    /// The command that lists the rules.
    command: &'static str,
    family: Family,
    address_family: AddressFamily,
    /// Number of the family in netfilter.
    number: u8,
    /// The file with the names of the tables.
    names: &'static str,
    /// The chains of the hooks, in the order of their numbers.
    hooks: &'static [&'static str],
    /// `target_offset`, followed by `next_offset`.
    target_offset: usize,
    /// The length of the rule before its matches.
    length: usize,
}

const LAYOUTS: [Layout; 3] = [
    Layout {
        command: "iptables",
        family: Family::Ip,
        address_family: AddressFamily::INET,
        number: 2,
        names: "ip_tables_names",
        hooks: &HOOKS,
        target_offset: 88,
        length: 112,
    },
    Layout {
        command: "ip6tables",
        family: Family::Ip6,
        address_family: AddressFamily::INET6,
        number: 10,
        names: "ip6_tables_names",
        hooks: &HOOKS,
        target_offset: 140,
        length: 168,
    },
    Layout {
        command: "arptables",
        family: Family::Arp,
        address_family: AddressFamily::INET,
        number: 3,
        names: "arp_tables_names",
        hooks: &["INPUT", "OUTPUT", "FORWARD"],
        target_offset: 164,
        length: 192,
    },
];

const HOOKS: [&str; 5] = ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"];

/// The target that starts a chain of the user's, and ends a table.
const ERROR: &[u8] = b"ERROR";

/// Each match and each target of a rule holds its module (`xt_request_find_match`), and a table
/// with rules its own (`__do_replace`).
pub(in crate::holders) fn xtables(search: &Search<'_>) -> Vec<Holder> {
    let own_table = own_table(search.name());
    let is_extension = search.is_kind("ipt_", &["xt_", "ipt_", "ip6t_", "arpt_", "nf_log_"])
        || search.is_kind("ip6t_", &["nfnetlink_acct", "nfnetlink_cttimeout", "nfnetlink_log"])
        || search.is_kind("nfct-helper-", &[])
        || search.is_kind("nf-logger-", &["ts_"]);
    if own_table.is_none() && !is_extension {
        return Vec::new();
    }
    in_each(search, |search| {
        let mut list = Vec::new();
        let mut found = InChains::default();
        for layout in &LAYOUTS {
            let names = search.system.network_file(layout.names);
            let names = system::read(&names).unwrap_or_default();
            for name in names.split(|&byte| byte == b'\n').filter(|name| !name.is_empty()) {
                let result = read(layout, name).map(|table| {
                    let rules = Rules::read(layout, &table);
                    match own_table {
                        Some((command, own)) if command == layout.command && own == name => {
                            list.extend(rules.of_table(layout, name));
                        }
                        Some(_) => {}
                        None => rules.of_extension(search, layout, name, &mut found),
                    }
                });
                note(search, "iptables rules", result);
            }
        }
        list.extend(found.holder(|rules, chains| NetfilterObject::XtRules { rules, chains }));
        list
    })
}

/// The command and the table that a module implements: `iptable_nat`, `ip6table_filter`.
fn own_table(module: &[u8]) -> Option<(&'static str, &[u8])> {
    LAYOUTS.iter().find_map(|layout| {
        let kind = layout.command.strip_suffix('s')?;
        Some((layout.command, module.strip_prefix(kind.as_bytes())?.strip_prefix(b"_")?))
    })
}

fn read(layout: &Layout, name: &[u8]) -> Result<Table, Errno> {
    let flags = SocketFlags::CLOEXEC;
    let protocol = Some(ipproto::RAW);
    let socket = socket_with(layout.address_family, SocketType::RAW, flags, protocol)?;
    table(socket.as_fd(), layout.family, name)
        .map_err(|errno| Errno::from_raw_os_error(errno as i32))
}

/// A rule: its chain, and its matches and target.
#[derive(Debug, PartialEq, Eq)]
struct Rule {
    chain: Vec<u8>,
    extensions: Vec<Vec<u8>>,
    /// Aliases of the modules that these use.
    uses: Vec<String>,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Rules(Vec<Rule>);

impl Rules {
    /// Reads the entries, which refer to each other by their lengths. Damage ends them.
    fn read(layout: &Layout, table: &Table) -> Self {
        let mut rules = Vec::new();
        let mut chain = Vec::new();
        let mut offset = 0;
        while let Some(entry) = table.entries.get(offset..) {
            let Some((target, next)) = offsets(layout, entry) else { break };
            let Some(entry) = entry.get(..next) else { break };
            let Some(end) = entry.get(target..).and_then(extension) else { break };
            if let Some(hook) = hook(layout, table, offset) {
                chain = hook.as_bytes().to_vec();
            }
            if end.name == ERROR {
                // The name of the chain, or `ERROR` at the end.
                chain = text(end.data).to_vec();
            } else {
                let matches = entry.get(layout.length..target).unwrap_or_default();
                let mut all = extensions_of(matches);
                all.push(end);
                let extensions = all.iter().map(|one| one.name.to_vec()).collect();
                let uses = all.iter().flat_map(|one| used_by(one, layout.number)).collect();
                rules.push(Rule { chain: chain.clone(), extensions, uses });
            }
            offset += next;
        }
        Self(rules)
    }

    /// Adds the rules with a match or a target of the module.
    fn of_extension(
        &self,
        search: &Search<'_>,
        layout: &Layout,
        table: &[u8],
        found: &mut InChains,
    ) {
        let mut chains: BTreeMap<&[u8], (u64, u64)> = BTreeMap::new();
        for rule in &self.0 {
            let is_own = |name: &&Vec<u8>| has_extension(search, name, layout.number);
            let count = rule.extensions.iter().filter(|name| !name.is_empty()).filter(is_own);
            let used = rule.uses.iter().filter(|alias| is_provided(search, alias));
            let count = u64::try_from(count.count() + used.count()).unwrap_or_default();
            if count > 0 {
                let (rules, references) = chains.entry(&rule.chain).or_default();
                *rules += 1;
                *references += count;
            }
        }
        for (chain, (rules, references)) in chains {
            let (table, name) = (Text::from(table), Text::from(chain));
            let words = format!("-t {} -F {}", table.word(), name.word());
            let command = format!("{}-legacy {words}", layout.command);
            let shown = [layout.command.as_bytes(), table.as_os_str().as_bytes(), chain];
            found.add(shown.join(&b' ').into(), rules, references, command);
        }
    }

    /// The table itself, if it has more than the rules for the policies of its chains.
    fn of_table(&self, layout: &Layout, table: &[u8]) -> Option<Holder> {
        let mut chains: Vec<_> = self.0.iter().map(|rule| &rule.chain).collect();
        chains.dedup();
        if self.0.len() <= chains.len() {
            return None;
        }
        let (family, table) = (layout.command.into(), Text::from(table));
        let command = format!("{}-legacy -t {} -F", layout.command, table.word());
        let object = NetfilterObject::XtTable { family, table };
        Some(Holder::in_netfilter(object).ended_by(command))
    }
}

/// Whether the module has an alias, or without any aliases, the name.
fn is_provided(search: &Search<'_>, alias: &str) -> bool {
    search.provides(&[alias], &[alias])
}

/// How often an extension with these data asks for the module by name.
pub(super) fn named_by(search: &Search<'_>, name: &[u8], data: &[u8], family: u8) -> u64 {
    let names = used_by(&Extension { length: 0, name, data }, family).into_iter();
    u64::try_from(names.filter(|alias| is_provided(search, alias)).count()).unwrap_or(0)
}

/// The helpers, timeouts, loggers and algorithms that an extension asks for by name
/// (`xt_ct_tg_check`, `nf_logger_find_get`, `textsearch_prepare`).
fn used_by(target: &Extension<'_>, family: u8) -> Vec<String> {
    /// `struct xt_ct_target_info_v1`: offsets of the names of a helper and of a timeout.
    const HELPER: std::ops::Range<usize> = 12..28;
    const TIMEOUT: std::ops::Range<usize> = 28..60;
    const REVISION_0: usize = 40;
    let name = |range| {
        let field: Option<&[u8]> = target.data.get::<std::ops::Range<usize>>(range);
        String::from_utf8_lossy(text(field.unwrap_or_default())).into_owned()
    };
    match target.name {
        b"CT" => {
            let helper = Some(name(HELPER)).filter(|name| !name.is_empty());
            let has_timeout = target.data.len() > REVISION_0 && !name(TIMEOUT).is_empty();
            let timeout = has_timeout.then(|| "nfnetlink_cttimeout".to_owned());
            helper.map(|name| format!("nfct-helper-{name}")).into_iter().chain(timeout).collect()
        }
        b"string" => {
            text_search(target.data).map(|name| format!("ts_{name}")).into_iter().collect()
        }
        b"nfacct" => vec!["nfnetlink_acct".to_owned()],
        b"LOG" | b"TRACE" => vec![format!("nf-logger-{family}-0")],
        b"NFLOG" => vec![format!("nf-logger-{family}-1")],
        _ => Vec::new(),
    }
}

fn offsets(layout: &Layout, entry: &[u8]) -> Option<(usize, usize)> {
    let field = |offset: usize| {
        entry.get(offset..)?.first_chunk().map(|&bytes| usize::from(u16::from_ne_bytes(bytes)))
    };
    let (target, next) = (field(layout.target_offset)?, field(layout.target_offset + 2)?);
    (target >= layout.length && next > target).then_some((target, next))
}

/// The hook whose first rule is at an offset.
fn hook(layout: &Layout, table: &Table, offset: usize) -> Option<&'static str> {
    let mut hooks = layout.hooks.iter().zip(&table.entry_points).enumerate();
    let found = hooks.find(|(number, (_, start))| {
        table.hooks & (1 << number) != 0 && usize::try_from(**start) == Ok(offset)
    });
    found.map(|(_, (name, _))| *name)
}

/// A `struct xt_entry_match` or `struct xt_entry_target`.
struct Extension<'a> {
    length: usize,
    name: &'a [u8],
    data: &'a [u8],
}

fn extension(bytes: &[u8]) -> Option<Extension<'_>> {
    const HEADER: usize = 32;
    let length = usize::from(u16::from_ne_bytes(*bytes.first_chunk()?));
    let bytes = bytes.get(..length)?;
    Some(Extension { length, name: text(bytes.get(2..31)?), data: bytes.get(HEADER..)? })
}

fn extensions_of(mut matches: &[u8]) -> Vec<Extension<'_>> {
    let mut list = Vec::new();
    while let Some(found) = extension(matches) {
        matches = matches.get(found.length..).unwrap_or_default();
        list.push(found);
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extension_of(name: &[u8], data: &[u8]) -> Vec<u8> {
        let length = (32 + data.len()).next_multiple_of(8);
        let mut bytes = u16::try_from(length).unwrap().to_ne_bytes().to_vec();
        bytes.extend(name);
        bytes.resize(32, 0);
        bytes.extend(data);
        bytes.resize(length, 0);
        bytes
    }

    fn entry(layout: &Layout, matches: &[u8], target: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; layout.length];
        let offset = layout.length + matches.len();
        let fields = [offset, offset + target.len()].map(|field| u16::try_from(field).unwrap());
        let place = layout.target_offset;
        bytes[place..place + 2].copy_from_slice(&fields[0].to_ne_bytes());
        bytes[place + 2..place + 4].copy_from_slice(&fields[1].to_ne_bytes());
        bytes.extend(matches);
        bytes.extend(target);
        bytes
    }

    /// INPUT with one rule, a chain of the user's with one, each with its end.
    fn table_of(layout: &Layout) -> Table {
        let verdict = extension_of(b"", &[0; 4]);
        let limit = extension_of(b"limit", &[0; 40]);
        let mut table = Table::default();
        let input = layout.hooks.iter().position(|hook| *hook == "INPUT").unwrap();
        table.hooks = 1 << input;
        table.entry_points = vec![0; layout.hooks.len()];
        table.entries = [
            entry(layout, &limit, &verdict),
            entry(layout, &[], &verdict),
            entry(layout, &[], &extension_of(ERROR, b"mine\0")),
            entry(layout, &[], &extension_of(b"MASQUERADE", &[0; 8])),
            entry(layout, &[], &verdict),
            entry(layout, &[], &extension_of(ERROR, b"ERROR\0")),
        ]
        .concat();
        table
    }

    #[test]
    fn rules_by_chain() {
        for layout in &LAYOUTS {
            let rules = Rules::read(layout, &table_of(layout)).0;
            let shown: Vec<_> = rules
                .iter()
                .map(|rule| {
                    let names = rule.extensions.join(&b' ');
                    format!("{} {}", text_of(&rule.chain), text_of(&names))
                })
                .collect();
            assert_eq!(shown, ["INPUT limit ", "INPUT ", "mine MASQUERADE", "mine "]);
        }
    }

    fn text_of(bytes: &[u8]) -> String {
        String::from_utf8_lossy(bytes).into_owned()
    }

    #[test]
    fn tables_with_rules() {
        let layout = &LAYOUTS[0];
        let rules = Rules::read(layout, &table_of(layout));
        let holder = rules.of_table(layout, b"nat").unwrap();
        assert_eq!(holder.kind.to_string(), "table nat has rules (iptables)");
        let policies = Rules(vec![Rule {
            chain: b"INPUT".to_vec(),
            extensions: Vec::new(),
            uses: Vec::new(),
        }]);
        assert_eq!(policies.of_table(layout, b"nat"), None);
        assert_eq!(own_table(b"iptable_nat"), Some(("iptables", &b"nat"[..])));
        assert_eq!(own_table(b"ip6table_raw"), Some(("ip6tables", &b"raw"[..])));
        assert_eq!(own_table(b"arptable_filter"), Some(("arptables", &b"filter"[..])));
        assert_eq!(own_table(b"xt_limit"), None);
    }

    #[test]
    fn damaged_tables_end() {
        let layout = &LAYOUTS[0];
        let whole = table_of(layout);
        for length in 0..whole.entries.len() {
            let mut table = whole.clone();
            table.entries.truncate(length);
            assert!(Rules::read(layout, &table).0.len() <= 4);
        }
        for value in [0u8, 1, 0xff] {
            let mut table = whole.clone();
            table.entries.fill(value);
            let _ = Rules::read(layout, &table);
        }
        assert!(extensions_of(&[0, 0, 1, 2]).is_empty());
    }

    #[test]
    fn modules_that_a_target_names() {
        let mut data = vec![0; 72];
        data[12..15].copy_from_slice(b"ftp");
        let uses = |name, data: &[u8]| used_by(&Extension { length: 0, name, data }, 2);
        assert_eq!(uses(b"CT", &data), ["nfct-helper-ftp"]);
        data[28] = b'x';
        assert_eq!(uses(b"CT", &data), ["nfct-helper-ftp", "nfnetlink_cttimeout"]);
        assert_eq!(uses(b"CT", &data[..13]), [""; 0]);
        assert_eq!(uses(b"LOG", b""), ["nf-logger-2-0"]);
        assert_eq!(uses(b"string", b"\0\0\xff\xffkmp\0\0\0\0\0\0\0\0\0\0\0\0\0"), ["ts_kmp"]);
        assert_eq!(uses(b"string", b"\0\0\xff\xffkmp"), [""; 0]);
    }
}
