//! Rows of `/proc/PID/mountinfo`, see proc(5).

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use super::process::Namespace;

/// A mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mount {
    /// The number of the superblock's device: major 0 for file systems without a device.
    pub(super) device: (u32, u32),
    /// The root of the mount within the file system; the link of a namespace in nsfs.
    pub(super) root: OsString,
    /// The mount point.
    pub(super) place: OsString,
    /// Type of the file system, without the subtype that FUSE adds.
    pub(super) kind: OsString,
    /// The source: a device, mostly.
    pub(super) source: OsString,
    /// Whether it was propagated from another mount, or is to others.
    pub(super) propagates: bool,
    /// Options of the superblock.
    pub(super) options: Vec<u8>,
}

/// What one mount namespace has mounted.
pub(super) struct View {
    /// Nothing for the namespace of the caller.
    pub(super) namespace: Option<Namespace>,
    pub(super) mounts: Vec<Mount>,
}

pub(super) fn rows(text: &[u8]) -> impl Iterator<Item = Mount> {
    text.split(|&byte| byte == b'\n').filter_map(row)
}

/// `36 35 98:0 /root /mnt rw,noatime master:1 - ext3 /dev/root rw`
fn row(line: &[u8]) -> Option<Mount> {
    let mut fields = line.split(|&byte| byte == b' ');
    let (major, minor) = std::str::from_utf8(fields.nth(2)?).ok()?.split_once(':')?;
    let root = unescaped(fields.next()?);
    let place = unescaped(fields.next()?);
    let optional: Vec<_> = fields.by_ref().skip(1).take_while(|field| *field != b"-").collect();
    let propagates =
        optional.iter().any(|field| field.starts_with(b"shared:") || field.starts_with(b"master:"));
    let mut rest = fields;
    // A subtype belongs to the file system in user space: fuse.sshfs.
    let kind = rest.next()?.split(|&byte| byte == b'.').next()?;
    let source = unescaped(rest.next().unwrap_or_default());
    let options = rest.next().unwrap_or_default().to_vec();
    let device = (major.parse().ok()?, minor.parse().ok()?);
    let kind = OsString::from_vec(kind.to_vec());
    Some(Mount { device, root, place, kind, source, propagates, options })
}

/// Space, tab, newline and backslash are written as three octal digits.
pub(super) fn unescaped(text: &[u8]) -> OsString {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_mountinfo() {
        let mount =
            row(br"36 35 98:0 /a /mnt/x\040y rw,noatime shared:1 master:2 - fuse.sshfs /dev/r rw")
                .unwrap();
        let expected = Mount {
            device: (98, 0),
            root: "/a".into(),
            place: "/mnt/x y".into(),
            kind: "fuse".into(),
            source: "/dev/r".into(),
            propagates: true,
            options: b"rw".to_vec(),
        };
        assert_eq!(mount, expected);
        for damaged in [&b""[..], b"36 35 98 / / rw - ext4 x rw", b"36 35 98:0 / / rw"] {
            assert_eq!(row(damaged), None);
        }
    }
}
