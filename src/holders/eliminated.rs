//! Holders that show that they hold some module, and not which.
//!
//! If their number is that of the references that nothing else explains, they most likely are the
//! holders; otherwise they are possible.

use std::path::Path;

use super::holder::{Certainty, Holder, HolderKind};
use super::lost;
use super::named;
use super::paths;
use super::process::Access;
use super::search::Search;
use super::seen::{OpenFile, Seen};
use super::threads;
use super::unowned;
use crate::system;

pub(super) fn of(search: &Search<'_>) -> Vec<Holder> {
    let mut list = Vec::new();
    if search.aliases.is_filesystem(search.name()) {
        list.extend(lost::of(search));
        list.extend(contexts(search));
    } else if !search.name().starts_with(b"usb_f_") {
        // Those of a file system run for as long as it is mounted, and hold nothing; neither do those
        // of functions of gadgets.
        list.extend(threads::of(search));
    }
    list.extend(in_flight(search));
    list.extend(debugging(search));
    let total = |list: &[Holder]| list.iter().map(|holder| holder.references).sum::<u64>();
    if total(&list) != search.left() {
        list.extend(named::of(search));
    }
    let fits = total(&list) == search.left();
    for holder in &mut list {
        if !fits {
            holder.references = 0;
        }
        holder.certainty = if fits { Certainty::Likely } else { Certainty::Possible };
    }
    if list.is_empty() {
        list = unowned::of(search);
        for holder in &mut list {
            holder.certainty = Certainty::Likely;
        }
    }
    list
}

/// File systems that fsopen(2) was called for, and that were not mounted yet.
fn contexts(search: &Search<'_>) -> Vec<Holder> {
    let processes = search.processes();
    let files = processes.files.iter();
    let contexts = files.filter(|file| file.path == Path::new("anon_inode:[fscontext]"));
    contexts
        .filter_map(|file| {
            let owner = processes.owner(file)?;
            Some(owner.hold(Holder::known(file.holder(owner))))
        })
        .collect()
}

/// Files of debugfs: some hold the module that made them (`debugfs_file_get`).
fn debugging(search: &Search<'_>) -> Vec<Holder> {
    let processes = search.processes();
    let files = processes.files.iter().filter(|file| paths::is_in_debugfs(search, &file.path));
    files
        .filter_map(|file| {
            let owner = processes.owner(file)?;
            Some(owner.hold(Holder::known(file.holder(owner))))
        })
        .collect()
}

/// Descriptors in flight: sent through a Unix socket, and not received yet.
fn in_flight(search: &Search<'_>) -> Vec<Holder> {
    let processes = search.processes();
    let mut list = Vec::new();
    for file in &processes.files {
        let (Some(owner), Some(_)) = (processes.owner(file), file.socket()) else { continue };
        let count = count_in_flight(owner, file);
        if count == 0 || search.is_late() {
            continue;
        }
        let kind = HolderKind::Process {
            process: owner.process.clone(),
            tid: file.tid,
            path: file.path.clone().into(),
            access: Access::InFlight,
        };
        list.push(owner.hold(Holder::known(kind).with_references(count)));
    }
    list
}

/// `scm_fds: 1` in the `fdinfo` of a Unix socket (Linux 5.8).
fn count_in_flight(owner: &Seen, file: &OpenFile) -> u64 {
    let text = file.info(&owner.dir).and_then(|info| system::read_text(&info).ok());
    let text = text.unwrap_or_default();
    let count = text.lines().find_map(|line| line.strip_prefix("scm_fds:"));
    count.and_then(|count| count.trim().parse().ok()).unwrap_or(0)
}
