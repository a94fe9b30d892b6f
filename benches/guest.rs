//! What needs a kernel that loads modules, measured inside of the virtual machine.

use std::fs;
use std::path::{Path, PathBuf};

use crate::measure::measure;
use crate::race::Contender;
use crate::result::Measured;

const ROUNDS: usize = 15;

/// Measures everything, a line of JSON for each case.
pub(crate) fn run() {
    let place = fs::read_to_string("/proc/sys/kernel/osrelease").expect("the release");
    let place = place.trim();
    let report = |case: &str, contenders: &[Contender]| {
        let results: Vec<Measured> = measure(place, case, ROUNDS, contenders);
        println!("{}", serde_json::to_string(&results).expect("JSON"));
    };
    println!();
    inserting(&report);
    removing(&report);
    listing(&report);
    println!("done");
}

type Report<'a> = &'a dyn Fn(&str, &[Contender]);

fn inserting(report: Report<'_>) {
    let plain = |tool, program: &str, arguments: &str| {
        Contender::new(tool, &format!("{program} /modules/t_plain.ko{arguments}"))
            .after("/floor_rmmod t_plain")
    };
    report(
        "insmod, plain",
        &[
            plain("floor", "/floor_insmod", ""),
            plain("modutils", "/sbin/insmod", ""),
            plain("kmod", "/kmod/insmod", ""),
            plain("busybox", "/bin/busybox insmod", ""),
        ],
    );
    let parameters = |tool, program: &str| {
        Contender::new(tool, &format!("{program} /modules/t_params.ko p_int=1 p_charp=x"))
            .after("/floor_rmmod t_params")
    };
    report(
        "insmod, parameters",
        &[
            parameters("modutils", "/sbin/insmod"),
            parameters("kmod", "/kmod/insmod"),
            parameters("busybox", "/bin/busybox insmod"),
        ],
    );
    for suffix in ["gz", "xz", "zst"] {
        let compressed = |tool, program: &str| {
            Contender::new(tool, &format!("{program} /modules/t_plain.ko.{suffix}"))
                .after("/floor_rmmod t_plain")
        };
        let mut contenders = vec![compressed("modutils", "/sbin/insmod")];
        // Debian's kmod reads no gzip, its busybox no zstd.
        if suffix != "gz" {
            contenders.push(compressed("kmod", "/kmod/insmod"));
        }
        if suffix != "zst" {
            contenders.push(compressed("busybox", "/bin/busybox insmod"));
        }
        report(&format!("insmod, {suffix}"), &contenders);
    }
}

fn removing(report: Report<'_>) {
    let one = |tool, program: &str| {
        Contender::new(tool, &format!("{program} t_plain"))
            .before("/floor_insmod /modules/t_plain.ko")
    };
    report(
        "rmmod",
        &[
            one("floor", "/floor_rmmod"),
            one("modutils", "/sbin/rmmod"),
            one("kmod", "/kmod/rmmod"),
            one("busybox", "/bin/busybox rmmod"),
        ],
    );
}

/// Loads what the distribution has until there is enough to list.
fn listing(report: Report<'_>) {
    for count in [0, 80, 200] {
        load_until(count);
        let loaded = loaded();
        report(
            &format!("lsmod, {loaded} modules"),
            &[
                Contender::new("busybox cat", "/bin/busybox cat /proc/modules"),
                Contender::new("modutils", "/sbin/lsmod"),
                Contender::new("kmod", "/kmod/lsmod"),
                Contender::new("busybox", "/bin/busybox lsmod"),
            ],
        );
    }
}

fn loaded() -> usize {
    fs::read_to_string("/proc/modules").expect("/proc/modules").lines().count()
}

fn load_until(count: usize) {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").expect("the release");
    let kernel = Path::new("/lib/modules").join(release.trim()).join("kernel");
    let mut files = Vec::new();
    for directory in ["crypto", "lib", "net", "fs"] {
        module_files(&kernel.join(directory), &mut files);
    }
    files.sort();
    for file in files {
        if loaded() >= count {
            return;
        }
        let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let name = name.split('.').next().unwrap_or_default();
        // Some refuse to start here, which is no matter.
        let _ = std::process::Command::new("/kmod/modprobe").arg("-q").arg(name).status();
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
