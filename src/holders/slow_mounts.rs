//! Mounts on which looking at a file can hang: on a server, or in a process.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::mountinfo;
use crate::system;

/// The slow mounts of each mount namespace.
#[derive(Default)]
pub(super) struct SlowMounts(Mutex<Vec<(Option<u64>, Arc<Places>)>>);

/// Mount points.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Places(Vec<PathBuf>);

/// Types of file systems that depend on a server, without their version or subtype.
const SLOW: [&str; 13] = [
    "9p", "afs", "autofs", "ceph", "cifs", "coda", "fuse", "fuseblk", "ncpfs", "nfs", "nfs4",
    "smb3", "virtiofs",
];

impl SlowMounts {
    /// The slow mounts that the process in `dir` sees.
    pub(super) fn of(&self, namespace: Option<u64>, dir: &Path) -> Arc<Places> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, places)) = known.iter().find(|(other, _)| *other == namespace) {
            return Arc::clone(places);
        }
        let text = system::read(&dir.join("mountinfo")).unwrap_or_default();
        let places = Arc::new(Places::parse(&text));
        known.push((namespace, Arc::clone(&places)));
        places
    }
}

impl Places {
    pub(super) fn parse(text: &[u8]) -> Self {
        let slow = mountinfo::rows(text)
            .filter(|mount| SLOW.iter().any(|kind| mount.kind.as_os_str() == OsStr::new(kind)));
        let places = slow.map(|mount| PathBuf::from(mount.place));
        // A mount on the root directory, as in a container, says nothing.
        Self(places.filter(|place| place != Path::new("/")).collect())
    }

    /// Whether the file is on one of them.
    pub(super) fn holds(&self, path: &Path) -> bool {
        let path = path.as_os_str().as_bytes();
        self.0.iter().any(|place| {
            let rest = path.strip_prefix(place.as_os_str().as_bytes());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts_below() {
        let text = b"36 35 0:50 / /mnt/x rw - fuse.sshfs x rw\n37 35 8:1 / /mnt/y rw - ext4 x rw\n";
        let places = Places::parse(text);
        for (path, slow) in
            [("/mnt/x", true), ("/mnt/x/a", true), ("/mnt/xy", false), ("/mnt/y/a", false)]
        {
            assert_eq!(places.holds(Path::new(path)), slow, "{path}");
        }
    }
}
