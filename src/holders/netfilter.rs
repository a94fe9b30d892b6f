//! The packet filter: nftables, sets, virtual servers.

mod nftables;
mod objects;
mod servers;
mod sets;
mod xtables;

use rustix::io::Errno;

use super::netlink::{self, Netlink};
use super::search::Search;
use super::sockets::is_registered;
use crate::name::ModuleName;

pub(super) use nftables::nftables;
pub use objects::NetfilterObject;
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
