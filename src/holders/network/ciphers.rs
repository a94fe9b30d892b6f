//! Who in the network uses an algorithm for encryption or digests.

use super::links::links;
use super::objects::NetworkObject;
use super::xfrm::{contains, using};
use crate::holders::namespaces::in_each;
use crate::holders::netlink::{self, Netlink, note};
use crate::holders::search::Search;
use crate::holders::{Certainty, Holder};
use crate::system;

/// Kinds of interfaces that encrypt, with their algorithm (`drivers/net/macsec.c`).
const INTERFACES: [(&[u8], &str); 1] = [(b"macsec", "gcm(aes)")];

/// Users of the module's algorithms. The references are those of the algorithm, which the kernel
/// counts without a name.
pub(in crate::holders) fn ciphers(search: &Search<'_>) -> Vec<Holder> {
    let table = system::read(&search.system.crypto()).unwrap_or_default();
    let names = names(&table, search.name());
    if names.is_empty() {
        return Vec::new();
    }
    let mut list = using(search, &names);
    let is_used = |algorithm: &str| {
        let algorithm = algorithm.as_bytes();
        names.iter().any(|name| contains(name, algorithm) || contains(algorithm, name))
    };
    let own: Vec<_> = INTERFACES.iter().filter(|(_, algorithm)| is_used(algorithm)).collect();
    if own.is_empty() {
        return list;
    }
    list.extend(in_each(search, |search| {
        let links =
            Netlink::open(netlink::ROUTE).and_then(|mut netlink| links(search, &mut netlink));
        let found = links.iter().flatten().filter_map(|link| {
            let (_, algorithm) = own.iter().find(|(kind, _)| *kind == link.kind.as_slice())?;
            let interface = link.name.clone();
            let command = format!("ip link del {}", interface.word());
            let object = NetworkObject::Cipher { interface, algorithm: (*algorithm).into() };
            let holder = Holder::in_network(object).with_references(0).ended_by(command);
            Some(holder.with_certainty(Certainty::Likely))
        });
        let found = found.collect();
        note(search, "network interfaces", links.map(|_| ()));
        found
    }));
    list
}

/// The names and the drivers of the module's algorithms that are in use: paragraphs of lines
/// `key : value`.
fn names(table: &[u8], module: &[u8]) -> Vec<Vec<u8>> {
    let mut list = Vec::new();
    let (mut current, mut is_own) = (Vec::new(), false);
    for line in table.split(|&byte| byte == b'\n') {
        let mut parts = line.splitn(2, |&byte| byte == b':').map(<[u8]>::trim_ascii);
        let (key, value) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        match key {
            b"name" => current = vec![value.to_vec()],
            b"driver" => current.push(value.to_vec()),
            b"module" => is_own = value == module,
            b"refcnt" if is_own && value != b"1" => list.append(&mut current),
            _ => {}
        }
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_algorithms_in_use() {
        let table = b"name : gcm(aes)\ndriver : gcm_base(x)\nmodule : gcm\nrefcnt : 2\n\n\
                      name : rfc4106(x)\ndriver : y\nmodule : gcm\nrefcnt : 1\n\n\
                      name : sha1\ndriver : sha1-generic\nmodule : sha1\nrefcnt : 2\n";
        assert_eq!(names(table, b"gcm"), [b"gcm(aes)".to_vec(), b"gcm_base(x)".to_vec()]);
        assert!(names(table, b"md5").is_empty());
        assert!(names(b"refcnt", b"md5").is_empty());
    }
}
