//! Lines of GPIO chips: each that is in use holds the chip's module (`gpiod_request` in
//! `drivers/gpio/gpiolib.c`).

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::descriptors::field;
use super::devices;
use super::holder::{Certainty, Holder, HolderKind};
use super::process::Access;
use super::search::Search;
use crate::directory;
use crate::shell::shell_word;
use crate::system;

pub(super) fn of(search: &Search<'_>) -> Vec<Holder> {
    let Ok(entries) = directory::entries(&search.system.gpio_chips()) else { return Vec::new() };
    let entries: Vec<_> = entries.flatten().collect();
    let own: Vec<_> = entries
        .iter()
        .filter(|entry| devices::is_of_module(search, &entry.path))
        .map(|entry| entry.name.to_string_lossy().into_owned())
        .collect();
    if own.is_empty() {
        return Vec::new();
    }
    let is_only = own.len() == entries.len();
    let mut list = requested(search, &own, is_only);
    list.extend(exported(search));
    list
}

/// Lines that processes have asked for. Which chip they are of, only the second version of the
/// interface tells (Linux 5.19, `linereq_show_fdinfo`).
fn requested(search: &Search<'_>, own: &[String], is_only: bool) -> Vec<Holder> {
    let processes = search.processes();
    let mut list = Vec::new();
    for file in &processes.files {
        let Some(owner) = processes.owner(file) else { continue };
        let link = file.path.as_os_str().as_bytes();
        if !link.starts_with(b"anon_inode:gpio-") && !link.starts_with(b"anon_inode:[gpio-") {
            continue;
        }
        let info = file.info(&owner.dir).and_then(|info| system::read_text(&info).ok());
        let info = info.unwrap_or_default();
        let chip = field(&info, "gpio-chip");
        if chip.is_some_and(|chip| !own.iter().any(|own| own == chip)) {
            continue;
        }
        let lines = info.lines().filter(|line| line.starts_with("gpio-line:")).count();
        let path = chip.map_or_else(|| file.path.clone(), |chip| Path::new("/dev").join(chip));
        let kind = HolderKind::Process {
            process: owner.process.clone(),
            tid: file.tid,
            path: path.into(),
            access: Access::Open,
        };
        let certainty = match chip {
            Some(_) => Certainty::Known,
            None if is_only => Certainty::Likely,
            None => Certainty::Possible,
        };
        let holder = match certainty {
            Certainty::Possible => Holder::new(kind, certainty),
            _ => Holder::new(kind, certainty)
                .with_references(u64::try_from(lines.max(1)).unwrap_or(1)),
        };
        // Without a number of lines there can be more.
        list.push(owner.hold(Holder { may_take_more: lines == 0 && is_only, ..holder }));
    }
    list
}

/// Lines that were exported to sysfs.
fn exported(search: &Search<'_>) -> Vec<Holder> {
    let dir = search.system.class_dir("gpio");
    let Ok(entries) = directory::entries(&dir) else { return Vec::new() };
    let mut list = Vec::new();
    for entry in entries.flatten() {
        let name = entry.name.to_string_lossy().into_owned();
        let Some(number) = name.strip_prefix("gpio").filter(|number| {
            !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
        }) else {
            continue;
        };
        if !devices::is_of_module(search, &entry.path) {
            continue;
        }
        let command = format!("echo {number} > {}", shell_word(dir.join("unexport")));
        let kind = HolderKind::SysfsObject { path: entry.path.clone().into() };
        list.push(Holder::known(kind).ended_by(command));
    }
    list
}
