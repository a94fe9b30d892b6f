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
        Some(1) => list.push("1 reference of unknown origin".to_owned()),
        Some(count @ 2..) => list.push(format!("{count} references of unknown origin")),
        Some(0) => {}
        None => list.push("the kernel keeps no count of references".to_owned()),
    }
    match holders.hidden_processes {
        0 => {}
        1 => list.push("1 process could not be inspected (permission denied)".to_owned()),
        count => list.push(format!("{count} processes could not be inspected (permission denied)")),
    }
    if holders.incomplete {
        list.push("the search stopped after 2 s; the list may be incomplete".to_owned());
    }
    if list.is_empty() && module.refcnt == Some(0) {
        list.push("not in use".to_owned());
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
        HolderKind::Module => format!("used by module {name}"),
        HolderKind::Loader => String::from("held by the loader until its init function returns"),
        HolderKind::Process => format!("{process} has {path} open"),
        HolderKind::Socket => format!("{process} has {name} sockets"),
        HolderKind::Mount => format!("{name} is mounted on {path}"),
        HolderKind::Loop => format!("{name} is bound to {path}"),
        HolderKind::Swap => format!("swap space on {name}"),
        HolderKind::BlockDevice => format!("block device {name} uses it"),
        HolderKind::Scheduler => format!("I/O scheduler of {name}"),
        HolderKind::Crypto => format!("algorithm {name} is in use"),
        HolderKind::Device => format!("device {name} is bound to it (holds no reference)"),
        HolderKind::Interface => {
            format!("network interface {name} belongs to it (holds no reference)")
        }
        _ => format!("{name} {path}"),
    };
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
                format!("kill {}    # {}", process.pid, shell_word(&process.command))
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
