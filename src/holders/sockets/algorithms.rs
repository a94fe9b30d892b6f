//! Sockets of `AF_ALG`.

use std::collections::HashMap;

use super::protocol_of;
use crate::holders::search::Search;
use crate::holders::{Certainty, Holder, HolderKind, Process, Text};

/// Number of sockets of `AF_ALG` of each process that has any.
pub(in crate::holders) fn users_of_algorithms(search: &Search<'_>) -> Vec<(Process, u64)> {
    sockets(search).into_iter().map(|(process, count, _)| (process, count)).collect()
}

fn sockets(search: &Search<'_>) -> Vec<(Process, u64, usize)> {
    let processes = search.processes();
    let mut list: Vec<(Process, u64, usize)> = Vec::new();
    let mut known = HashMap::new();
    for file in &processes.files {
        let (Some(owner), Some(fd)) = (processes.owner(file), file.fd) else { continue };
        if owner.is_caller || file.socket().is_none() {
            continue;
        }
        let link = owner.dir.join("fd").join(fd.to_string());
        if protocol_of(&link).is_none_or(|name| name != b"ALG") {
            continue;
        }
        let place = *known.entry(file.owner).or_insert(list.len());
        match list.get_mut(place) {
            Some((_, count, _)) => *count += 1,
            None => list.push((owner.process.clone(), 1, file.owner)),
        }
    }
    list
}

/// Each socket that is bound to an algorithm holds the module of its type (`alg_bind` in
/// `crypto/af_alg.c`), and those for its requests do not. The kernel does not show the type.
pub(in crate::holders) fn algorithm_types(search: &Search<'_>) -> Vec<Holder> {
    if !search.name().starts_with(b"algif_") {
        return Vec::new();
    }
    let sockets = sockets(search);
    let left = search.left();
    let total: u64 = sockets.iter().map(|(_, count, _)| count).sum();
    // All of one process, or each socket: then they are the holders.
    let is_sole = sockets.len() == 1 && left <= total;
    let fits = is_sole || total == left;
    let processes = search.processes();
    let holders = sockets.into_iter().filter_map(|(process, count, owner)| {
        let protocol = Text::from("ALG");
        let kind = HolderKind::Socket { process, protocol };
        let holder = if fits {
            let references = if is_sole { left } else { count };
            Holder::new(kind, Certainty::Likely).with_references(references)
        } else {
            Holder::new(kind, Certainty::Possible)
        };
        Some(processes.list.get(owner)?.hold(holder))
    });
    holders.collect()
}
