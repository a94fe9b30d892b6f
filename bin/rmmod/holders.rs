//! Who holds a module, in words and as data.

use modutils::diagnosis::WayOut;
use modutils::holders::{Certainty, Holder, HolderKind, Holders};
use modutils::loaded::LoadedModule;
use serde_json::{Value, json};

use crate::common::unprintable::escaped;

/// Returns what a removal does to the things that hold no reference.
pub(crate) fn consequences(list: &[Holder]) -> Vec<String> {
    let phrases = list.iter().filter_map(|holder| holder.kind.consequence());
    phrases.map(|phrase| escaped(phrase.as_bytes())).collect()
}

/// Returns the number of references in words.
pub(crate) fn count(module: &LoadedModule) -> String {
    match module.refcnt {
        None => "no count of references".to_owned(),
        Some(1) => "1 reference".to_owned(),
        Some(count) => format!("{} references", count.max(0)),
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
        let text = holders.list[0].to_string();
        assert_eq!(text, r"fuse is mounted on /mnt/x; reboot #\x1b[2J");
        fs::remove_dir_all(root).unwrap();
    }
}
