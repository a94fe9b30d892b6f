//! Any number of modules that differ in their name only.

use std::fs;

use super::release;
use crate::race::execute;

const DIRECTORY: &str = "/tmp/copies";

/// A root directory for `modprobe -d`, with an index of the copies and of `t_hold`, which are not
/// in the distribution's.
pub(super) const TREE: &str = "/tmp/tree";

pub(super) fn name(index: usize) -> String {
    // As long as what it replaces.
    format!("c_{index:05}")
}

pub(super) fn file(index: usize) -> String {
    format!("{DIRECTORY}/{}.ko", name(index))
}

/// Makes so many, if there are not so many yet.
pub(super) fn make(count: usize) {
    fs::create_dir_all(DIRECTORY).expect("a directory");
    let original = fs::read("/modules/t_plain.ko").expect("the module");
    for index in 0..count {
        fs::write(file(index), renamed(&original, &name(index))).expect("a copy");
    }
}

fn renamed(module: &[u8], name: &str) -> Vec<u8> {
    let (from, mut bytes) = (b"t_plain", module.to_owned());
    for start in 0..bytes.len() - from.len() {
        if bytes[start..].starts_with(from) {
            bytes[start..start + from.len()].copy_from_slice(name.as_bytes());
        }
    }
    bytes
}

pub(super) fn make_tree() {
    let modules = format!("{TREE}/lib/modules/{}", release());
    fs::create_dir_all(&modules).expect("a directory");
    for line in [
        format!("/bin/cp -r {DIRECTORY} /modules/t_hold.ko {modules}"),
        format!("/kmod/depmod -b {TREE} {}", release()),
    ] {
        execute(&line.split(' ').map(str::to_owned).collect::<Vec<_>>());
    }
}
