//! The aliases of sockets: `net-pf-FAMILY[-proto-PROTOCOL[-type-TYPE]]`.

use super::alias::without;

/// Address families by their numbers: `include/linux/socket.h` of Linux 6.12.
const FAMILIES: &[&str] = &[
    "AF_UNSPEC",
    "AF_UNIX",
    "AF_INET",
    "AF_AX25",
    "AF_IPX",
    "AF_APPLETALK",
    "AF_NETROM",
    "AF_BRIDGE",
    "AF_ATMPVC",
    "AF_X25",
    "AF_INET6",
    "AF_ROSE",
    "AF_DECnet",
    "AF_NETBEUI",
    "AF_SECURITY",
    "AF_KEY",
    "AF_NETLINK",
    "AF_PACKET",
    "AF_ASH",
    "AF_ECONET",
    "AF_ATMSVC",
    "AF_RDS",
    "AF_SNA",
    "AF_IRDA",
    "AF_PPPOX",
    "AF_WANPIPE",
    "AF_LLC",
    "AF_IB",
    "AF_MPLS",
    "AF_CAN",
    "AF_TIPC",
    "AF_BLUETOOTH",
    "AF_IUCV",
    "AF_RXRPC",
    "AF_ISDN",
    "AF_PHONET",
    "AF_IEEE802154",
    "AF_CAIF",
    "AF_ALG",
    "AF_NFC",
    "AF_VSOCK",
    "AF_KCM",
    "AF_QIPCRTR",
    "AF_SMC",
    "AF_XDP",
    "AF_MCTP",
];

/// A protocol and a type of `AF_NETLINK`: `NETLINK_GENERIC` asks by the names of its families,
/// `NETLINK_SOCK_DIAG`, which lists sockets.
const GENERIC: &str = "16-proto-16-family-";
const DIAGNOSIS: &str = "16-proto-4-type-";

/// The socket in words.
pub(super) fn socket(alias: &str) -> Option<String> {
    let rest = without("net-pf-", alias)?;
    if let Some(family) = without(GENERIC, rest) {
        return Some(format!("a netlink socket for the family {family}"));
    }
    let rest = rest.replace('_', "-");
    if let Some(of) = rest.strip_prefix(DIAGNOSIS) {
        // The family of the sockets that are listed, and maybe their protocol.
        let number = of.split('-').next().unwrap_or_default();
        return Some(format!("a netlink socket that lists sockets of {}", family(number)));
    }
    let (number, rest) = rest.split_once("-proto-").map_or((&*rest, None), |(n, r)| (n, Some(r)));
    let name = format!("a socket of the family {}", family(number));
    Some(match rest.map(|rest| rest.split_once("-type-").unwrap_or((rest, ""))) {
        None => name,
        Some((protocol, "")) => format!("{name} with protocol {protocol}"),
        Some((protocol, kind)) => format!("{name} with protocol {protocol} and type {kind}"),
    })
}

fn family(number: &str) -> String {
    let index = number.parse::<usize>().ok();
    let name = index.and_then(|index| FAMILIES.get(index));
    name.map_or_else(|| number.to_owned(), |name| (*name).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_protocols_and_types() {
        for (alias, expected) in [
            ("net-pf-38", Some("a socket of the family AF_ALG")),
            ("net-pf-99", Some("a socket of the family 99")),
            ("net-pf-2-proto-132", Some("a socket of the family AF_INET with protocol 132")),
            (
                "net-pf-2-proto-132-type-1",
                Some("a socket of the family AF_INET with protocol 132 and type 1"),
            ),
            ("net-pf-16-proto-16-family-nl80211", Some("a netlink socket for the family nl80211")),
            (
                "net-pf-16-proto-4-type-2-132",
                Some("a netlink socket that lists sockets of AF_INET"),
            ),
            ("fs-nfs", None),
        ] {
            assert_eq!(socket(alias).as_deref(), expected, "{alias}");
        }
        assert_eq!(FAMILIES.len(), 46);
        assert_eq!(FAMILIES[29], "AF_CAN");
    }
}
