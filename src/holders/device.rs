//! Devices by number, and the names that their numbers are registered under.

use std::collections::HashMap;
use std::sync::Mutex;

use rustix::fs::FileType;

use super::holder::Certainty;
use crate::system::{self, System};

/// The major number of the miscellaneous devices, each of which can be of another module.
pub(super) const MISC: u32 = 10;

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

    /// The device with a number such as `8:1`.
    pub(super) fn parse(kind: Kind, number: &str) -> Option<Self> {
        let (major, minor) = number.trim().split_once(':')?;
        Some(Self { kind, major: major.parse().ok()?, minor: minor.parse().ok()? })
    }

    /// Whether opening it may take two references: a device with a cdev of its own.
    pub(super) fn has_cdev(self) -> bool {
        self.kind == Kind::Char && self.major != MISC
    }
}

impl Kind {
    /// The name of the kind in `/sys/dev` and in aliases.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Char => "char",
            Self::Block => "block",
        }
    }
}

/// Which module each device is of.
pub(super) struct Owners {
    pub(super) misc: HashMap<u32, Vec<u8>>,
    pub(super) char_majors: HashMap<u32, Vec<u8>>,
    pub(super) block_majors: HashMap<u32, Vec<u8>>,
    /// What was found out: one device can be open thousands of times.
    pub(super) known: Mutex<HashMap<Device, Option<Certainty>>>,
}

impl Owners {
    pub(super) fn read(system: &System) -> Self {
        let misc = system::read(&system.misc_devices()).unwrap_or_default();
        let majors = system::read(&system.device_majors()).unwrap_or_default();
        let (char_majors, block_majors) = majors_by_kind(&majors);
        Self { misc: numbered(&misc), char_majors, block_majors, known: Mutex::default() }
    }
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
    use super::*;

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
}
