//! File systems that can encrypt their files with fscrypt.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::mountinfo::Mount;
use super::search::Search;
use crate::system;

/// How the names of algorithms begin that fscrypt uses for data, names and keys (`fscrypt_modes` in
/// `fs/crypto/keysetup.c`).
const ALGORITHMS: [&str; 11] = [
    "xts(aes",
    "cts(cbc(aes",
    "cbc(aes",
    "essiv(cbc(aes",
    "adiantum(",
    "hctr2(aes",
    "xts(sm4",
    "cts(cbc(sm4",
    "hmac(sha512",
    "nhpoly1305",
    "xchacha12",
];

/// Whether files of the mount can be encrypted with an algorithm: the kernel does not show whether
/// any is.
pub(super) fn may_use(search: &Search<'_>, mount: &Mount, algorithm: &str) -> bool {
    ALGORITHMS.iter().any(|start| algorithm.starts_with(start)) && can_encrypt(search, mount)
}

fn can_encrypt(search: &Search<'_>, mount: &Mount) -> bool {
    match mount.kind.to_str() {
        Some("ext4") => {
            let source = Path::new(&mount.source);
            let is_device = search.status(source).and_then(|status| status.device);
            is_device.is_some_and(|device| (device.major, device.minor) == mount.device)
                && ext4_encrypts(source)
        }
        Some("f2fs") => {
            let name = Path::new(&mount.source).file_name().unwrap_or_default();
            let dir = search.system.filesystem_dir("f2fs".as_ref()).join(name);
            let features = system::read_text(&dir.join("features")).unwrap_or_default();
            features.contains("encryption")
        }
        _ => false,
    }
}

/// Whether the superblock has the feature `encrypt` (`struct ext4_super_block` in `fs/ext4/ext4.h`).
fn ext4_encrypts(device: &Path) -> bool {
    const INCOMPATIBLE: u64 = 1024 + 0x60;
    const ENCRYPT: u32 = 0x1_0000;
    let mut features = [0; 4];
    let read = File::open(device).and_then(|file| file.read_exact_at(&mut features, INCOMPATIBLE));
    read.is_ok() && u32::from_le_bytes(features) & ENCRYPT != 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::captured::Captured;

    #[test]
    fn superblocks_with_encryption() {
        let root = Captured::new();
        let mut image = vec![0; 2048];
        let plain = root.write("plain", &image);
        image[1024 + 0x62] = 1;
        let encrypted = root.write("encrypted", &image);
        let found = [plain, encrypted, root.join("none")].map(|file| ext4_encrypts(&file));
        assert_eq!(found, [false, true, false]);
    }
}
