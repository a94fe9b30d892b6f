//! dpkg: `/var/lib/dpkg/info/PACKAGE.list` has the paths of a package's files, one a line.

use std::ffi::OsString;

use super::Wanted;
use crate::directory::Names;
use crate::order;
use crate::system::{self, System};

pub(super) fn search(system: &System, wanted: &mut Wanted) {
    let directory = system.file("var/lib/dpkg/info");
    let Ok(directory) = Names::read(&directory) else { return };
    let named = directory.names.iter().filter_map(|name| {
        // The architecture of packages that can be there for several: dpkg -S shows that, too.
        Some((name.to_str()?.strip_suffix(".list")?, name))
    });
    let mut lists: Vec<(&str, &OsString)> = named.collect();
    let release = system.release();
    // Thousands of lists may be there, and those of kernels are the ones that matter.
    order::sort_by_key(&mut lists, |(package, _)| {
        (!package.contains(&release), !is_of_modules(package))
    });
    let mut buffer = Vec::new();
    for (package, list) in lists {
        if wanted.is_complete() {
            break;
        }
        let text = directory.read_file(list, &mut buffer);
        if let Some(text) = text.filter(|text| wanted.may_be_in(text)) {
            for path in text.split(|&byte| byte == b'\n') {
                wanted.note(path, package);
            }
        }
    }
    divert(system, wanted);
}

fn is_of_modules(package: &str) -> bool {
    ["linux-", "kmod", "dkms", "modules"].iter().any(|part| package.contains(part))
}

/// A diverted path belongs to the package that took it, see dpkg-divert(1). The file has three
/// lines for each: the path, where the others' file is now, and the package.
fn divert(system: &System, wanted: &mut Wanted) {
    let text = system::read_regular(&system.file("var/lib/dpkg/diversions")).unwrap_or_default();
    let lines: Vec<&[u8]> = text.split(|&byte| byte == b'\n').collect();
    for diversion in lines.chunks_exact(3) {
        let [path, _, by] = diversion else { continue };
        let by = String::from_utf8_lossy(by);
        if wanted.package_of(path).is_some_and(|owner| owner != by) {
            wanted.forget(path);
            // `:` stands for the administrator, who has no package.
            if by != ":" {
                wanted.note(path, &by);
            }
        }
    }
}
