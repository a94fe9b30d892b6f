//! Block devices that are in use by something else than a process or a mount.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use super::devices::{Device, Kind};
use super::search::Search;
use super::{Certainty, Holder, HolderKind, Text};
use crate::directory;
use crate::shell::shell_word;
use crate::system;

pub(super) fn of(search: &Search<'_>) -> Vec<Holder> {
    let mut list = swaps(search);
    let Ok(entries) = directory::entries(&search.system.class_dir("block")) else { return list };
    for entry in entries.flatten() {
        if search.is_late() {
            break;
        }
        let (name, dir) = (entry.name, entry.path);
        list.extend(loop_device(search, &name, &dir));
        list.extend(array(search, &name, &dir));
        list.extend(mapped(search, &name, &dir));
        list.extend(scheduler(search, &name, &dir));
        list.extend(stacked(search, &dir));
    }
    list
}

fn holder(kind: HolderKind, certainty: Certainty) -> Holder {
    Holder::new(kind, certainty).with_references(1)
}

/// A loop device holds its module for as long as it is bound to a file (`loop_configure`).
fn loop_device(search: &Search<'_>, name: &OsStr, dir: &Path) -> Option<Holder> {
    if search.name() != b"loop" {
        return None;
    }
    let file = system::read(&dir.join("loop/backing_file")).ok()?;
    let path = PathBuf::from(OsString::from_vec(file.trim_ascii_end().to_vec()));
    let command = format!("losetup -d {}", shell_word(Path::new("/dev").join(name)));
    let kind = HolderKind::Loop { name: name.into(), path: path.into() };
    Some(Holder::known(kind).ended_by(command))
}

/// A RAID array holds the module of its level (`md_run`).
fn array(search: &Search<'_>, name: &OsStr, dir: &Path) -> Option<Holder> {
    let level = system::read_text(&dir.join("md/level")).ok()?;
    let alias = format!("md-{level}");
    let own = search.aliases.get(&alias).is_some_and(|owner| *owner == search.module.name);
    own.then(|| Holder::known(HolderKind::BlockDevice { name: name.into() }))
}

/// A device of the device mapper holds its core (`alloc_dev` in `drivers/md/dm.c`).
fn mapped(search: &Search<'_>, name: &OsStr, dir: &Path) -> Option<Holder> {
    let own = search.name() == b"dm_mod" && dir.join("dm").is_dir();
    own.then(|| Holder::known(HolderKind::BlockDevice { name: name.into() }))
}

/// The I/O scheduler of a queue, the one in brackets (`elevator_get`).
fn scheduler(search: &Search<'_>, name: &OsStr, dir: &Path) -> Option<Holder> {
    let text = system::read_text(&dir.join("queue/scheduler")).ok()?;
    let active = text.split(['[', ']']).nth(1)?.replace('-', "_");
    let modules = [active.clone(), format!("{active}_iosched")];
    let own = modules.iter().any(|module| module.as_bytes() == search.name());
    own.then(|| Holder::known(HolderKind::Scheduler { name: name.into() }))
}

/// Devices that are made of one of the module's: each has it open.
fn stacked(search: &Search<'_>, dir: &Path) -> Vec<Holder> {
    let numbers = system::read_text(&dir.join("dev")).unwrap_or_default();
    let Some(certainty) = device(&numbers).and_then(|device| search.certainty(device)) else {
        return Vec::new();
    };
    if certainty == Certainty::Possible {
        return Vec::new();
    }
    let Ok(entries) = directory::entries(&dir.join("holders")) else { return Vec::new() };
    let users = entries.flatten().map(|entry| entry.name);
    users.map(|user| holder(HolderKind::BlockDevice { name: user.into() }, certainty)).collect()
}

fn device(numbers: &str) -> Option<Device> {
    let (major, minor) = numbers.split_once(':')?;
    Some(Device { kind: Kind::Block, major: major.parse().ok()?, minor: minor.parse().ok()? })
}

/// Areas for swapping that are block devices of the module.
fn swaps(search: &Search<'_>) -> Vec<Holder> {
    let text = system::read(&search.system.swaps()).unwrap_or_default();
    // The first line is a heading; the first field of the others is the path.
    let lines = text.split(|&byte| byte == b'\n').skip(1);
    let paths = lines.filter_map(|line| line.split(u8::is_ascii_whitespace).next());
    paths
        .filter_map(|path| {
            let path = OsStr::from_bytes(path);
            let device = Device::of_file(Path::new(path))?;
            let certainty = search.certainty(device).filter(|how| *how != Certainty::Possible)?;
            let name = Text::from(path);
            let command = format!("swapoff {}", name.word());
            Some(holder(HolderKind::Swap { name }, certainty).ended_by(command))
        })
        .collect()
}
