//! Algorithms in use.

use std::collections::HashSet;

use super::block;
use super::btrfs;
use super::dm;
use super::encrypted;
use super::holder::{Certainty, Holder, HolderKind};
use super::mounts;
use super::network;
use super::search::Search;
use super::sockets;
use super::text::Text;
use crate::shell::shell_word;
use crate::system;

pub(super) fn of(search: &Search<'_>) -> Vec<Holder> {
    let text = system::read(&search.system.crypto()).unwrap_or_default();
    let mut list = Vec::new();
    for algorithm in parse(&text, search.name()).into_iter().filter(|found| found.users > 0) {
        let (used_by, users): (Vec<_>, Vec<_>) = users(search, &algorithm).into_iter().unzip();
        let kind = HolderKind::Crypto { name: algorithm.driver.into(), used_by };
        list.push(Holder::known(kind).with_references(algorithm.users));
        for user in users.into_iter().flatten() {
            // One user mostly has several algorithms.
            if list.iter().all(|known: &Holder| known.kind != user.kind) {
                list.push(user);
            }
        }
    }
    list
}

/// An algorithm of the module.
#[derive(Debug, Default, PartialEq, Eq)]
struct Algorithm {
    name: String,
    driver: String,
    users: u64,
}

/// Paragraphs of lines `key : value`. Each user of an algorithm holds its module once, and the
/// registration counts as a user that does not (`crypto_mod_get` in `crypto/api.c`).
fn parse(text: &[u8], module: &[u8]) -> Vec<Algorithm> {
    let mut list = Vec::new();
    let (mut algorithm, mut own) = (Algorithm::default(), false);
    for line in text.split(|&byte| byte == b'\n') {
        let Some(colon) = line.iter().position(|&byte| byte == b':') else { continue };
        let (key, value) = line.split_at_checked(colon).unwrap_or((line, b""));
        let value = String::from_utf8_lossy(value.get(1..).unwrap_or_default().trim_ascii());
        match key.trim_ascii() {
            b"name" => algorithm = Algorithm { name: value.into_owned(), ..Algorithm::default() },
            b"driver" => algorithm.driver = value.into_owned(),
            b"module" => own = value.as_bytes() == module,
            b"refcnt" if own => {
                let references: u64 = value.parse().unwrap_or(0);
                let users = references.saturating_sub(1);
                list.push(Algorithm { users, ..std::mem::take(&mut algorithm) });
            }
            _ => {}
        }
    }
    list
}

/// The beginnings of algorithms that TLS uses in the kernel (`tls_set_sw_offload` in
/// `net/tls/tls_sw.c`).
const TRANSPORT: [&str; 3] = ["gcm(", "ccm(", "rfc7539("];

/// Known users of an algorithm of this name, each as a phrase, and as a holder if there is a way to
/// end its use: the kernel does not list them, and counts no reference of theirs.
fn users(search: &Search<'_>, algorithm: &Algorithm) -> Vec<(Text, Option<Holder>)> {
    let mut list = Vec::new();
    let likely = |kind| Holder::new(kind, Certainty::Likely);
    for view in search.views().iter().filter(|view| view.namespace.is_none()) {
        for mount in &view.mounts {
            let of_ext4 = algorithm.name == "crc32c" && matches!(mount.kind.to_str(), Some("ext4"));
            let checksum = btrfs::checksum(search, mount).unwrap_or_default();
            if of_ext4 || checksum.contains(&format!("({})", algorithm.driver)) {
                let text = format!("{} on {}", mount.kind.display(), mount.place.display());
                let is_root = mount.place == "/";
                let holder = (!is_root).then(|| mounts::holder(view, mount, Certainty::Likely));
                list.push((text.into(), holder));
            }
        }
    }
    for device in search.mapped() {
        let words = [&algorithm.name, &algorithm.driver];
        if words.into_iter().any(|word| dm::mentions(device, word)) {
            let name = Text::from(device.name.as_slice());
            let (block_name, dir) = block::of_number(search, device.number);
            let holder = block::stopped(likely(block::named(block_name, &dir)), &dir);
            list.push((format!("device-mapper device {name}").into(), Some(holder)));
        }
    }
    if algorithm.name.contains("gcm(") || algorithm.name == "gcm" {
        let links = network::interfaces_of_type(search, "macsec").into_iter();
        list.extend(links.map(|name| (Text::from(format!("network interface {name}")), None)));
    }
    for name in block::zram_devices(search, &algorithm.name) {
        let dir = search.system.class_dir("block").join(name.as_os_str());
        let command = format!("echo 1 > {}", shell_word(dir.join("reset")));
        let holder = likely(block::named(name.clone(), &dir)).ended_by(command);
        list.push((format!("zram device {name}").into(), Some(holder)));
    }
    // Whoever encrypts in user space by the kernel: nothing shows with which algorithm.
    let processes = sockets::users_of_algorithms(search);
    let is_sole = list.is_empty() && processes.len() == 1;
    for (process, _) in processes {
        let text = Text::from(process.to_string());
        let command = format!("kill {}", process.pid);
        let kind = HolderKind::Socket { process, protocol: "ALG".into() };
        list.push((text, is_sole.then(|| likely(kind).ended_by(command))));
    }
    if list.is_empty() && TRANSPORT.iter().any(|start| algorithm.name.starts_with(start)) {
        for holder in sockets::encrypted(search) {
            if let HolderKind::Socket { process, .. } = &holder.kind {
                list.push((process.to_string().into(), Some(holder)));
            }
        }
    }
    if list.is_empty() {
        list.extend(encrypting(search, &algorithm.name));
    }
    if block::zswap_compressor(search).is_some_and(|name| name == algorithm.name) {
        list.push(("zswap".into(), None));
    }
    list
}

/// The mounts whose files may be encrypted with an algorithm that nothing else is known to use.
fn encrypting(search: &Search<'_>, algorithm: &str) -> Vec<(Text, Option<Holder>)> {
    let own = search.views().iter().filter(|view| view.namespace.is_none());
    let mounts = own.flat_map(|view| view.mounts.iter().map(move |mount| (view, mount)));
    let mut known = HashSet::new();
    let found = mounts.filter(|(_, mount)| {
        encrypted::may_use(search, mount, algorithm) && known.insert(mount.device)
    });
    found
        .map(|(view, mount)| {
            let text = format!("{} on {}", mount.kind.display(), mount.place.display());
            let holder = mounts::holder(view, mount, Certainty::Likely);
            (text.into(), (mount.place != "/").then_some(holder))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_beside_the_registration() {
        let text = b"\
name         : md4
driver       : md4-generic
module       : md4
priority     : 0
refcnt       : 3

name         : md4x
driver       : md4x-generic
module       : md4
refcnt       : 1

name         : sha1
driver       : sha1-generic
module       : kernel
refcnt       : 9
";
        let list = parse(text, b"md4");
        let found: Vec<_> =
            list.iter().map(|one| (one.name.as_str(), one.driver.as_str(), one.users)).collect();
        assert_eq!(found, [("md4", "md4-generic", 2), ("md4x", "md4x-generic", 0)]);
    }
}
