//! Who holds a module, in words and as data.

use std::fmt::Write;

use modutils::diagnosis::WayOut;
use modutils::holders::{Access, Certainty, Holder, HolderKind, Holders};
use modutils::loaded::LoadedModule;
use serde_json::{Value, json};

use crate::common::unprintable::escaped;

/// Returns a phrase for each holder, and last one for unknown holders.
pub(crate) fn phrases(module: &LoadedModule, holders: &Holders) -> Vec<String> {
    let mut list: Vec<_> = holding(holders).map(phrase).collect();
    list.extend(remainder(module, holders));
    list
}

/// Returns what holds references.
pub(crate) fn holding(holders: &Holders) -> impl Iterator<Item = &Holder> {
    holders.list.iter().filter(|holder| holder.kind.consequence().is_none())
}

/// Returns phrases about references whose holder is unknown, and about what was not inspected.
pub(crate) fn remainder(module: &LoadedModule, holders: &Holders) -> Vec<String> {
    let mut list = Vec::new();
    match holders.unexplained {
        Some(1) => list.push("1 reference of unknown origin".to_owned()),
        Some(count @ 2..) => list.push(format!("{count} references of unknown origin")),
        Some(0) => {}
        None => list.push("the kernel keeps no count of references".to_owned()),
    }
    if list.is_empty() && holding(holders).next().is_none() && module.refcnt == Some(0) {
        list.push("not in use".to_owned());
    }
    list.extend(omissions(holders));
    list
}

/// Returns what a removal does to the things that hold no reference.
pub(crate) fn consequences(list: &[Holder]) -> Vec<String> {
    let phrases = list.iter().filter_map(|holder| holder.kind.consequence());
    phrases.map(|phrase| escaped(phrase.as_bytes())).collect()
}

/// How many sources are named that were not inspected for one reason.
const SOURCES_MAX: usize = 4;

/// Returns one phrase about everything that was not inspected.
pub(crate) fn omissions(holders: &Holders) -> Option<String> {
    let mut text = String::new();
    for same in holders.omissions.chunk_by(|a, b| a.reason == b.reason) {
        let named = same.iter().take(SOURCES_MAX).map(|omission| omission.source.as_str());
        let mut sources = named.collect::<Vec<_>>().join(", ");
        if let Some(more @ 1..) = same.len().checked_sub(SOURCES_MAX) {
            let _ = write!(sources, " and {more} more");
        }
        let separator = if text.is_empty() { "" } else { "; " };
        if let Some(first) = same.first() {
            // Writing to a String cannot fail.
            let _ = write!(text, "{separator}{sources} ({})", first.reason);
        }
    }
    (!text.is_empty()).then(|| format!("not inspected: {text}"))
}

/// Returns the number of references in words.
pub(crate) fn count(module: &LoadedModule) -> String {
    match module.refcnt {
        None => "no count of references".to_owned(),
        Some(1) => "1 reference".to_owned(),
        Some(count) => format!("{} references", count.max(0)),
    }
}

/// Returns who it is, in words.
pub(crate) fn phrase(holder: &Holder) -> String {
    // A process gives itself any name: line breaks in a name do not start a line.
    let what = escaped(holder.kind.to_string().as_bytes());
    let is_device = matches!(&holder.kind, HolderKind::Process { access: Access::Open, .. });
    let what = match holder.certainty {
        Certainty::Known => what,
        Certainty::Likely if is_device => format!("{what} (probably a device of this module)"),
        Certainty::Likely => format!("{what} (probably)"),
        _ => format!("{what} (possibly)"),
    };
    match holder.references {
        0 | 1 => what,
        count => format!("{what} ({count} references)"),
    }
}

/// Returns the ways to end the holds, each once.
pub(crate) fn ways_out(holders: &Holders) -> Vec<WayOut> {
    let mut list = Vec::new();
    collect(&holders.list, &mut list);
    list
}

/// Returns the ways to end this hold: of a module that is itself held, first of what holds that.
pub(crate) fn ways_out_of(holder: &Holder) -> Vec<WayOut> {
    let mut list = Vec::new();
    collect(std::slice::from_ref(holder), &mut list);
    if let (HolderKind::Module { .. }, Some(way_out)) = (&holder.kind, &holder.way_out) {
        list.push(way_out.clone());
    }
    list
}

/// Returns the ways to end what holds the modules that use it.
pub(crate) fn ends(holders: &Holders) -> Vec<WayOut> {
    let mut list = Vec::new();
    for holder in &holders.list {
        if let HolderKind::Module { held_by, .. } = &holder.kind {
            collect(held_by, &mut list);
        }
    }
    list
}

/// What holds a module that uses ours comes before that module.
fn collect(holders: &[Holder], list: &mut Vec<WayOut>) {
    for holder in holders.iter().filter(|holder| holder.certainty != Certainty::Possible) {
        if let HolderKind::Module { held_by, .. } = &holder.kind {
            collect(held_by, list);
            continue;
        }
        if let Some(way_out) = holder.way_out.as_ref().filter(|way_out| !list.contains(way_out)) {
            list.push(way_out.clone());
        }
    }
}

/// Returns what holds the modules that use it, if anything does.
pub(crate) fn chain(holders: &Holders) -> Option<String> {
    let held = holders.list.iter().filter(
        |holder| matches!(&holder.kind, HolderKind::Module { held_by, .. } if !held_by.is_empty()),
    );
    let phrases: Vec<_> = held.map(phrase).collect();
    (!phrases.is_empty()).then(|| phrases.join("; "))
}

pub(crate) fn to_json(holders: &Holders) -> Vec<Value> {
    holders.list.iter().map(|holder| json!(holder)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use modutils::{Snapshot, System};
    use std::fs;

    /// Anybody who may mount with FUSE chooses the place.
    #[test]
    fn a_place_is_a_word() {
        let root = std::env::temp_dir().join(format!("modutils-place-{}", std::process::id()));
        fs::create_dir_all(root.join("proc/self")).unwrap();
        let mount = br"36 35 0:40 / /mnt/x;\040reboot\040#\033[2J rw - fuse.x x rw";
        fs::write(root.join("proc/self/mountinfo"), mount).unwrap();
        let snapshot = Snapshot::parse(b"fuse 1 1 - Live 0x0\n").unwrap();
        let module = &snapshot.modules()[0];
        let holders = System::at(&root).holders(module);
        let umount = r"umount $'/mnt/x; reboot #\033[2J'".to_owned();
        assert_eq!(ways_out(&holders), [WayOut::Command(umount)]);
        assert_eq!(phrases(module, &holders), [r"fuse is mounted on /mnt/x; reboot #\x1b[2J"]);
        fs::remove_dir_all(root).unwrap();
    }
}
