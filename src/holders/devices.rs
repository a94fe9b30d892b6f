//! Which module a device node is of.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{FileType, major, minor, stat};

use super::Certainty;
use super::search::Search;
use crate::name::ModuleName;
use crate::system::{self, System};

/// The major number of the miscellaneous devices, each of which can be of another module.
const MISC: u32 = 10;

/// Majors of devices that are part of every kernel that has them: memory, terminals, consoles, the
/// core of input, pseudo terminals (`Documentation/admin-guide/devices.txt`).
const BUILT_IN: [u32; 14] = [1, 2, 3, 4, 5, 7, 136, 137, 138, 139, 140, 141, 142, 143];

/// A kind of device node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Char,
    Block,
}

/// A device number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Device {
    pub(super) kind: Kind,
    pub(super) major: u32,
    pub(super) minor: u32,
}

impl Device {
    pub(super) fn new(kind: FileType, major: u32, minor: u32) -> Option<Self> {
        let kind = match kind {
            FileType::CharacterDevice => Kind::Char,
            FileType::BlockDevice => Kind::Block,
            _ => return None,
        };
        Some(Self { kind, major, minor })
    }

    /// The device that a node is for.
    pub(super) fn of_file(path: &Path) -> Option<Self> {
        let status = stat(path).ok()?;
        let kind = FileType::from_raw_mode(status.st_mode);
        Self::new(kind, major(status.st_rdev), minor(status.st_rdev))
    }

    /// Whether opening it may take two references: a device with a cdev of its own.
    pub(super) fn has_cdev(self) -> bool {
        self.kind == Kind::Char && self.major != MISC
    }

    fn word(self) -> &'static str {
        match self.kind {
            Kind::Char => "char",
            Kind::Block => "block",
        }
    }
}

/// Tells whether devices are of the module in question.
pub(super) struct Owners {
    misc: HashMap<u32, Vec<u8>>,
    char_majors: HashMap<u32, Vec<u8>>,
    block_majors: HashMap<u32, Vec<u8>>,
    /// What was found out: one device can be open thousands of times.
    known: RefCell<HashMap<Device, Option<Certainty>>>,
}

impl Owners {
    pub(super) fn read(system: &System) -> Self {
        let misc = system::read(&system.misc_devices()).unwrap_or_default();
        let majors = system::read(&system.device_majors()).unwrap_or_default();
        let (char_majors, block_majors) = majors_by_kind(&majors);
        Self { misc: numbered(&misc), char_majors, block_majors, known: RefCell::default() }
    }

    /// How well it is known that a device belongs to the module; nothing, if it does not.
    pub(super) fn certainty(&self, search: &Search<'_>, device: Device) -> Option<Certainty> {
        *self.known.borrow_mut().entry(device).or_insert_with(|| self.find_out(search, device))
    }

    fn find_out(&self, search: &Search<'_>, device: Device) -> Option<Certainty> {
        let Device { major, minor, .. } = device;
        if let Some(owner) = search.aliases.of_device(device.word(), major, minor) {
            return (*owner == search.module.name).then_some(Certainty::Known);
        }
        if device.kind == Kind::Char && BUILT_IN.contains(&major) {
            return None;
        }
        let dir = search.system.device_dir(device.word(), major, minor);
        if let Some(owner) = driver_of(&dir) {
            return (owner == search.module.name).then_some(Certainty::Likely);
        }
        let registered = match device.kind {
            Kind::Char if major == MISC => self.misc.get(&minor),
            Kind::Char => self.char_majors.get(&major),
            Kind::Block => self.block_majors.get(&major),
        };
        let own = ModuleName::new(registered?).is_ok_and(|name| name == search.module.name);
        Some(if own { Certainty::Likely } else { Certainty::Possible })
    }
}

/// The module of the driver of a device, or of the nearest device above it that has a driver.
fn driver_of(dir: &Path) -> Option<ModuleName> {
    let dir = fs::canonicalize(dir).ok()?;
    let module = dir
        .ancestors()
        // Of a device, not of the class or the bus that it is in.
        .take_while(|dir| dir.join("uevent").exists())
        .find_map(|dir| fs::read_link(dir.join("driver/module")).ok())?;
    ModuleName::new(module.file_name().map(OsStr::as_bytes)?).ok()
}

/// Lines of the form ` 237 loop-control`.
fn numbered(text: &[u8]) -> HashMap<u32, Vec<u8>> {
    let lines = text.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii);
    lines.filter_map(number_and_name).map(|(number, name)| (number, name.to_vec())).collect()
}

fn number_and_name(line: &[u8]) -> Option<(u32, &[u8])> {
    let space = line.iter().position(|&byte| byte == b' ')?;
    let (number, name) = line.split_at_checked(space)?;
    Some((std::str::from_utf8(number).ok()?.parse().ok()?, name.trim_ascii()))
}

type Majors = HashMap<u32, Vec<u8>>;

/// The two lists of `/proc/devices`, see proc(5).
fn majors_by_kind(text: &[u8]) -> (Majors, Majors) {
    const BLOCK: &[u8] = b"Block devices:";
    let split = text.windows(BLOCK.len()).position(|part| part == BLOCK).unwrap_or(text.len());
    let (chars, blocks) = text.split_at_checked(split).unwrap_or((text, b""));
    (numbered(chars), numbered(blocks))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::time::Instant;

    use super::*;
    use crate::loaded::Snapshot;

    #[test]
    fn proc_devices() {
        let (chars, blocks) = majors_by_kind(
            b"Character devices:\n  1 mem\n240 t_cdev\n\nBlock devices:\n  7 loop\n259 blkext\n",
        );
        assert_eq!(chars.get(&240).map(Vec::as_slice), Some(&b"t_cdev"[..]));
        assert_eq!(chars.get(&7), None);
        assert_eq!(blocks.get(&7).map(Vec::as_slice), Some(&b"loop"[..]));
        assert_eq!(blocks.len(), 2);
    }

    #[test]
    fn what_a_device_is_of_is_found_out_once() {
        let root = std::env::temp_dir().join(format!("modutils-owners-{}", std::process::id()));
        let (device, driver) = (root.join("sys/dev/char/240:0"), root.join("drivers/driver"));
        fs::create_dir_all(&device).unwrap();
        fs::create_dir_all(&driver).unwrap();
        fs::write(device.join("uevent"), "").unwrap();
        symlink("../module/driver", driver.join("module")).unwrap();
        symlink(&driver, device.join("driver")).unwrap();
        let system = System::at(&root);
        let snapshot = Snapshot::parse(b"driver 1 1 - Live 0x0\n").unwrap();
        let module = snapshot.modules().first().unwrap();
        let search = Search::until(Instant::now(), &system, module);
        let certainty = |minor| search.certainty(Device { kind: Kind::Char, major: 240, minor });
        assert_eq!((certainty(0), certainty(1)), (Some(Certainty::Likely), None));
        fs::remove_dir_all(&root).unwrap();
        assert_eq!((certainty(0), certainty(1)), (Some(Certainty::Likely), None));
    }
}
