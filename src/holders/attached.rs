//! Objects in sysfs that hold the module of their driver: iSCSI sessions, transceivers of network
//! interfaces, tags of network switches, controllers of Bluetooth, watchdogs.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use super::devices;
use super::holder::{Certainty, Holder, HolderKind};
use super::process::Access;
use super::search::Search;
use super::stopping::{NO_WAY_OUT, has_no_way_out};
use super::text::Text;
use crate::directory;
use crate::name::ModuleName;
use crate::shell::shell_word;
use crate::system;

pub(super) fn of(search: &Search<'_>) -> Vec<Holder> {
    let mut list = sessions(search);
    list.extend(transceivers(search));
    list.extend(controllers(search));
    list
}

/// Controllers of Bluetooth and their connections hold its core (`hci_init_sysfs`,
/// `hci_conn_init_sysfs` in `net/bluetooth/hci_sysfs.c`). A process makes a virtual one with each
/// file of `/dev/vhci` that it opens, and ends it by closing that.
fn controllers(search: &Search<'_>) -> Vec<Holder> {
    if search.name() != b"bluetooth" {
        return Vec::new();
    }
    let processes = search.processes();
    let mut makers = processes.files.iter().filter_map(|file| {
        let is_open = file.access == Access::Open && file.path == Path::new("/dev/vhci");
        let owner = processes.owner(file).filter(|owner| is_open && !owner.is_caller)?;
        let holder = Holder::new(file.holder(owner), Certainty::Likely).with_references(1);
        Some(owner.hold(holder))
    });
    let mut holder = |path: PathBuf| {
        let holder = object(&path, Certainty::Known);
        let Ok(device) = fs::canonicalize(path.join("device")) else {
            return makers.next().unwrap_or(holder);
        };
        match device.file_name().filter(|_| device.join("driver").exists()) {
            Some(name) => {
                let file = shell_word(path.join("device/driver/unbind"));
                holder.ended_by(format!("echo {} > {file}", shell_word(name)))
            }
            None => holder,
        }
    };
    let entries = directory::entries(&search.system.class_dir("bluetooth"));
    entries.into_iter().flatten().flatten().map(|entry| holder(entry.path)).collect()
}

fn object(path: &Path, certainty: Certainty) -> Holder {
    let path = Text::from(path.as_os_str());
    Holder::new(HolderKind::SysfsObject { path }, certainty).with_references(1)
}

/// A session holds the module of its transport (`iscsi_session_setup` in
/// `drivers/scsi/libiscsi.c`).
fn sessions(search: &Search<'_>) -> Vec<Holder> {
    let Ok(entries) = directory::entries(&search.system.class_dir("iscsi_session")) else {
        return Vec::new();
    };
    let own = entries.flatten().filter(|entry| {
        let dir = fs::canonicalize(&entry.path).unwrap_or_default();
        dir.ancestors().any(|dir| devices::is_scsi_host_of(search, dir))
    });
    own.map(|entry| {
        let number = entry.name.to_string_lossy().replace("session", "");
        let command = format!("iscsiadm --mode session --sid {number} --logout");
        object(&entry.path, Certainty::Known).ended_by(command)
    })
    .collect()
}

/// An interface holds the driver of its transceiver while they are connected
/// (`phy_attach_direct`), and that of the tags that its switch adds (`dsa_tag_driver_get`).
fn transceivers(search: &Search<'_>) -> Vec<Holder> {
    let Ok(entries) = directory::entries(&search.system.class_dir("net")) else {
        return Vec::new();
    };
    let mut list = Vec::new();
    for entry in entries.flatten() {
        let interface = Text::from(entry.name);
        let transceiver = entry.path.join("phydev");
        let driver = fs::read_link(transceiver.join("driver/module")).unwrap_or_default();
        if driver.file_name().is_some_and(|name| is_called(search, name)) {
            let command = format!("ip link set {} down", interface.word());
            list.push(object(&transceiver, Certainty::Likely).ended_by(command));
        }
        let tag = system::read_text(&entry.path.join("dsa/tagging")).unwrap_or_default();
        if !tag.is_empty()
            && search.provides(&[&format!("dsa_tag:{tag}")], &[&format!("tag_{tag}")])
        {
            list.push(object(&entry.path.join("dsa"), Certainty::Likely));
        }
    }
    list
}

fn is_called(search: &Search<'_>, name: &OsStr) -> bool {
    ModuleName::new(name.as_encoded_bytes()).is_ok_and(|name| name == search.module.name)
}

/// Watchdogs that run although no process has them open: each holds its driver until a process
/// stops it (`watchdog_release` in `drivers/watchdog/watchdog_dev.c`). Those with a driver of
/// another module are left out.
pub(super) fn watchdogs(search: &Search<'_>) -> Vec<Holder> {
    let Ok(entries) = directory::entries(&search.system.class_dir("watchdog")) else {
        return Vec::new();
    };
    let processes = search.processes();
    let running = entries.flatten().filter(|entry| {
        let is_active =
            system::read_text(&entry.path.join("state")).is_ok_and(|state| state == "active");
        let is_open = processes.files.iter().any(|file| {
            let name = file.path.file_name();
            file.path.starts_with("/dev")
                && (name == Some(&entry.name) || name == Some(OsStr::new("watchdog")))
        });
        let driver = entry.path.join("device/driver/module");
        let is_others = fs::read_link(driver)
            .is_ok_and(|link| !link.file_name().is_some_and(|name| is_called(search, name)));
        is_active && !is_open && !is_others
    });
    let running: Vec<_> = running.collect();
    let is_bound = running.iter().all(|entry| devices::is_of_module(search, &entry.path));
    // By elimination: a virtual one does not say whose it is. Drivers such as softdog take a second
    // reference while their timer runs.
    let count = u64::try_from(running.len()).unwrap_or(u64::MAX);
    let each = search.left().checked_div(count).unwrap_or(0);
    let fits = (1..=2).contains(&each) && each.saturating_mul(count) == search.left();
    if !fits || !(is_named_so(search) || is_bound) {
        return Vec::new();
    }
    let holders = running.into_iter().map(|entry| {
        let node = Text::from(Path::new("/dev").join(&entry.name));
        let holder = object(&entry.path, Certainty::Likely).with_references(each);
        if has_no_way_out(&entry.path) {
            return holder.ended_by_step(NO_WAY_OUT);
        }
        // The letter that stops it, `WATCHDOG_MAGIC`.
        holder.ended_by(format!("echo V > {}", node.word()))
    });
    holders.collect()
}

/// Whether the module is called like a driver of watchdogs: `softdog`, `i6300esb_wdt`.
fn is_named_so(search: &Search<'_>) -> bool {
    let name = search.module.name.to_string();
    ["wdt", "dog", "wd"].iter().any(|part| name.contains(part))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::captured::Captured;
    use crate::loaded::Snapshot;

    #[test]
    fn controllers_with_and_without_a_driver() {
        let root = Captured::with(&[("proc/7/comm", "btvirt\n")]);
        root.link("/dev/vhci", "proc/7/fd/3");
        root.directory("sys/class/bluetooth/hci0");
        root.directory("sys/devices/usb/1-1:1.0/driver");
        root.directory("sys/class/bluetooth/hci1");
        root.link("../../../devices/usb/1-1:1.0", "sys/class/bluetooth/hci1/device");
        let snapshot = Snapshot::parse(b"bluetooth 1 2 - Live 0x0\n").unwrap();
        let system = root.system();
        let end = Instant::now() + Duration::from_secs(60);
        let search = Search::until(end, &system, &snapshot.modules()[0]);
        let mut found: Vec<_> =
            controllers(&search).iter().map(|holder| holder.kind.to_string()).collect();
        found.sort();
        let object = format!("{} is in use", root.join("sys/class/bluetooth/hci1").display());
        assert_eq!(found, [object, "btvirt (7) has /dev/vhci open".to_owned()]);
    }
}
