//! What can hold a module, kind by kind.

use super::netfilter::objects::NetfilterObject;
use super::network::objects::NetworkObject;
use super::process::{Access, Namespace, Process};
use super::text::Text;
use super::tracing::objects::TracingObject;
use crate::remedy::WayOut;
use crate::shell::shell_word;

/// Something that holds a module, or goes away with the module.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Holder {
    /// The holder itself.
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub kind: HolderKind,
    /// Number of references that the holder accounts for.
    ///
    /// Zero for a holder that goes away with the module, and for one whose references other
    /// holders account for already: processes can share one open file, which is one reference.
    pub references: u64,
    /// How well the holder is known.
    pub certainty: Certainty,
    /// The way to end the hold.
    #[cfg_attr(feature = "serde", serde(rename = "fix", skip_serializing_if = "Option::is_none"))]
    pub way_out: Option<WayOut>,
    /// Whether it may take a second reference, see [`settle`](super::settle).
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(super) may_take_two: bool,
    /// Whether it may take any number of references beyond, see [`settle`](super::settle).
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(super) may_take_more: bool,
    /// Whether the calling process is the holder.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(super) is_caller: bool,
}

/// The kinds of holders, each with what identifies the holder.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize),
    serde(tag = "kind", rename_all = "kebab-case", rename_all_fields = "kebab-case")
)]
#[non_exhaustive]
pub enum HolderKind {
    /// A module that uses its symbols.
    Module {
        /// Name of the module.
        name: Text,
        /// What holds that module in turn.
        #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Vec::is_empty"))]
        held_by: Vec<Holder>,
    },
    /// The module itself, as long as it is loaded.
    #[cfg_attr(feature = "serde", serde(rename = "module"))]
    Itself {
        /// Name of the module.
        name: Text,
        /// What it holds itself with.
        reason: Text,
    },
    /// A module that took a reference by name, and that the kernel does not list.
    #[cfg_attr(feature = "serde", serde(rename = "module"))]
    Unlisted {
        /// Name of the module.
        name: Text,
        /// What points to the module.
        reason: Text,
    },
    /// The kernel's loader, until the module's init function returns.
    Loader {
        /// The process that loads it; none if the init function ended its process: it crashed.
        #[cfg_attr(feature = "serde", serde(flatten))]
        process: Option<Process>,
        /// The kernel function in which the process is.
        #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
        function: Option<Text>,
    },
    /// A thread of the kernel that runs its code.
    Thread {
        /// The thread.
        #[cfg_attr(feature = "serde", serde(flatten))]
        process: Process,
        /// The function of the module in which the thread is.
        function: Text,
    },
    /// An object in configfs.
    ConfigObject {
        /// Directory of the object.
        path: Text,
    },
    /// An object in sysfs that is in use: an exported GPIO line, an iSCSI session, the transceiver
    /// of a network interface, a watchdog that runs; or a handler of `binfmt_misc`.
    SysfsObject {
        /// Directory of the object.
        path: Text,
    },
    /// A process that holds one of its files, such as a device node.
    Process {
        /// The process.
        #[cfg_attr(feature = "serde", serde(flatten))]
        process: Process,
        /// Thread with a descriptor table of its own, if the process itself lacks the descriptor.
        #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
        tid: Option<i32>,
        /// The file, as the process sees it.
        path: Text,
        /// How the process holds the file.
        access: Access,
    },
    /// A process that has a socket of one of its protocols.
    Socket {
        /// The process.
        #[cfg_attr(feature = "serde", serde(flatten))]
        process: Process,
        /// Name of the protocol, as in `/proc/net/protocols`.
        #[cfg_attr(feature = "serde", serde(rename = "name"))]
        protocol: Text,
    },
    /// A mounted file system, of its type or on one of its block devices.
    Mount {
        /// Type of the file system.
        #[cfg_attr(feature = "serde", serde(rename = "name"))]
        filesystem: Text,
        /// The mount point.
        path: Text,
        /// The mount namespace, if it is not the caller's.
        #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
        namespace: Option<Namespace>,
    },
    /// A directory that the kernel's NFS server exports.
    Export {
        /// The directory.
        path: Text,
        /// The clients.
        client: Text,
    },
    /// A loop device that is bound to a file.
    Loop {
        /// Name of the loop device.
        name: Text,
        /// The file.
        path: Text,
    },
    /// A block device or file of its that is used as swap.
    Swap {
        /// Path of the swap area.
        name: Text,
    },
    /// A block device that is stacked on one of its devices, or that uses its code.
    BlockDevice {
        /// Name of the block device.
        name: Text,
        /// The name that the device mapper knows it by.
        #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
        dm_name: Option<Text>,
    },
    /// A block device whose requests it schedules.
    Scheduler {
        /// Name of the block device.
        name: Text,
    },
    /// One of its algorithms, in use.
    Crypto {
        /// Driver name of the algorithm.
        name: Text,
        /// What probably uses the algorithm.
        #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Vec::is_empty"))]
        used_by: Vec<Text>,
    },
    /// A device that one of its drivers is bound to; holds no reference.
    Device {
        /// Name of the device.
        name: Text,
    },
    /// A network interface that belongs to it; holds no reference.
    Interface {
        /// Name of the interface.
        name: Text,
    },
    /// Something in the network that uses its code.
    Network {
        /// The object.
        #[cfg_attr(feature = "serde", serde(flatten))]
        object: NetworkObject,
        /// The network namespace, if it is not the caller's.
        #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
        namespace: Option<Namespace>,
    },
    /// Something in the packet filter that uses its code.
    Netfilter {
        /// The object.
        #[cfg_attr(feature = "serde", serde(flatten))]
        object: NetfilterObject,
        /// The network namespace, if it is not the caller's.
        #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
        namespace: Option<Namespace>,
    },
    /// A probe or a patch on its functions.
    Tracing {
        /// The object.
        #[cfg_attr(feature = "serde", serde(flatten))]
        object: TracingObject,
    },
}

/// How well a holder is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum Certainty {
    /// The kernel, or the list of the modules' own aliases, says so.
    Known,
    /// A name or a driver points to the module, and nothing contradicts.
    Likely,
    /// There is a reason to suspect the holder, and no proof.
    Possible,
}

impl Holder {
    /// Returns a holder without references.
    pub(super) fn new(kind: HolderKind, certainty: Certainty) -> Self {
        Self {
            kind,
            references: 0,
            certainty,
            way_out: None,
            may_take_two: false,
            may_take_more: false,
            is_caller: false,
        }
    }

    /// Returns a holder that certainly holds one reference.
    pub(super) fn known(kind: HolderKind) -> Self {
        Self { references: 1, ..Self::new(kind, Certainty::Known) }
    }

    /// Sets the number of references.
    pub(super) fn with_references(self, references: u64) -> Self {
        Self { references, ..self }
    }

    /// Returns a holder in the network that certainly holds one reference.
    pub(super) fn in_network(object: NetworkObject) -> Self {
        Self::known(HolderKind::Network { object, namespace: None })
    }

    /// The place in the order of a list. What keeps a mount comes before it.
    pub(super) fn rank(&self) -> u8 {
        use HolderKind::{Swap, SysfsObject, Tracing};
        match self.kind {
            Swap { .. } | SysfsObject { .. } | Tracing { .. } if self.references == 0 => 3,
            _ => self.kind.rank(),
        }
    }

    /// Returns a holder in the packet filter that certainly holds one reference.
    pub(super) fn in_netfilter(object: NetfilterObject) -> Self {
        Self::known(HolderKind::Netfilter { object, namespace: None })
    }

    /// Sets the network namespace, also of the command that ends the hold.
    pub(super) fn in_namespace(mut self, other: &Namespace) -> Self {
        let (HolderKind::Network { namespace, .. } | HolderKind::Netfilter { namespace, .. }) =
            &mut self.kind
        else {
            return self;
        };
        *namespace = Some(other.clone());
        if let Some(WayOut::Command(command)) = &mut self.way_out
            && !command.starts_with("kill ")
        {
            // Each of several commands has to be run there.
            let inside = if command.contains("; ") {
                format!("sh -c {}", shell_word(&command))
            } else {
                command.clone()
            };
            *command = format!("{}{inside}", other.enter_network());
        }
        self
    }

    /// Sets how well the holder is known.
    pub(super) fn with_certainty(self, certainty: Certainty) -> Self {
        Self { certainty, ..self }
    }

    /// Sets the step that ends the hold.
    pub(super) fn ended_by_step(self, step: impl Into<String>) -> Self {
        Self { way_out: Some(WayOut::Step(step.into())), ..self }
    }

    /// Sets a restart as what ends the hold, and nothing else.
    pub(super) fn ended_by_restart(self) -> Self {
        self.ended_by_step("restart the system without it")
    }

    /// Sets the command line that ends the hold, or several, separated by `; `; their operands are
    /// [`Text::word`]s.
    pub(super) fn ended_by(self, command: impl Into<String>) -> Self {
        Self { way_out: Some(WayOut::Command(command.into())), ..self }
    }
}

impl HolderKind {
    /// Whether the reference is among the module's users, which the kernel lists by name.
    pub(super) fn is_listed(&self) -> bool {
        matches!(self, Self::Module { .. } | Self::Loader { .. })
    }

    /// Whether it is a device, which goes away with its driver: another module, possibly.
    pub fn is_device_in_use(&self) -> bool {
        matches!(self, Self::SysfsObject { .. })
    }

    /// Whether it may end without anybody ending it: a process exits, code of the kernel returns.
    /// What was set up stays until it is taken down.
    pub fn may_end(&self) -> bool {
        match self {
            Self::Loader { process, .. } => process.is_some(),
            Self::Thread { .. }
            | Self::Process { .. }
            | Self::Socket { .. }
            | Self::Crypto { .. }
            | Self::Device { .. }
            | Self::Interface { .. } => true,
            Self::Module { held_by, .. } => {
                !held_by.is_empty() && held_by.iter().all(|holder| holder.kind.may_end())
            }
            Self::Itself { .. }
            | Self::Unlisted { .. }
            | Self::ConfigObject { .. }
            | Self::SysfsObject { .. }
            | Self::Mount { .. }
            | Self::Export { .. }
            | Self::Loop { .. }
            | Self::Swap { .. }
            | Self::BlockDevice { .. }
            | Self::Scheduler { .. }
            | Self::Network { .. }
            | Self::Netfilter { .. }
            | Self::Tracing { .. } => false,
        }
    }

    /// The rank in a list of holders.
    pub(super) fn rank(&self) -> u8 {
        match self {
            Self::Module { .. } | Self::Unlisted { .. } => 0,
            Self::Loader { .. } => 1,
            Self::Process { .. } => 2,
            Self::Export { .. } | Self::Socket { .. } => 3,
            Self::Mount { .. } => 4,
            Self::Device { .. } | Self::Interface { .. } => 9,
            _ => 5,
        }
    }
}
