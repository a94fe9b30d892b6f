//! What in the packet filter can hold a module.

use std::fmt;

use crate::holders::{Process, Text};

/// Something in the packet filter that uses the code of a module.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize),
    serde(tag = "object", rename_all = "kebab-case", rename_all_fields = "kebab-case")
)]
#[non_exhaustive]
pub enum NetfilterObject {
    /// Rules of nftables.
    NftRules {
        /// Number of rules that use the module.
        rules: u64,
        /// The chains with these rules, each as family, table and name.
        chains: Vec<Text>,
    },
    /// A base chain of nftables of the type that the module implements.
    NftChain {
        /// Family of the table.
        family: Text,
        /// Name of the table.
        table: Text,
        /// Name of the chain.
        chain: Text,
    },
    /// A named object of nftables.
    NftObject {
        /// Family of the table.
        family: Text,
        /// Name of the table.
        table: Text,
        /// Name of the object.
        name: Text,
        /// Its kind, such as `counter`.
        #[cfg_attr(feature = "serde", serde(rename = "type"))]
        kind: Text,
    },
    /// A set of nftables with expressions of the module in its elements.
    NftSet {
        /// Family of the table.
        family: Text,
        /// Name of the table.
        table: Text,
        /// Name of the set.
        name: Text,
    },
    /// A flow table of nftables.
    NftFlowtable {
        /// Family of the table.
        family: Text,
        /// Name of the table.
        table: Text,
        /// Name of the flow table.
        name: Text,
    },
    /// Rules of legacy iptables.
    XtRules {
        /// Number of rules that use the module.
        rules: u64,
        /// The chains with these rules, each as command, table and name.
        chains: Vec<Text>,
    },
    /// A table of legacy iptables that has rules.
    XtTable {
        /// The command that lists it, such as `iptables`.
        family: Text,
        /// Name of the table.
        table: Text,
    },
    /// A set of ipset(8).
    Ipset {
        /// Name of the set.
        name: Text,
        /// Its type, such as `hash:ip`.
        #[cfg_attr(feature = "serde", serde(rename = "type"))]
        kind: Text,
    },
    /// A virtual server of ipvsadm(8).
    VirtualServer {
        /// Protocol and address, or the mark.
        server: Text,
        /// Its scheduler.
        scheduler: Text,
    },
    /// A queue that a process takes packets from.
    Queue {
        /// Number of the queue.
        number: u32,
        /// Port of the netlink socket.
        port: u32,
        /// The process.
        #[cfg_attr(feature = "serde", serde(flatten))]
        process: Option<Process>,
    },
    /// A log group that a process listens to.
    LogGroup {
        /// Number of the group.
        number: u32,
        /// Port of the netlink socket.
        port: u32,
        /// The process.
        #[cfg_attr(feature = "serde", serde(flatten))]
        process: Option<Process>,
    },
}

impl fmt::Display for NetfilterObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NftRules { rules, chains } => {
                in_chains(f, *rules, chains)?;
                f.write_str(" (nftables)")
            }
            Self::NftChain { family, table, chain } => {
                write!(f, "base chain {family} {table} {chain} (nftables)")
            }
            Self::NftObject { family, table, name, kind } => {
                write!(f, "{kind} {family} {table} {name} (nftables)")
            }
            Self::NftSet { family, table, name } => {
                write!(f, "set {family} {table} {name} (nftables)")
            }
            Self::NftFlowtable { family, table, name } => {
                write!(f, "flowtable {family} {table} {name} (nftables)")
            }
            Self::XtRules { rules, chains } => in_chains(f, *rules, chains),
            Self::XtTable { family, table } => write!(f, "table {table} has rules ({family})"),
            Self::Ipset { name, kind } => write!(f, "IP set {name} of type {kind}"),
            Self::VirtualServer { server, scheduler } => {
                write!(f, "virtual server {server} with scheduler {scheduler}")
            }
            Self::Queue { number, port, process } => {
                owner(f, process.as_ref(), *port)?;
                write!(f, " takes packets from netfilter queue {number}")
            }
            Self::LogGroup { number, port, process } => {
                owner(f, process.as_ref(), *port)?;
                write!(f, " listens to netfilter log group {number}")
            }
        }
    }
}

fn in_chains(f: &mut fmt::Formatter<'_>, rules: u64, chains: &[Text]) -> fmt::Result {
    let (rule, chain) = (plural(rules), if chains.len() == 1 { "" } else { "s" });
    write!(f, "{rules} rule{rule} in chain{chain} ")?;
    let mut separator = "";
    for chain in chains {
        write!(f, "{separator}{chain}")?;
        separator = ", ";
    }
    Ok(())
}

fn plural(count: u64) -> &'static str {
    if count == 1 { "" } else { "s" }
}

fn owner(f: &mut fmt::Formatter<'_>, process: Option<&Process>, port: u32) -> fmt::Result {
    match process {
        Some(process) => write!(f, "{process}"),
        None => write!(f, "the netlink socket with port {port}"),
    }
}
