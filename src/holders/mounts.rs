//! Mounted file systems.

use std::collections::HashSet;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use super::devices::{Device, Kind};
use super::search::Search;
use super::{Certainty, Holder, HolderKind, Text};

/// File systems by the number of their superblock's device, in all mount name spaces: a module is
/// held once for each, however often it is mounted (`get_filesystem` in `fs/filesystems.c`).
#[derive(Default)]
pub(super) struct Mounts {
    seen: HashSet<(u32, u32)>,
    holders: Vec<Holder>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Mount {
    place: OsString,
    kind: OsString,
}

impl Mounts {
    /// Adds what a `mountinfo` tells, see proc(5).
    pub(super) fn add(&mut self, search: &Search<'_>, text: &[u8]) {
        for (number, mount) in text.split(|&byte| byte == b'\n').filter_map(row) {
            if search.is_late() {
                break;
            }
            if self.seen.insert(number) {
                self.holders.extend(holder(search, number, mount));
            }
        }
    }

    /// Those of the module's own type, and those on its block devices.
    pub(super) fn holders(mut self) -> Vec<Holder> {
        self.holders.sort_by_cached_key(|holder| holder.kind.to_string());
        self.holders
    }
}

/// `36 35 98:0 /root /mnt rw,noatime master:1 - ext3 /dev/root rw`
fn row(line: &[u8]) -> Option<((u32, u32), Mount)> {
    let mut fields = line.split(|&byte| byte == b' ');
    let (major, minor) = std::str::from_utf8(fields.nth(2)?).ok()?.split_once(':')?;
    let place = unescaped(fields.nth(1)?);
    let kind = fields.skip_while(|field| *field != b"-").nth(1)?;
    // A subtype is of the file system in user space: fuse.sshfs.
    let kind = kind.split(|&byte| byte == b'.').next()?;
    let mount = Mount { place, kind: OsString::from_vec(kind.to_vec()) };
    Some(((major.parse().ok()?, minor.parse().ok()?), mount))
}

/// Space, tab, newline and backslash are written as three octal digits.
fn unescaped(text: &[u8]) -> OsString {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match (byte, after) {
            (b'\\', [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', after @ ..]) => {
                bytes.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                rest = after;
            }
            _ => bytes.push(byte),
        }
    }
    OsString::from_vec(bytes)
}

fn holder(search: &Search<'_>, (major, minor): (u32, u32), mount: Mount) -> Option<Holder> {
    let kind = mount.kind.to_string_lossy();
    let of_alias = search.aliases.get(&format!("fs-{kind}"));
    let of_type = match of_alias {
        Some(owner) => *owner == search.module.name,
        None => kind.as_bytes() == search.name(),
    };
    // Major 0 is for file systems without a device.
    let device = Device { kind: Kind::Block, major, minor };
    let of_device = if major == 0 { None } else { search.certainty(device) };
    let certainty = match of_device {
        _ if of_type => Certainty::Known,
        Some(certainty) if certainty != Certainty::Possible => certainty,
        _ => return None,
    };
    let path = Text::from(mount.place);
    let command = format!("umount {}", path.word());
    let kind = HolderKind::Mount { filesystem: mount.kind.into(), path };
    Some(Holder::new(kind, certainty).with_references(1).ended_by(command))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_mountinfo() {
        let (number, mount) =
            row(br"36 35 98:0 /a /mnt/x\040y rw,noatime shared:1 master:2 - fuse.sshfs /dev/r rw")
                .unwrap();
        assert_eq!(number, (98, 0));
        assert_eq!(mount, Mount { place: "/mnt/x y".into(), kind: "fuse".into() });
        for damaged in [&b""[..], b"36 35 98 / / rw - ext4 x rw", b"36 35 98:0 / / rw"] {
            assert_eq!(row(damaged), None);
        }
    }
}
