//! Which module a device node is of.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;

use super::classes;
use super::device::{Device, Kind, MISC};
use super::holder::Certainty;
use super::search::Search;
use super::unowned;
use crate::directory;
use crate::name::ModuleName;
use crate::system::{self, System};

/// Devices whose number is registered under another name than that of their module.
const OF_OTHERS: [(&[u8], &[u8]); 2] = [(b"nullb", b"null_blk"), (b"rdma_cm", b"rdma_ucm")];

/// Virtual devices whose label says what made them, in other words than the name of the module.
const LABELS: [(&str, &[u8]); 2] =
    [("SMBus stub driver", b"i2c_stub"), ("NAND simulator", b"nandsim")];

/// `/dev/kvm` (`kvm_init` in `virt/kvm/kvm_main.c`).
const KVM: Device = Device { kind: Kind::Char, major: 10, minor: 232 };

/// `/dev/ttyprintk`, whose driver is a module among the terminals of the kernel.
const PRINTER: Device = Device { kind: Kind::Char, major: 5, minor: 3 };

/// Majors of devices that are part of every kernel that has them: memory, terminals, consoles, the
/// core of input, pseudo terminals (`Documentation/admin-guide/devices.txt`).
const BUILT_IN: [u32; 14] = [1, 2, 3, 4, 5, 7, 136, 137, 138, 139, 140, 141, 142, 143];

/// Classes whose device files do not hold the driver of the device, which may go at any time.
const UNHELD: [&str; 5] = ["gpio", "hidraw", "input", "tpm", "tpmrm"];

/// All devices with the paths that their nodes have by default, from `/sys/dev`.
pub(super) fn nodes(system: &System) -> Vec<(Device, PathBuf)> {
    let mut nodes = Vec::new();
    for kind in [Kind::Char, Kind::Block] {
        let dir = system.device_numbers(kind.word());
        for entry in directory::entries(&dir).into_iter().flatten().flatten() {
            let number = entry.name.to_str().and_then(|number| Device::parse(kind, number));
            let event = system::read(&entry.path.join("uevent")).unwrap_or_default();
            let mut lines = event.split(|&byte| byte == b'\n');
            let name = lines.find_map(|line| line.strip_prefix(b"DEVNAME="));
            if let (Some(device), Some(name)) = (number, name) {
                nodes.push((device, Path::new("/dev").join(OsStr::from_bytes(name))));
            }
        }
    }
    nodes
}

impl Search<'_> {
    /// How well it is known that a device belongs to the module; nothing, if it does not.
    pub(super) fn certainty(&self, device: Device) -> Option<Certainty> {
        let mut known = self.owners.known.lock().unwrap_or_else(PoisonError::into_inner);
        *known.entry(device).or_insert_with(|| self.find_out(device))
    }

    /// The name that the number of a device is registered under.
    pub(super) fn registered(&self, device: Device) -> Option<&Vec<u8>> {
        let Device { kind, major, minor } = device;
        match kind {
            Kind::Char if major == MISC => self.owners.misc.get(&minor),
            Kind::Char => self.owners.char_majors.get(&major),
            Kind::Block => self.owners.block_majors.get(&major),
        }
    }

    /// Whether nothing says to whom a character device belongs.
    pub(super) fn is_unowned(&self, device: Device) -> bool {
        let Device { kind, major, minor } = device;
        if kind != Kind::Char
            || BUILT_IN.contains(&major)
            || self.aliases.of_device("char", major, minor).is_some()
        {
            return false;
        }
        let registered = self.registered(device);
        let is_module = |name: &Vec<u8>| {
            ModuleName::new(name).is_ok_and(|name| self.system.module_dir(&name).exists())
        };
        let dir = fs::canonicalize(self.system.device_dir("char", major, minor)).ok();
        let of_class = |dir: &std::path::PathBuf| {
            let class = last_of_link(&dir.join("subsystem")).unwrap_or_default();
            classes::is_known(&class.to_string_lossy()) || !unowned::has_no_driver(dir)
        };
        // The core that registers watchdogs is built in, and their modules have no device.
        let of_watchdog = registered.is_some_and(|name| name == b"watchdog");
        let is_known = registered.is_some_and(is_module) && !of_watchdog;
        !is_known && !dir.as_ref().is_some_and(of_class)
    }

    fn find_out(&self, device: Device) -> Option<Certainty> {
        let Device { major, minor, .. } = device;
        if device == KVM {
            // The file belongs to the module for the processor, and the alias to the one it uses.
            let own = matches!(self.name(), b"kvm_intel" | b"kvm_amd");
            return own.then_some(Certainty::Known);
        }
        let alias = self.aliases.of_device(device.kind.word(), major, minor);
        if alias.is_some_and(|owner| *owner == self.module.name) {
            return Some(Certainty::Known);
        }
        if device.kind == Kind::Char && BUILT_IN.contains(&major) && device != PRINTER {
            return None;
        }
        let dir = fs::canonicalize(self.system.device_dir(device.kind.word(), major, minor)).ok();
        if let Some(certainty) = dir.as_deref().and_then(|dir| by_directory(self, dir)) {
            return Some(certainty);
        }
        // The alias says to whom the number belongs.
        if alias.is_some() {
            return None;
        }
        let name = self.registered(device)?;
        let other = OF_OTHERS.iter().find(|(device, _)| device == name);
        let name = other.map_or(name.as_slice(), |(_, module)| module);
        is_named_after(name, self).then_some(Certainty::Likely)
    }
}

/// Whether a name is that of the module, apart from the letters that names of modules lack.
fn is_named_after(name: &[u8], search: &Search<'_>) -> bool {
    ModuleName::new(name).is_ok_and(|name| name == search.module.name)
}

/// What the directory of a device in `/sys/devices` says.
fn by_directory(search: &Search<'_>, dir: &Path) -> Option<Certainty> {
    let name = dir.file_name()?.to_string_lossy();
    let class = last_of_link(&dir.join("subsystem")).unwrap_or_default();
    if classes::handles(search.name(), &class.to_string_lossy(), &name) {
        return Some(Certainty::Known);
    }
    if is_named_after(class.as_bytes(), search) {
        return Some(Certainty::Likely);
    }
    if UNHELD.iter().any(|unheld| class == *unheld) {
        return None;
    }
    if class == "infiniband_verbs" && is_of_software(search, dir) {
        return Some(Certainty::Likely);
    }
    by_driver(search, dir)
}

/// Whether the adapter of a file for verbs, which holds its driver while it is open
/// (`ib_uverbs_open`), is one that the module makes of a network interface.
fn is_of_software(search: &Search<'_>, dir: &Path) -> bool {
    let adapter = system::read_text(&dir.join("ibdev")).unwrap_or_default();
    let adapter = search.system.class_dir("infiniband").join(adapter.trim());
    let kind = system::read_text(&adapter.join("node_type")).unwrap_or_default();
    // `1: CA` over Ethernet, `4: RNIC` over TCP.
    let module: &[u8] = if kind.starts_with('1') { b"rdma_rxe" } else { b"siw" };
    !kind.is_empty() && !adapter.join("device").exists() && search.name() == module
}

/// Whether a device in `/sys` has a driver of the module, or a name after it.
pub(super) fn is_of_module(search: &Search<'_>, device: &Path) -> bool {
    fs::canonicalize(device).is_ok_and(|dir| by_driver(search, &dir).is_some())
}

/// What the directories from that of a device upwards say.
fn by_driver(search: &Search<'_>, dir: &Path) -> Option<Certainty> {
    let above = dir.ancestors().take_while(|dir| !dir.ends_with("devices"));
    let is_generic =
        ["bsg", "scsi_generic"].iter().any(|class| dir.iter().any(|part| part == *class));
    for place in above {
        if is_scsi_host_of(search, place) {
            return Some(Certainty::Known);
        }
        // Directories such as `block` and `sound` are no devices, and have no driver.
        if let Some(owner) = last_of_link(&place.join("driver/module")) {
            // The disk's driver is not that of the adapter, which holds as well; generic access to
            // the disk goes without it.
            let is_disk = last_of_link(&place.join("subsystem")).is_some_and(|bus| bus == "scsi");
            if is_named_after(owner.as_bytes(), search) && !(is_disk && is_generic) {
                return Some(Certainty::Likely);
            }
            if !is_disk {
                return None;
            }
        }
        // So has a memory technology device a name that its driver gave.
        let label = system::read_text(&place.join("name")).unwrap_or_default();
        let word = label.split([' ', ':']).next().unwrap_or_default();
        let known = LABELS.iter().find(|(known, _)| label.starts_with(known));
        if is_named_after(known.map_or(word.as_bytes(), |(_, module)| *module), search) {
            return Some(Certainty::Likely);
        }
        // A virtual device has no driver, and its name from who made it: `vivid.0`.
        let name = place.file_name()?.as_bytes();
        let stem = name.split(|&byte| byte == b'.').next()?;
        if is_named_after(stem, search) {
            return Some(Certainty::Likely);
        }
    }
    None
}

/// Whether the directory is that of a SCSI host whose adapter has a driver of the module, which
/// each open disk holds (`scsi_device_get`).
pub(super) fn is_scsi_host_of(search: &Search<'_>, dir: &Path) -> bool {
    let Some(host) = dir.file_name().filter(|name| name.as_bytes().starts_with(b"host")) else {
        return false;
    };
    let name = system::read(&dir.join("scsi_host").join(host).join("proc_name"));
    name.is_ok_and(|name| is_named_after(name.trim_ascii_end(), search))
}

fn last_of_link(link: &Path) -> Option<OsString> {
    Some(fs::read_link(link).ok()?.file_name()?.to_owned())
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::captured::Captured;
    use crate::loaded::Snapshot;

    #[test]
    fn adapters_in_software() {
        let root = Captured::with(&[
            ("verbs/uverbs0/ibdev", "rxe0\n"),
            ("verbs/uverbs1/ibdev", "hw0\n"),
            ("sys/class/infiniband/rxe0/node_type", "1: CA\n"),
            ("sys/class/infiniband/hw0/node_type", "1: CA\n"),
            ("sys/class/infiniband/hw0/device/vendor", "0x15b3\n"),
        ]);
        let system = root.system();
        for (module, expected) in [("rdma_rxe", true), ("siw", false)] {
            let snapshot =
                Snapshot::parse(format!("{module} 1 1 - Live 0x0\n").as_bytes()).unwrap();
            let search = Search::until(Instant::now(), &system, &snapshot.modules()[0]);
            assert_eq!(is_of_software(&search, &root.join("verbs/uverbs0")), expected, "{module}");
            assert!(!is_of_software(&search, &root.join("verbs/uverbs1")), "{module}");
        }
    }

    #[test]
    fn generic_access_goes_without_the_driver_of_the_disk() {
        let root = Captured::new();
        let disk = root.join("devices/host0/target0/0:0:0:0");
        for dir in ["block/sda", "bsg/0:0:0:0", "scsi_generic/sg0"] {
            root.directory(disk.join(dir));
        }
        root.link(root.join("drivers/sd"), disk.join("driver"));
        root.link("../module/sd_mod", "drivers/sd/module");
        root.link("bus/scsi", disk.join("subsystem"));
        let system = root.system();
        let snapshot = Snapshot::parse(b"sd_mod 1 1 - Live 0x0\n").unwrap();
        let search = Search::until(Instant::now(), &system, &snapshot.modules()[0]);
        let found = |dir: &str| by_driver(&search, &disk.join(dir));
        assert_eq!(found("block/sda"), Some(Certainty::Likely));
        assert_eq!((found("bsg/0:0:0:0"), found("scsi_generic/sg0")), (None, None));
    }

    #[test]
    fn what_a_device_is_of_is_found_out_once() {
        let root = Captured::with(&[("sys/dev/char/240:0/uevent", "")]);
        root.link("../module/driver", "drivers/driver/module");
        root.link(root.join("drivers/driver"), "sys/dev/char/240:0/driver");
        let system = root.system();
        let snapshot = Snapshot::parse(b"driver 1 1 - Live 0x0\n").unwrap();
        let module = snapshot.modules().first().unwrap();
        let search = Search::until(Instant::now(), &system, module);
        let certainty = |minor| search.certainty(Device { kind: Kind::Char, major: 240, minor });
        assert_eq!((certainty(0), certainty(1)), (Some(Certainty::Likely), None));
        fs::remove_dir_all(&*root).unwrap();
        assert_eq!((certainty(0), certainty(1)), (Some(Certainty::Likely), None));
    }
}
