//! Rules of legacy ebtables.

use std::os::fd::AsFd;

use modutils_sys::xtables::bridge_table;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, ipproto, socket_with};

use super::InChains;
use super::nftables::has_extension;
use super::objects::NetfilterObject;
use crate::holders::netlink::{note, number, text};
use crate::holders::search::Search;
use crate::holders::{Holder, Text};
use crate::name::ModuleName;

/// The tables, each with a module of its own.
const TABLES: [&str; 3] = ["filter", "nat", "broute"];
/// `NFPROTO_BRIDGE`.
const FAMILY: u8 = 7;

/// `struct ebt_entries`: its length, and the offset of the name of the chain.
const CHAIN: usize = 48;
const CHAIN_NAME: usize = 4;
/// `struct ebt_entry`: its length, and the offsets of the offsets in it.
const RULE: usize = 112;
const WATCHERS: usize = 100;
const TARGET: usize = 104;
const NEXT: usize = 108;
/// The length of `struct ebt_entry_match` without data, which those of watchers and targets have,
/// and the offset of the length of the data.
const EXTENSION: usize = 40;
const EXTENSION_DATA: usize = 32;

/// Each match, watcher and target of a rule holds its module (`ebt_check_entry`), and a table with
/// rules its own (`do_replace_finish`). Those of other network namespaces are not looked at: the
/// kernel does not tell which tables they have.
pub(in crate::holders) fn ebtables(search: &Search<'_>) -> Vec<Holder> {
    let own = search.name().strip_prefix(b"ebtable_");
    let is_extension =
        search.is_kind("ebt_", &["ebt_", "xt_", "nf_log_"]) || search.is_kind("nf-logger-7-", &[]);
    if !search.system.is_live() || own.is_none() && !is_extension {
        return Vec::new();
    }
    let mut list = Vec::new();
    let mut found = InChains::default();
    for table in TABLES {
        // The kernel would load it.
        let module = ModuleName::from_kernel(format!("ebtable_{table}").as_bytes());
        if !search.system.module_dir(&module).is_dir() {
            continue;
        }
        let result = read(table.as_bytes()).map(|entries| {
            let rules = Rules::read(&entries);
            match own {
                Some(own) if own == table.as_bytes() => list.extend(rules.of_table(table)),
                Some(_) => {}
                None => rules.of_extension(search, table, &mut found),
            }
        });
        note(search, "ebtables rules", result);
    }
    list.extend(found.holder(|rules, chains| NetfilterObject::XtRules { rules, chains }));
    list
}

fn read(name: &[u8]) -> Result<Vec<u8>, Errno> {
    let flags = SocketFlags::CLOEXEC;
    let socket = socket_with(AddressFamily::INET, SocketType::RAW, flags, Some(ipproto::RAW))?;
    bridge_table(socket.as_fd(), name).map_err(|errno| Errno::from_raw_os_error(errno as i32))
}

/// The names of the matches, watchers and the target of a rule.
type Extensions = Vec<Vec<u8>>;

/// The chains, each with its rules.
#[derive(Debug, Default, PartialEq, Eq)]
struct Rules(Vec<(Vec<u8>, Vec<Extensions>)>);

impl Rules {
    /// Reads the entries, which refer to each other by their lengths. Damage ends them.
    fn read(entries: &[u8]) -> Self {
        let mut chains: Vec<(Vec<u8>, Vec<_>)> = Vec::new();
        let mut rest = entries;
        while let Some(first) = number(rest, 0) {
            // A chain begins with 0 where a rule has flags.
            if first == 0 {
                let Some((head, behind)) = rest.split_at_checked(CHAIN) else { break };
                let name = head.get(CHAIN_NAME..CHAIN_NAME + 32).map(text).unwrap_or_default();
                chains.push((name.to_vec(), Vec::new()));
                rest = behind;
                continue;
            }
            let Some((rule, behind)) = offset(rest, NEXT)
                .filter(|&next| next > RULE)
                .and_then(|next| rest.split_at_checked(next))
            else {
                break;
            };
            if let Some((_, rules)) = chains.last_mut() {
                rules.push(extensions(rule));
            }
            rest = behind;
        }
        Self(chains)
    }

    /// Adds the rules with an extension of the module.
    fn of_extension(&self, search: &Search<'_>, table: &str, found: &mut InChains) {
        for (chain, rules) in &self.0 {
            let counts = rules.iter().map(|names| {
                let own = names.iter().filter(|name| is_own(search, name));
                u64::try_from(own.count()).unwrap_or_default()
            });
            let counts: Vec<_> = counts.filter(|count| *count > 0).collect();
            if !counts.is_empty() {
                let name = Text::from(chain.as_slice());
                let command = format!("ebtables-legacy -t {table} -F {}", name.word());
                let shown = [b"ebtables", table.as_bytes(), chain].join(&b' ');
                let rules = u64::try_from(counts.len()).unwrap_or_default();
                found.add(shown.into(), rules, counts.iter().sum(), command);
            }
        }
    }

    /// The table itself, if it has rules.
    fn of_table(&self, table: &str) -> Option<Holder> {
        if self.0.iter().all(|(_, rules)| rules.is_empty()) {
            return None;
        }
        let command = format!("ebtables-legacy -t {table} -F");
        let object = NetfilterObject::XtTable { family: "ebtables".into(), table: table.into() };
        Some(Holder::in_netfilter(object).ended_by(command))
    }
}

/// Whether an extension, or the logger that it uses, is of the module.
fn is_own(search: &Search<'_>, name: &[u8]) -> bool {
    let logger = match name {
        b"log" => Some(0),
        b"nflog" => Some(1),
        _ => None,
    };
    let uses = |kind| search.provides(&[&format!("nf-logger-{FAMILY}-{kind}")], &[]);
    has_extension(search, name, FAMILY) || logger.is_some_and(uses)
}

fn extensions(rule: &[u8]) -> Extensions {
    let part = |from: Option<usize>, to: Option<usize>| rule.get(from?..to?);
    let (watchers, target) = (offset(rule, WATCHERS), offset(rule, TARGET));
    let parts = [(Some(RULE), watchers), (watchers, target), (target, Some(rule.len()))];
    let mut names = Vec::new();
    for mut rest in parts.into_iter().filter_map(|(from, to)| part(from, to)) {
        while let Some(length) = offset(rest, EXTENSION_DATA) {
            names.extend(rest.get(..31).map(|name| text(name).to_vec()));
            rest = rest.get(length.saturating_add(EXTENSION)..).unwrap_or_default();
        }
    }
    names
}

fn offset(bytes: &[u8], place: usize) -> Option<usize> {
    usize::try_from(number(bytes, place)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(name: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; CHAIN];
        bytes[CHAIN_NAME..CHAIN_NAME + name.len()].copy_from_slice(name);
        bytes
    }

    fn extension(name: &[u8], data: usize) -> Vec<u8> {
        let mut bytes = vec![0; EXTENSION + data];
        bytes[..name.len()].copy_from_slice(name);
        bytes[EXTENSION_DATA..EXTENSION_DATA + 4]
            .copy_from_slice(&u32::try_from(data).unwrap().to_ne_bytes());
        bytes
    }

    fn rule(parts: [&[u8]; 3]) -> Vec<u8> {
        let mut bytes = vec![0; RULE];
        bytes[0] = 1;
        for (part, place) in parts.into_iter().zip([WATCHERS, TARGET, NEXT]) {
            bytes.extend(part);
            let end = u32::try_from(bytes.len()).unwrap();
            bytes[place..place + 4].copy_from_slice(&end.to_ne_bytes());
        }
        bytes
    }

    fn table() -> Vec<u8> {
        let limit = extension(b"limit", 40);
        let log = extension(b"log", 40);
        [
            chain(b"INPUT"),
            chain(b"FORWARD"),
            rule([&limit, &log, &extension(b"standard", 8)]),
            rule([b"", b"", &extension(b"mark", 16)]),
            chain(b"mine"),
            rule([
                &[limit.clone(), extension(b"arp", 56)].concat(),
                b"",
                &extension(b"standard", 8),
            ]),
        ]
        .concat()
    }

    #[test]
    fn chains_with_rules() {
        let rules = Rules::read(&table()).0;
        let shown: Vec<_> = rules
            .iter()
            .map(|(chain, rules)| {
                let rules: Vec<_> = rules
                    .iter()
                    .map(|names| String::from_utf8_lossy(&names.join(&b'+')).into_owned())
                    .collect();
                format!("{}: {}", String::from_utf8_lossy(chain), rules.join(" "))
            })
            .collect();
        let expected = ["INPUT: ", "FORWARD: limit+log+standard mark", "mine: limit+arp+standard"];
        assert_eq!(shown, expected);
    }

    #[test]
    fn damaged_tables_end() {
        let whole = table();
        for length in 0..whole.len() {
            assert!(Rules::read(&whole[..length]).0.len() <= 3);
        }
        for value in [0, 1, 0x7f, 0xff] {
            for place in 0..whole.len() {
                let mut table = whole.clone();
                table[place] = value;
                let _ = Rules::read(&table);
            }
        }
    }
}
