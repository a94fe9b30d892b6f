//! Block devices that are in use by something else than a process or a mount.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::device::{Device, Kind};
use super::mountinfo::unescaped;
use super::search::Search;
use super::{Certainty, Holder, HolderKind, Text};
use crate::directory;
use crate::shell::shell_word;
use crate::system;

pub(super) fn of(search: &Search<'_>) -> Vec<Holder> {
    let mut list = swap_devices(search);
    list.extend(loop_devices(search));
    let Ok(entries) = directory::entries(&search.system.class_dir("block")) else { return list };
    for entry in entries.flatten() {
        if search.is_late() {
            break;
        }
        let (name, dir) = (entry.name, entry.path);
        list.extend(array(search, &name, &dir));
        list.extend(mapped(search, &name, &dir));
        list.extend(connected(search, &name, &dir));
        list.extend(cache(search, &name, &dir));
        list.extend(backed(search, &name, &dir));
        list.extend(scheduler(search, &name, &dir));
        list.extend(stacked(search, &dir));
    }
    list
}

fn holder(kind: HolderKind, certainty: Certainty) -> Holder {
    Holder::new(kind, certainty).with_references(1)
}

/// A loop device holds its module for as long as it is bound to a file (`loop_configure`), and the
/// driver of the file, if that is a block device itself.
fn loop_devices(search: &Search<'_>) -> Vec<Holder> {
    let own = (search.name() == b"loop").then_some(Certainty::Known);
    let of_loop = |(name, path): (Text, Text)| {
        let below = of_file(search, path.as_os_str());
        let references = u64::from(own.is_some()) + u64::from(below.is_some());
        Some(bound(name, path, own.or(below)?).with_references(references))
    };
    loops(search).into_iter().filter_map(of_loop).collect()
}

/// How well it is known that a file is a block device of the module.
fn of_file(search: &Search<'_>, path: &OsStr) -> Option<Certainty> {
    let device = search.status(Path::new(path))?.device;
    search.certainty(device.filter(|device| device.kind == Kind::Block)?)
}

/// A compressed disk keeps the device open that it writes pages to: before Linux 6.10 twice, to
/// claim it (`backing_dev_store` in `drivers/block/zram/zram_drv.c`).
fn backed(search: &Search<'_>, name: &OsStr, dir: &Path) -> Option<Holder> {
    let path = system::read(&dir.join("backing_dev")).ok()?;
    let certainty = of_file(search, OsStr::from_bytes(path.trim_ascii_end()))?;
    let holder = stopped(holder(named(name, dir), certainty), dir);
    Some(Holder { may_take_two: true, ..holder })
}

/// A RAID array holds the module of its level (`md_run`).
fn array(search: &Search<'_>, name: &OsStr, dir: &Path) -> Option<Holder> {
    let level = system::read_text(&dir.join("md/level")).ok()?;
    let alias = format!("md-{level}");
    let own = search.aliases.get(&alias).is_some_and(|owner| *owner == search.module.name);
    own.then(|| stopped(Holder::known(named(name, dir)), dir))
}

/// A device of the device mapper holds its core (`alloc_dev` in `drivers/md/dm.c`).
fn mapped(search: &Search<'_>, name: &OsStr, dir: &Path) -> Option<Holder> {
    let own = search.name() == b"dm_mod" && dir.join("dm").is_dir();
    own.then(|| stopped(Holder::known(named(name, dir)), dir))
}

/// The I/O scheduler of a queue, the one in brackets (`elevator_get`).
fn scheduler(search: &Search<'_>, name: &OsStr, dir: &Path) -> Option<Holder> {
    let text = system::read_text(&dir.join("queue/scheduler")).ok()?;
    let active = text.split(['[', ']']).nth(1)?.replace('-', "_");
    let modules = [active.clone(), format!("{active}_iosched")];
    let own = modules.iter().any(|module| module.as_bytes() == search.name());
    let file = shell_word(dir.join("queue/scheduler"));
    let kind = HolderKind::Scheduler { name: name.into() };
    own.then(|| Holder::known(kind).ended_by(format!("echo none > {file}")))
}

/// Devices that are stacked on one of the module's: each has it open.
fn stacked(search: &Search<'_>, dir: &Path) -> Vec<Holder> {
    let number = system::read_text(&dir.join("dev")).unwrap_or_default();
    let device = Device::parse(Kind::Block, &number);
    let Some(certainty) = device.and_then(|device| search.certainty(device)) else {
        return Vec::new();
    };
    let Ok(entries) = directory::entries(&dir.join("holders")) else { return Vec::new() };
    let users = entries.flatten();
    // The entries are links to the directories of the users.
    users.map(|user| stopped(holder(named(user.name, &user.path), certainty), &user.path)).collect()
}

/// The name and directory of the block device with a number.
pub(super) fn of_number(search: &Search<'_>, (major, minor): (u32, u32)) -> (Text, PathBuf) {
    let link = search.system.device_dir("block", major, minor);
    let name = fs::read_link(&link).ok().and_then(|dir| Some(dir.file_name()?.to_owned()));
    (name.map_or_else(|| format!("{major}:{minor}").into(), Text::from), link)
}

/// Adds the command that stops a device that is stacked on others.
pub(super) fn stopped(holder: Holder, dir: &Path) -> Holder {
    let HolderKind::BlockDevice { name, dm_name } = &holder.kind else { return holder };
    let node = shell_word(Path::new("/dev").join(name.as_os_str()));
    let id = system::read_text(&dir.join("dm/uuid")).unwrap_or_default();
    let command = match dm_name {
        Some(dm_name) if id.starts_with("CRYPT-") => format!("cryptsetup close {}", dm_name.word()),
        Some(dm_name) if id.starts_with("mpath-") => format!("multipath -f {}", dm_name.word()),
        Some(dm_name) => format!("dmsetup remove {}", dm_name.word()),
        None if dir.join("md").exists() => format!("mdadm --stop {node}"),
        None if dir.join("backing_dev").exists() => {
            format!("echo 1 > {}", shell_word(dir.join("reset")))
        }
        None if dir.join("bcache").exists() => {
            format!("echo 1 > {}", shell_word(dir.join("bcache/stop")))
        }
        None => return holder,
    };
    holder.ended_by(command)
}

/// A network block device holds the module while it is connected (`nbd_alloc_and_init_config`).
fn connected(search: &Search<'_>, name: &OsStr, dir: &Path) -> Option<Holder> {
    let is_connected = search.name() == b"nbd" && dir.join("pid").exists();
    let command = format!("nbd-client -d {}", shell_word(Path::new("/dev").join(name)));
    is_connected.then(|| Holder::known(named(name, dir)).ended_by(command))
}

/// A cache holds its module as long as one of its devices is registered.
fn cache(search: &Search<'_>, name: &OsStr, dir: &Path) -> Option<Holder> {
    let own = search.name() == b"bcache" && dir.join("bcache").exists();
    let holder = own.then(|| stopped(Holder::known(named(name, dir)), dir))?;
    Some(Holder { may_take_more: true, ..holder })
}

/// A block device with the name that the device mapper knows it by, if any.
pub(super) fn named(name: impl Into<Text>, dir: &Path) -> HolderKind {
    let dm_name = system::read(&dir.join("dm/name")).ok();
    let dm_name = dm_name.map(|name| Text::from(name.trim_ascii_end()));
    HolderKind::BlockDevice { name: name.into(), dm_name }
}

/// The swap areas: block devices and files.
pub(super) fn swaps(search: &Search<'_>) -> impl Iterator<Item = Text> {
    let text = system::read(&search.system.swaps()).unwrap_or_default();
    // The first line is a heading; the first field of the others is the path.
    let lines = text.split(|&byte| byte == b'\n').skip(1);
    let paths = lines.filter_map(|line| line.split(u8::is_ascii_whitespace).next());
    let paths: Vec<_> = paths.filter(|path| !path.is_empty()).map(unescaped).collect();
    paths.into_iter().map(Text::from)
}

/// A swap area as a holder without references.
pub(super) fn swapping(name: Text, certainty: Certainty) -> Holder {
    let command = format!("swapoff {}", name.word());
    Holder::new(HolderKind::Swap { name }, certainty).ended_by(command)
}

/// Swap areas that are block devices of the module. Before Linux 6.10 the kernel opens each twice,
/// once to claim it (`claim_swapfile` in `mm/swapfile.c`).
fn swap_devices(search: &Search<'_>) -> Vec<Holder> {
    swaps(search)
        .filter_map(|name| {
            let certainty = of_file(search, name.as_os_str())?;
            let holder = swapping(name, certainty).with_references(1);
            Some(Holder { may_take_two: true, ..holder })
        })
        .collect()
}

/// The loop devices that are bound to a file, with that file.
pub(super) fn loops(search: &Search<'_>) -> Vec<(Text, Text)> {
    let Ok(entries) = directory::entries(&search.system.class_dir("block")) else {
        return Vec::new();
    };
    let bound = entries.flatten().filter_map(|entry| {
        let file = system::read(&entry.path.join("loop/backing_file")).ok()?;
        Some((Text::from(entry.name), Text::from(file.trim_ascii_end())))
    });
    bound.collect()
}

/// The zram devices that compress with an algorithm.
pub(super) fn zram_devices(search: &Search<'_>, algorithm: &str) -> Vec<Text> {
    let Ok(entries) = directory::entries(&search.system.class_dir("block")) else {
        return Vec::new();
    };
    let used = entries.flatten().filter(|entry| {
        let text = |file| system::read_text(&entry.path.join(file)).unwrap_or_default();
        let chosen = text("comp_algorithm");
        chosen.split(['[', ']']).nth(1) == Some(algorithm) && text("disksize") != "0"
    });
    used.map(|entry| entry.name.into()).collect()
}

/// The algorithm that zswap compresses pages with, if it is enabled.
pub(super) fn zswap_compressor(search: &Search<'_>) -> Option<String> {
    let parameter = |name| system::read_text(&search.system.module_parameter("zswap", name)).ok();
    let name = parameter("compressor")?;
    parameter("enabled").filter(|enabled| enabled == "Y").map(|_| name)
}

/// A loop device that is bound to a file as a holder without references.
pub(super) fn bound(name: Text, path: Text, certainty: Certainty) -> Holder {
    let device = Path::new("/dev").join(name.as_os_str());
    let command = format!("losetup -d {}", shell_word(device));
    Holder::new(HolderKind::Loop { name, path }, certainty).ended_by(command)
}
