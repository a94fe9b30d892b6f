//! The packet filter: nftables, sets, virtual servers.

mod ebtables;
mod nftables;
pub(super) mod objects;
mod servers;
mod sets;
mod xtables;

use rustix::io::Errno;

use objects::NetfilterObject;

use super::netlink::{self, Netlink};
use super::search::Search;
use super::sockets::is_registered;
use super::{Holder, Text};
use crate::name::ModuleName;

pub(super) use ebtables::ebtables;
pub(super) use nftables::nftables;
pub(super) use servers::virtual_servers;
pub(super) use sets::sets;
pub(super) use xtables::xtables;

/// The length of `struct nfgenmsg`.
const HEADER: usize = 4;

/// Opens a netlink socket to a part of netfilter that a module implements, unless the module is
/// not there: the kernel would load it.
fn open(search: &Search<'_>, module: &str) -> Result<Option<Netlink>, Errno> {
    let dir = search.system.module_dir(&ModuleName::from_kernel(module.as_bytes()));
    if !dir.is_dir() || !is_registered(search, netlink::NETFILTER) {
        return Ok(None);
    }
    Netlink::open(netlink::NETFILTER).map(Some)
}

/// The name of a family of netfilter, as nft(8) writes it (`linux/netfilter.h`).
fn family(number: u8) -> &'static str {
    match number {
        1 => "inet",
        3 => "arp",
        5 => "netdev",
        7 => "bridge",
        10 => "ip6",
        _ => "ip",
    }
}

/// The name of the algorithm in a `struct xt_string_info`.
fn text_search(info: &[u8]) -> Option<String> {
    let name = netlink::text(info.get(4..20)?);
    Some(String::from_utf8_lossy(name).into_owned())
}

/// Rules that use the module, and the chains that they are in.
#[derive(Default)]
struct InChains {
    rules: u64,
    references: u64,
    chains: Vec<Text>,
    commands: Vec<String>,
}

impl InChains {
    fn add(&mut self, chain: Text, rules: u64, references: u64, command: String) {
        self.rules += rules;
        self.references += references;
        self.chains.push(chain);
        self.commands.push(command);
    }

    /// One holder for all.
    fn holder(self, object: impl FnOnce(u64, Vec<Text>) -> NetfilterObject) -> Option<Holder> {
        let Self { rules, references, chains, commands } = self;
        let holder = Holder::in_netfilter(object(rules, chains)).with_references(references);
        (!commands.is_empty()).then(|| holder.ended_by(commands.join("; ")))
    }
}
