//! Listing loaded modules.

use std::fs;
use std::path::{Path, PathBuf};

use super::tools::newer_kmod;
use super::{module_name, release, report, rows};
use crate::race::{Contender, execute_quietly};

/// Loads what the distribution has until there is enough, and lists it.
pub(super) fn modules(count: usize) {
    load_until(count);
    let mut contenders = vec![
        Contender::new("busybox cat", "/bin/busybox cat /proc/modules"),
        Contender::new("modutils", "/sbin/lsmod"),
        Contender::new("kmod", "/kmod/lsmod"),
        Contender::new("busybox", "/bin/busybox lsmod"),
    ];
    contenders.extend(newer_kmod("lsmod").map(|run| Contender::new("newer kmod", &run)));
    for (tool, option) in [
        ("modutils -J", "-J"),
        ("modutils -o +STATE,TAINT", "-o +STATE,TAINT"),
        ("modutils --tree", "--tree"),
        ("modutils --output-all", "--output-all"),
    ] {
        contenders.push(Contender::new(tool, &format!("/sbin/lsmod {option}")));
    }
    report(&format!("lsmod, {} modules", rows().len()), 7, &contenders);
}

fn load_until(count: usize) {
    let kernel = Path::new("/lib/modules").join(release()).join("kernel");
    let mut files = Vec::new();
    for directory in ["crypto", "lib", "net", "fs"] {
        module_files(&kernel.join(directory), &mut files);
    }
    files.sort();
    for file in files {
        if rows().len() >= count {
            return;
        }
        // Some refuse to start here; that does not matter.
        execute_quietly(&["/kmod/modprobe".to_owned(), "-q".to_owned(), module_name(&file)]);
    }
}

fn module_files(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            module_files(&path, files);
        } else {
            files.push(path);
        }
    }
}
