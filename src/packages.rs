//! Which package a file belongs to, by the data bases of package managers. They are read as files:
//! no program is started, and one whose format is not known says nothing.

mod apk;
mod dpkg;
mod pacman;
mod rpm;

use std::collections::HashMap;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::system::System;

/// Returns the packages that these files belong to, as far as one is known: by name, as `dpkg -S`,
/// `pacman -Qo` and `apk info --who-owns` call it; with version and architecture as `rpm -qf`
/// prints it, as a system has several of the kernel's.
pub fn owners(system: &System, files: &[PathBuf]) -> HashMap<PathBuf, String> {
    let mut wanted = Wanted::new(system, files);
    for search in [dpkg::search, rpm::search, pacman::search, apk::search] {
        if wanted.is_complete() {
            break;
        }
        search(system, &mut wanted);
    }
    let of_file = |index: usize| files.get(index).cloned();
    let found = wanted.found.into_iter().filter_map(|(index, name)| Some((of_file(index)?, name)));
    found.collect()
}

/// The files that are looked for, by each path that a data base may have for them.
struct Wanted {
    paths: HashMap<Vec<u8>, usize>,
    /// A text that is in all of the paths.
    common: String,
    count: usize,
    found: HashMap<usize, String>,
}

impl Wanted {
    fn new(system: &System, files: &[PathBuf]) -> Self {
        let mut paths = HashMap::new();
        for (index, file) in files.iter().enumerate() {
            for path in spellings(&system.inner_path(file)) {
                paths.insert(path, index);
            }
        }
        let common = common_part(paths.keys().map(Vec::as_slice));
        Self { paths, common, count: files.len(), found: HashMap::new() }
    }

    /// Returns whether a text may have one of the paths. Nearly no list of a package's files does,
    /// and to look up each of its lines takes ten times as long.
    fn may_be_in(&self, text: &[u8]) -> bool {
        std::str::from_utf8(text).map_or(true, |text| text.contains(&self.common))
    }

    fn is_complete(&self) -> bool {
        self.found.len() >= self.count
    }

    /// The paths of files whose package is not known yet.
    fn open_paths(&self) -> Vec<Vec<u8>> {
        let is_open = |index: &usize| !self.found.contains_key(index);
        self.paths
            .iter()
            .filter(|(_, index)| is_open(index))
            .map(|(path, _)| path.clone())
            .collect()
    }

    /// Notes the package of an absolute path; the first that has it counts.
    fn note(&mut self, path: &[u8], package: &str) {
        if let Some(index) = self.paths.get(path) {
            self.found.entry(*index).or_insert_with(|| package.to_owned());
        }
    }

    fn package_of(&self, path: &[u8]) -> Option<&str> {
        self.found.get(self.paths.get(path)?).map(String::as_str)
    }

    /// Takes back what a file was said to belong to.
    fn forget(&mut self, path: &[u8]) {
        if let Some(index) = self.paths.get(path) {
            self.found.remove(index);
        }
    }
}

/// Where `/lib` is a link to `/usr/lib`, a package may have either.
fn spellings(path: &Path) -> Vec<Vec<u8>> {
    let path = path.as_os_str().as_bytes();
    let mut spellings = vec![path.to_vec()];
    if path.starts_with(b"/lib/") {
        spellings.push([b"/usr", path].concat());
    } else if let Some(rest) = path.strip_prefix(b"/usr/lib/") {
        spellings.push([b"/lib/", rest].concat());
    }
    spellings
}

/// As much as the standard library searches for sixteen bytes at a time.
const COMMON_MAX: usize = 32;

/// Returns the end of the longest common start of the paths; `/lib` and `/usr/lib` are the same.
fn common_part<'a>(paths: impl Iterator<Item = &'a [u8]>) -> String {
    let mut paths = paths.map(|path| path.strip_prefix(b"/usr").unwrap_or(path));
    let first = paths.next().unwrap_or_default();
    let common = paths.fold(first, |common, path| {
        let same = common.iter().zip(path).take_while(|(one, other)| one == other).count();
        common.get(..same).unwrap_or_default()
    });
    let end = common.get(common.len().saturating_sub(COMMON_MAX)..).unwrap_or_default();
    // With other bytes in it, nothing is ruled out.
    String::from_utf8(end.to_vec()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::captured::Captured;
    use std::fs;

    #[cfg(feature = "xz")]
    fn unpacked(file: &Path) -> Vec<u8> {
        use std::io::Read;
        let packed = fs::read(file).unwrap();
        if file.extension().is_none_or(|extension| extension != "xz") {
            return packed;
        }
        let mut bytes = Vec::new();
        xz2::read::XzDecoder::new(&*packed).read_to_end(&mut bytes).unwrap();
        bytes
    }

    #[cfg(not(feature = "xz"))]
    fn unpacked(file: &Path) -> Vec<u8> {
        fs::read(file).unwrap()
    }

    /// Data bases of the package managers, but for apk's made by them, in the places that they have
    /// on a system.
    fn owner_in(data: &[(&str, &str)], file: &str) -> Option<String> {
        let root = Captured::new();
        for (from, to) in data {
            let from = Path::new("tests/fixtures/packages").join(from);
            root.write(to, unpacked(&from));
        }
        let file = root.join(file);
        let found = owners(&root.system(), std::slice::from_ref(&file));
        found.get(&file).cloned()
    }

    #[test]
    fn parts_that_paths_have_in_common() {
        for (paths, expected) in [
            (&["/lib/m/a.ko", "/usr/lib/m/a.ko"][..], "/lib/m/a.ko"),
            (&["/lib/m/a.ko", "/usr/lib/m/b.ko"], "/lib/m/"),
            (&["/lib/m/a.ko", "/root/b.ko"], "/"),
            (&["/lib/m/kernel/drivers/net/ethernet/a.ko"], "el/drivers/net/ethernet/a.ko"),
            (&["/lib/\u{e9}/kernel/drivers/net/ethernet"], ""),
            (&[], ""),
        ] {
            let common = common_part(paths.iter().map(|path| path.as_bytes()));
            assert!(common.ends_with(expected), "{paths:?}: {common}");
        }
    }

    #[cfg(feature = "xz")]
    #[test]
    fn rpm_in_berkeley_db() {
        for (file, expected) in [
            ("lib/modules/6.1.0/kernel/crypto/m7.ko.xz", Some("kernel-core-6.1.0-2.fc40.x86_64")),
            ("usr/lib/modules/6.1.0/extra/out.ko", Some("kmod-extra-6.1.0-2.fc40.x86_64")),
            ("lib/modules/6.1.0/other/m7.ko.xz", None),
        ] {
            for data in ["rpm/Packages.xz", "rpm/Packages-big-endian.xz"] {
                let found = owner_in(&[(data, "var/lib/rpm/Packages")], file);
                assert_eq!(found.as_deref(), expected, "{file} in {data}");
            }
        }
    }

    #[cfg(feature = "xz")]
    #[test]
    fn rpm_in_sqlite() {
        for (file, expected) in [
            ("lib/modules/6.1.0/kernel/crypto/m7.ko.xz", Some("kernel-core-6.1.0-2.fc40.x86_64")),
            (
                "usr/lib/modules/6.1.0/kernel/crypto/m250.ko.xz",
                Some("kernel-core-6.1.0-2.fc40.x86_64"),
            ),
            ("lib/modules/6.1.0/extra/m7.ko.xz", Some("kmod-extra-6.1.0-2.fc40.x86_64")),
            ("lib/modules/6.1.0/extra/out.ko", Some("kmod-extra-6.1.0-2.fc40.x86_64")),
            ("lib/modules/6.1.0/other/m7.ko.xz", None),
            ("lib/modules/6.1.0/kernel/crypto/m0.ko.xz", None),
        ] {
            for place in ["var/lib/rpm", "usr/lib/sysimage/rpm"] {
                let place = format!("{place}/rpmdb.sqlite");
                let found = owner_in(&[("rpm/rpmdb.sqlite.xz", &place)], file);
                assert_eq!(found.as_deref(), expected, "{file} in {place}");
            }
        }
    }

    #[test]
    fn pacman_and_apk() {
        let local = "pacman/local/linux-lts-6.1.0-1/files";
        let pacman = [(local, "var/lib/pacman/local/linux-lts-6.1.0-1/files")];
        let apk = [("apk/installed", "lib/apk/db/installed")];
        for (data, file, expected) in [
            (&pacman, "usr/lib/modules/6.1.0/kernel/m1.ko.zst", Some("linux-lts")),
            (&pacman, "usr/lib/modules/6.1.0/kernel/m2.ko.zst", None),
            (&apk, "lib/modules/6.1.0/kernel/m2.ko.gz", Some("linux-lts")),
            (&apk, "lib/modules/6.1.0/m2.ko.gz", None),
        ] {
            assert_eq!(owner_in(data, file).as_deref(), expected, "{file}");
        }
    }

    #[test]
    fn dpkg_and_its_diversions() {
        let root = Captured::new();
        for (package, files) in [
            ("linux-image-6.1", "/.\n/lib/m/a.ko\n/lib/m/b.ko\n"),
            ("driver", "/lib/m/b.ko\n"),
            ("libc6:amd64", "/usr/lib/libc.so\n"),
        ] {
            root.write(format!("var/lib/dpkg/info/{package}.list"), files);
        }
        let diversions = "/lib/m/b.ko\n/lib/m/b.ko.orig\ndriver\n";
        root.write("var/lib/dpkg/diversions", diversions);
        let files = ["usr/lib/m/a.ko", "lib/m/b.ko", "lib/libc.so", "lib/x"];
        let files = files.map(|file| root.join(file));
        let found = owners(&root.system(), &files);
        let found = files.each_ref().map(|file| found.get(file).map(String::as_str));
        assert_eq!(found, [Some("linux-image-6.1"), Some("driver"), Some("libc6:amd64"), None]);
    }

    #[test]
    fn either_spelling() {
        let spelled = |path: &str| spellings(Path::new(path));
        assert_eq!(spelled("/lib/a"), [b"/lib/a".to_vec(), b"/usr/lib/a".to_vec()]);
        assert_eq!(spelled("/usr/lib/a"), [b"/usr/lib/a".to_vec(), b"/lib/a".to_vec()]);
        assert_eq!(spelled("/opt/a"), [b"/opt/a".to_vec()]);
    }
}
