//! What in the network can hold a module.

use std::fmt;

use crate::holders::{Process, Text};

/// Something in the network that uses the code of a module.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize),
    serde(tag = "object", rename_all = "kebab-case", rename_all_fields = "kebab-case")
)]
#[non_exhaustive]
pub enum NetworkObject {
    /// An interface of its kind; holds no reference while it is down.
    Interface {
        /// Name of the interface.
        interface: Text,
        /// The bridge, bond or team that the interface is a port of.
        #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
        master: Option<Text>,
        /// Why it takes a reference.
        #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
        state: Option<InterfaceState>,
    },
    /// A queueing discipline.
    Qdisc {
        /// Name of the interface.
        interface: Text,
        /// Kind of the queueing discipline.
        qdisc: Text,
        /// Its handle, such as `8001:`.
        handle: Text,
    },
    /// The queueing discipline of new interfaces, `net.core.default_qdisc`.
    DefaultQdisc {
        /// Kind of the queueing discipline.
        qdisc: Text,
        /// The setting below `net.core`.
        setting: Text,
    },
    /// A traffic filter.
    Filter {
        /// Name of the interface, or the number of the shared block.
        interface: Text,
        /// Kind of the filter.
        filter: Text,
        /// The queueing discipline or class that it is attached to.
        parent: Text,
        /// Its preference.
        preference: u32,
        /// The extended match that uses the module.
        #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
        ematch: Option<Text>,
    },
    /// A chain that takes only filters of one kind.
    Chain {
        /// Name of the interface, or the number of the shared block.
        interface: Text,
        /// Number of the chain.
        chain: u32,
        /// Kind of the filters.
        filter: Text,
        /// The queueing discipline or class that it is attached to.
        parent: Text,
    },
    /// A traffic action.
    Action {
        /// Kind of the action.
        action: Text,
        /// Its index.
        index: u32,
        /// The interface of the filter that uses the action.
        #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
        interface: Option<Text>,
    },
    /// A route or next hop with an encapsulation.
    Route {
        /// The destination, or the number of the next hop.
        destination: Text,
        /// Number of the routing table.
        table: u32,
        /// The encapsulation.
        encapsulation: Text,
    },
    /// A team in the mode that the module implements.
    Team {
        /// Name of the interface.
        interface: Text,
        /// The mode.
        mode: Text,
    },
    /// An L2TP session or tunnel.
    L2tp {
        /// Number of the tunnel.
        tunnel: u32,
        /// Number of the session; none for the tunnel itself.
        #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
        session: Option<u32>,
        /// Name of the interface.
        #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
        interface: Option<Text>,
    },
    /// A port of Open vSwitch: a tunnel, an interface, or the own one of a datapath.
    DatapathPort {
        /// Name of the datapath.
        datapath: Text,
        /// Name of the port.
        port: Text,
    },
    /// A security association of `IPsec`.
    XfrmState {
        /// Source address.
        source: Text,
        /// Destination address.
        destination: Text,
        /// Protocol.
        protocol: Text,
        /// Security parameter index, in hexadecimal.
        spi: Text,
        /// The algorithm that uses the module.
        #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
        algorithm: Option<Text>,
    },
    /// An interface that encrypts with one of its algorithms.
    Cipher {
        /// Name of the interface.
        interface: Text,
        /// The algorithm.
        algorithm: Text,
    },
    /// The default congestion control, `net.ipv4.tcp_congestion_control`.
    DefaultCongestionControl {
        /// Name of the algorithm.
        algorithm: Text,
        /// The setting below `net.ipv4`.
        setting: Text,
    },
    /// A socket that a process cannot be found for.
    Socket {
        /// The protocol.
        protocol: Text,
        /// Inode number of the socket, or the port of a socket of netlink or TCP.
        id: u64,
    },
    /// A dump of objects that a process asked for and has not read to its end.
    Dump {
        /// The process.
        #[cfg_attr(feature = "serde", serde(flatten))]
        process: Process,
        /// The netlink protocol.
        protocol: Text,
    },
    /// A terminal with its line discipline.
    LineDiscipline {
        /// A process that has the terminal open.
        #[cfg_attr(feature = "serde", serde(flatten))]
        process: Process,
        /// The terminal.
        path: Text,
        /// Number of the line discipline.
        number: u8,
    },
}

/// Why an interface takes a reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum InterfaceState {
    /// It is up.
    Up,
    /// It persists without a process.
    Persistent,
    /// It runs the protocol that the module implements.
    Protocol,
}

impl fmt::Display for NetworkObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Interface { interface, master, state } => {
                write!(f, "network interface {interface}")?;
                if let Some(master) = master {
                    write!(f, ", a port of {master},")?;
                }
                f.write_str(match state {
                    None => " belongs to it (holds no reference)",
                    Some(InterfaceState::Up) => " is up",
                    Some(InterfaceState::Persistent) => " is persistent",
                    Some(InterfaceState::Protocol) => " runs the protocol of the module",
                })
            }
            Self::Qdisc { interface, qdisc, handle } => {
                write!(f, "interface {interface} has the qdisc {qdisc} {handle}")
            }
            Self::DefaultQdisc { qdisc, .. } => {
                write!(f, "{qdisc} is the default qdisc (net.core.default_qdisc)")
            }
            Self::Filter { interface, filter, parent, preference, ematch } => {
                place(f, interface)?;
                write!(f, " has a {filter} filter")?;
                if let Some(ematch) = ematch {
                    write!(f, " with the match {ematch}")?;
                }
                write!(f, " (parent {parent}, preference {preference})")
            }
            Self::Chain { interface, chain, filter, parent } => {
                place(f, interface)?;
                write!(f, " has a chain of {filter} filters (chain {chain}, parent {parent})")
            }
            Self::Action { action, index, interface } => {
                write!(f, "action {action} index {index}")?;
                match interface {
                    Some(interface) => {
                        f.write_str(" is used by a filter of ")?;
                        place(f, interface)
                    }
                    None => f.write_str(" exists (no filter uses it)"),
                }
            }
            Self::Route { destination, table, encapsulation } => {
                write!(f, "route {destination} in table {table} encapsulates with {encapsulation}")
            }
            Self::Team { interface, mode } => write!(f, "team {interface} is in mode {mode}"),
            Self::L2tp { tunnel, session, interface } => {
                match session {
                    Some(session) => write!(f, "L2TP session {session} of tunnel {tunnel} exists")?,
                    None => write!(f, "L2TP tunnel {tunnel} exists")?,
                }
                interface.as_ref().map_or(Ok(()), |interface| write!(f, " (interface {interface})"))
            }
            Self::DatapathPort { datapath, port } => {
                write!(f, "port {port} of datapath {datapath} exists (Open vSwitch)")
            }
            Self::XfrmState { source, destination, protocol, spi, algorithm } => {
                write!(f, "IPsec state {source} to {destination} ({protocol}, SPI {spi}) ")?;
                match algorithm {
                    Some(algorithm) => write!(f, "uses {algorithm}"),
                    None => f.write_str("exists"),
                }
            }
            Self::Cipher { interface, algorithm } => {
                write!(f, "interface {interface} encrypts with {algorithm}")
            }
            Self::DefaultCongestionControl { algorithm, .. } => {
                write!(f, "{algorithm} is the default congestion control of TCP")
            }
            Self::Socket { protocol, id } => {
                write!(f, "{protocol} socket {id} of an unknown process is open")
            }
            Self::Dump { process, protocol } => {
                write!(f, "{process} has not read the answer to a {protocol} request")
            }
            Self::LineDiscipline { process, path, number } => {
                write!(f, "{process} has {path} open, with line discipline {number}")
            }
        }
    }
}

/// An interface, or the block that interfaces share: `block 22`, which no interface is called.
fn place(f: &mut fmt::Formatter<'_>, interface: &Text) -> fmt::Result {
    let is_block = interface.as_os_str().as_encoded_bytes().starts_with(b"block ");
    write!(f, "{}{interface}", if is_block { "" } else { "interface " })
}
