//! Who holds a module, in words and as data.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use modutils::{Certainty, Holder, HolderKind, Holders, LoadedModule, Process, shell_word};
use serde_json::{Map, Value, json};

use crate::common::unprintable::escaped;

/// One phrase for each, those that hold references first, and at last what is not known.
pub(crate) fn phrases(module: &LoadedModule, holders: &Holders) -> Vec<String> {
    let mut list: Vec<_> = holders.list.iter().map(phrase).collect();
    match holders.unexplained {
        Some(1) => list.push("1 reference cannot be attributed".to_owned()),
        Some(count @ 2..) => list.push(format!("{count} references cannot be attributed")),
        Some(0) => {}
        None => list.push("the kernel keeps no count of references".to_owned()),
    }
    match holders.hidden_processes {
        0 => {}
        1 => list.push("1 process may not be looked into".to_owned()),
        count => list.push(format!("{count} processes may not be looked into")),
    }
    if holders.incomplete {
        list.push("the search was given up after two seconds".to_owned());
    }
    if list.is_empty() && module.refcnt == Some(0) {
        list.push("nothing holds it".to_owned());
    }
    list
}

/// How many references there are.
pub(crate) fn count(module: &LoadedModule) -> String {
    match module.refcnt {
        None => "no count of references".to_owned(),
        Some(1) => "1 reference".to_owned(),
        Some(count) => format!("{} references", count.max(0)),
    }
}

fn phrase(holder: &Holder) -> String {
    let name = holder.name.as_deref().map(shown).unwrap_or_default();
    let path = holder.path.as_ref().map(|path| shown(path.as_os_str())).unwrap_or_default();
    let process = holder.process.as_ref().map_or_else(String::new, |process| {
        format!("{} ({})", shown(&process.command), process.pid)
    });
    let what = match holder.kind {
        HolderKind::Module => format!("the module {name} uses it"),
        HolderKind::Loader => String::from("the loader holds it until its init function returns"),
        HolderKind::Process => format!("{process} has {path} open"),
        HolderKind::Socket => format!("{process} has sockets of the protocol {name}"),
        HolderKind::Mount => format!("{name} is mounted on {path}"),
        HolderKind::Loop => format!("{name} is bound to {path}"),
        HolderKind::Swap => format!("{name} is used for swapping"),
        HolderKind::BlockDevice => format!("the block device {name} is made of it"),
        HolderKind::Scheduler => format!("it schedules the requests of {name}"),
        HolderKind::Crypto => format!("the algorithm {name} is in use"),
        HolderKind::Device => format!("the device {name} is bound to it, without a reference"),
        HolderKind::Interface => {
            format!("the network interface {name} is of it, without a reference")
        }
        _ => format!("{name} {path}"),
    };
    let what = match holder.certainty {
        Certainty::Known => what,
        Certainty::Likely => format!("{what}, which is most likely of it"),
        _ => format!("{what}, which may be of it"),
    };
    match holder.references {
        0 | 1 => what,
        count => format!("{what} ({count} references)"),
    }
}

/// Commands that make a holder let go, in words that a shell takes for words: processes and mounts
/// are named by whoever started or made them.
pub(crate) fn fixes(holders: &Holders) -> Vec<String> {
    let mut list = Vec::new();
    for holder in holders.list.iter().filter(|holder| holder.certainty != Certainty::Possible) {
        let name = holder.name.as_deref().unwrap_or_default();
        let fix = match (holder.kind, &holder.path, &holder.process) {
            (HolderKind::Mount, Some(path), _) => format!("umount {}", shell_word(path)),
            (HolderKind::Loop, ..) => {
                format!("losetup -d {}", shell_word(Path::new("/dev").join(name)))
            }
            (HolderKind::Swap, ..) => format!("swapoff {}", shell_word(name)),
            (HolderKind::Process | HolderKind::Socket, _, Some(process)) if !is_self(process) => {
                format!("end {} ({})", shell_word(&process.command), process.pid)
            }
            _ => continue,
        };
        if !list.contains(&fix) {
            list.push(fix);
        }
    }
    list
}

/// A file that this command was started with, and nobody else has.
fn is_self(process: &Process) -> bool {
    u32::try_from(process.pid) == Ok(std::process::id())
}

pub(crate) fn to_json(holders: &Holders) -> Vec<Value> {
    holders.list.iter().map(object).collect()
}

fn object(holder: &Holder) -> Value {
    let mut object = Map::new();
    object.insert("kind".to_owned(), json!(kind(holder.kind)));
    if let Some(process) = &holder.process {
        object.insert("pid".to_owned(), json!(process.pid));
        object.insert("command".to_owned(), json!(process.command.to_string_lossy()));
    }
    if let Some(name) = &holder.name {
        object.insert("name".to_owned(), json!(name.to_string_lossy()));
    }
    if let Some(path) = &holder.path {
        object.insert("path".to_owned(), json!(path.to_string_lossy()));
    }
    object.insert("references".to_owned(), json!(holder.references));
    object.insert("certainty".to_owned(), json!(certainty(holder.certainty)));
    Value::Object(object)
}

fn kind(kind: HolderKind) -> &'static str {
    match kind {
        HolderKind::Module => "module",
        HolderKind::Loader => "loader",
        HolderKind::Process => "process",
        HolderKind::Socket => "socket",
        HolderKind::Mount => "mount",
        HolderKind::Loop => "loop",
        HolderKind::Swap => "swap",
        HolderKind::BlockDevice => "block-device",
        HolderKind::Scheduler => "scheduler",
        HolderKind::Crypto => "crypto",
        HolderKind::Device => "device",
        HolderKind::Interface => "interface",
        _ => "other",
    }
}

fn certainty(certainty: Certainty) -> &'static str {
    match certainty {
        Certainty::Known => "known",
        Certainty::Likely => "likely",
        _ => "possible",
    }
}

/// A process gives itself any name: one that commands a terminal is not obeyed, and one with a line
/// break says nothing in a line of its own, wherever the text goes.
fn shown(text: &OsStr) -> String {
    escaped(text.as_bytes())
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
        let holders = modutils::holders(&System::at(&root), module);
        assert_eq!(fixes(&holders), [r"umount $'/mnt/x; reboot #\033[2J'"]);
        assert_eq!(phrases(module, &holders), [r"fuse is mounted on /mnt/x; reboot #\x1b[2J"]);
        fs::remove_dir_all(root).unwrap();
    }
}
