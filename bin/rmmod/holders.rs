//! Who holds a module, in words and as data.

use std::fmt::Write;

use modutils::{Certainty, Holder, Holders, LoadedModule, WayOut};
use serde_json::{Value, json};

use crate::common::unprintable::escaped;

/// Returns a phrase for each holder, those with references first, and at last for what is unknown.
pub(crate) fn phrases(module: &LoadedModule, holders: &Holders) -> Vec<String> {
    let mut list: Vec<_> = holders.list.iter().map(phrase).collect();
    match holders.unexplained {
        Some(1) => list.push("1 reference of unknown origin".to_owned()),
        Some(count @ 2..) => list.push(format!("{count} references of unknown origin")),
        Some(0) => {}
        None => list.push("the kernel keeps no count of references".to_owned()),
    }
    if list.is_empty() && module.refcnt == Some(0) {
        list.push("not in use".to_owned());
    }
    list.extend(omissions(holders));
    list
}

/// Returns one phrase about everything that was not inspected.
fn omissions(holders: &Holders) -> Option<String> {
    let mut text = String::new();
    for same in holders.omissions.chunk_by(|a, b| a.reason == b.reason) {
        let sources: Vec<_> = same.iter().map(|omission| omission.source.as_str()).collect();
        let separator = if text.is_empty() { "" } else { "; " };
        if let Some(first) = same.first() {
            // Writing to a String cannot fail.
            let _ = write!(text, "{separator}{} ({})", sources.join(", "), first.reason);
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

fn phrase(holder: &Holder) -> String {
    // A process gives itself any name: line breaks in a name do not start a line.
    let what = escaped(holder.kind.to_string().as_bytes());
    let what = match holder.certainty {
        Certainty::Known => what,
        Certainty::Likely => format!("{what} (probably a device of this module)"),
        _ => format!("{what} (possibly a device of this module)"),
    };
    match holder.references {
        0 | 1 => what,
        count => format!("{what} ({count} references)"),
    }
}

/// Returns the ways to end the holds, each once.
pub(crate) fn ways_out(holders: &Holders) -> Vec<WayOut> {
    let mut list = Vec::new();
    let sure = holders.list.iter().filter(|holder| holder.certainty != Certainty::Possible);
    for way_out in sure.filter_map(|holder| holder.way_out.as_ref()) {
        if !list.contains(way_out) {
            list.push(way_out.clone());
        }
    }
    list
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
