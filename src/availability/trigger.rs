//! What makes the kernel or udev(7) ask for a module, in words.

use std::fmt;

use super::alias::{is_same, without};
use super::family;
use crate::file::Image;
use crate::name::ModuleName;

/// Something that loads a module when it is asked for by one of these names.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Trigger {
    /// What happens, such as `a socket of the family AF_ALG is opened`.
    pub text: String,
    /// Whether every user can make it happen.
    pub any_user: bool,
}

impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The start of aliases, and a description of their devices: `{}` stands for the rest of the alias,
/// or for all of them.
const BY_NAME: &[(&str, &str)] = &[
    ("fs-", "a file system of type {} is mounted"),
    ("crypto-", "the crypto algorithm {} is asked for"),
    ("rtnl-link-", "a network interface of type {} is created"),
    ("netdev-", "the network interface {} is asked for"),
    ("devname:", "/dev/{} is opened"),
    ("char-major-", "a character device with the number {} is opened"),
    ("block-major-", "a block device with the number {} is opened"),
    ("tty-ldisc-", "the line discipline {} is set on a terminal"),
    ("net-sch-", "the queueing discipline {} is set up"),
    ("net-cls-", "the packet classifier {} is set up"),
    ("net-act-", "the packet action {} is set up"),
    ("ematch-kind-", "the packet match {} is set up"),
    ("nft-expr-", "an nftables rule uses {}"),
    ("nft-chain-", "an nftables chain of type {} is set up"),
    ("nft-obj-", "an nftables object of type {} is set up"),
    ("nfnetlink-subsys-", "the netfilter subsystem {} is asked for"),
    ("nfct-helper-", "the connection tracking helper {} is set up"),
    ("nf-logger-", "the packet logger {} is set up"),
    ("nf-nat-helper-", "the address translation helper {} is set up"),
    ("ipt_", "an iptables rule uses {}"),
    ("ip6t_", "an ip6tables rule uses {}"),
    ("arpt_", "an arptables rule uses {}"),
    ("ebt_", "an ebtables rule uses {}"),
    ("xt_", "an iptables rule uses {}"),
    ("ip_set_", "an IP set of type {} is set up"),
    ("md-level-", "an md array of level {} is started"),
    ("md-personality-", "an md array of personality {} is started"),
    ("dm-", "a device-mapper target {} is set up"),
    ("tcp-ulp-", "a TCP socket gets the upper layer {}"),
    ("can-proto-", "a CAN socket of protocol {} is opened"),
    ("bt-proto-", "a Bluetooth socket of protocol {} is opened"),
    ("xfrm-type-", "an IPsec state of type {} is set up"),
    ("ppp-compress-", "PPP compression {} is set up"),
    ("rpc-auth-", "RPC authentication {} is used"),
    ("binfmt-", "an executable of format {} is run"),
    ("vport-type-", "an Open vSwitch port of type {} is set up"),
    ("nvmet-transport-", "an NVMe target of transport {} is set up"),
    ("ledtrig:", "the LED trigger {} is set"),
    ("cpu", "this processor has a feature that the module is for"),
    ("x86cpu:", "this processor is one that the module is for"),
    ("dmi", "this machine is one that the module is for"),
];

/// Buses, and the article of their devices.
const BUSES: &[(&str, &str)] = &[
    ("pci:", "a PCI device"),
    ("usb:", "a USB device"),
    ("hid:", "a HID device"),
    ("acpi", "an ACPI device"),
    ("pnp:", "a plug-and-play device"),
    ("virtio:", "a virtio device"),
    ("of:", "a device of the device tree"),
    ("i2c:", "an I2C device"),
    ("spi:", "an SPI device"),
    ("platform:", "a platform device"),
    ("input:", "an input device"),
    ("scsi:", "a SCSI device"),
    ("sdio:", "an SDIO device"),
    ("serio:", "a serio device"),
    ("hdaudio:", "an HD audio codec"),
    ("vmbus:", "a Hyper-V device"),
    ("xen:", "a Xen device"),
    ("mdio:", "a network PHY"),
    ("wmi:", "a WMI device"),
    ("pcmcia:", "a PCMCIA device"),
    ("ieee1394:", "a FireWire device"),
    ("nd:", "a device for persistent memory"),
    ("typec:", "a USB Type-C device"),
    ("tbsvc:", "a Thunderbolt service"),
];

/// A function that modules call to register something that the kernel asks for by the module's own
/// name: the start of the name, and what the rest stands for. From the calls of `request_module` in
/// Linux 6.12.
const BY_REGISTRATION: &[(&str, &str, &str, bool)] = &[
    ("af_alg_register_type", "algif_", "an AF_ALG socket is bound to type {}", true),
    ("tcp_register_congestion_control", "tcp_", "the TCP congestion control {} is set", false),
    ("register_qdisc", "sch_", "the queueing discipline {} is set up", false),
    ("register_tcf_proto_ops", "cls_", "the packet classifier {} is set up", false),
    ("tcf_register_action", "act_", "the packet action {} is set up", false),
    ("dm_register_target", "dm_", "a device-mapper target {} is set up", false),
    ("register_ip_vs_scheduler", "ip_vs_", "the IPVS scheduler {} is set up", false),
];

/// More names of one kind are counted instead of listed.
const NAMES_MAX: usize = 4;

/// What loads a module with these aliases; and with this name, if its file tells that the kernel
/// asks for it.
pub(super) fn triggers(
    aliases: &[Vec<u8>],
    module: &ModuleName,
    image: Option<&Image>,
) -> Vec<Trigger> {
    let mut groups: Vec<(Kind, Vec<String>)> = Vec::new();
    let mut add =
        |kind: Kind, value: String| match groups.iter_mut().find(|(found, _)| *found == kind) {
            Some((_, values)) if values.contains(&value) => {}
            Some((_, values)) => values.push(value),
            None => groups.push((kind, vec![value])),
        };
    for (kind, value) in image.into_iter().flat_map(|image| registrations(image, module)) {
        add(kind, value);
    }
    for alias in aliases {
        let alias = String::from_utf8_lossy(alias);
        // Many have the bare name for an alias, too, which only older kernels ask for.
        let longer = ["crypto-", "fs-"].map(|start| format!("{start}{alias}"));
        let is_there = |name: &String| aliases.iter().any(|alias| is_same(alias, name.as_bytes()));
        if !longer.iter().any(is_there) {
            let (kind, value) = kind_of(&alias);
            add(kind, value);
        }
    }
    groups.into_iter().map(|(kind, values)| kind.trigger(&values)).collect()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A text with a place for names.
    Named {
        text: &'static str,
        any_user: bool,
    },
    Device(&'static str),
    /// A device of a bus that has no name here.
    OtherDevice,
    Socket,
    Other,
}

fn kind_of(alias: &str) -> (Kind, String) {
    if let Some(socket) = family::socket(alias) {
        return (Kind::Socket, socket);
    }
    if let Some((_, text)) = BUSES.iter().find(|(start, _)| alias.starts_with(start)) {
        return (Kind::Device(text), alias.to_owned());
    }
    for (start, text) in BY_NAME {
        if let Some(rest) = without(start, alias) {
            // `MAJOR-MINOR` elsewhere has a colon.
            let is_number = start.ends_with("-major-");
            let value = if is_number { rest.replacen(['-', '_'], ":", 1) } else { rest.to_owned() };
            return (Kind::Named { text, any_user: false }, value);
        }
    }
    match alias.split_once(':') {
        Some((bus, _)) => (Kind::OtherDevice, bus.to_owned()),
        None => (Kind::Other, alias.to_owned()),
    }
}

fn registrations(image: &Image, module: &ModuleName) -> Vec<(Kind, String)> {
    let name = module.to_string();
    let imports = image.imports().unwrap_or_default();
    let found = BY_REGISTRATION.iter().filter_map(|(function, start, text, any_user)| {
        let rest = name.strip_prefix(start)?;
        imports
            .iter()
            .any(|import| import.name == *function)
            .then(|| (Kind::Named { text, any_user: *any_user }, rest.to_owned()))
    });
    found.collect()
}

impl Kind {
    fn trigger(self, values: &[String]) -> Trigger {
        let listed = list(values);
        let (text, any_user) = match self {
            Self::Named { text, any_user } => (text.replace("{}", &listed), any_user),
            Self::Socket => (format!("{listed} is opened"), true),
            Self::Device(device) => {
                let ids = values.len();
                let plural = if ids == 1 { "" } else { "s" };
                (format!("{device} with one of its {ids} ID{plural} is found"), false)
            }
            Self::OtherDevice => (format!("a device of the bus {listed} is found"), false),
            Self::Other => (format!("the name {listed} is asked for"), false),
        };
        Trigger { text: text.replace("one of its 1 ID ", "its ID "), any_user }
    }
}

/// `a, b or c`.
fn list(values: &[String]) -> String {
    let shown = values.get(..NAMES_MAX).unwrap_or(values);
    match (shown, values.len() - shown.len()) {
        ([one], 0) => one.clone(),
        ([all @ .., last], 0) => format!("{} or {last}", all.join(", ")),
        (some, more) => format!("{} or {more} more", some.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(aliases: &[&str]) -> Vec<String> {
        let aliases: Vec<_> = aliases.iter().map(|alias| alias.as_bytes().to_vec()).collect();
        let module = ModuleName::new("m").unwrap();
        triggers(&aliases, &module, None).into_iter().map(|trigger| trigger.text).collect()
    }

    #[test]
    fn each_kind_once() {
        for (aliases, expected) in [
            (&["net-pf-38"][..], &["a socket of the family AF_ALG is opened"][..]),
            (&["nfs4", "fs-nfs", "fs-nfs4"], &["a file system of type nfs or nfs4 is mounted"]),
            (&["pci:v*", "pci:w*"], &["a PCI device with one of its 2 IDs is found"]),
            (&["usb:v*"], &["a USB device with its ID is found"]),
            (&["aes", "crypto-aes"], &["the crypto algorithm aes is asked for"]),
            (&["char-major-10-237"], &["a character device with the number 10:237 is opened"]),
            (
                &["char_major_10_237", "net_pf_38"],
                &[
                    "a character device with the number 10:237 is opened",
                    "a socket of the family AF_ALG is opened",
                ],
            ),
            (&["foo"], &["the name foo is asked for"]),
            (&["odd:x"], &["a device of the bus odd is found"]),
            (&["devname:net/tun"], &["/dev/net/tun is opened"]),
            (
                &["fs-a", "fs-b", "fs-c", "fs-d", "fs-e", "fs-f"],
                &["a file system of type a, b, c, d or 2 more is mounted"],
            ),
            (&[], &[]),
        ] {
            assert_eq!(words(aliases), expected, "{aliases:?}");
        }
    }
}
