//! Where the tools under comparison are in the guest.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::race::{Contender, execute_quietly};

/// What `KMOD=path` named.
const NEWER_KMOD: &str = "/newer_kmod";

/// The implementations of `insmod` or `rmmod`: what each is called in the results, and how it is
/// run.
pub(super) fn implementations(tool: &str) -> Vec<(&'static str, String)> {
    let mut all = vec![
        ("floor", format!("/floor_{tool}")),
        ("modutils", format!("/sbin/{tool}")),
        ("kmod", format!("/kmod/{tool}")),
        ("busybox", format!("/bin/busybox {tool}")),
    ];
    all.extend(newer_kmod(tool).map(|run| ("newer kmod", run)));
    all
}

/// The `modprobe`s.
pub(super) fn modprobes() -> Vec<(&'static str, String)> {
    let mut all = vec![("kmod modprobe", "/kmod/modprobe".to_owned())];
    all.extend(newer_kmod("modprobe").map(|run| ("newer kmod modprobe", run)));
    all
}

pub(super) fn newer_kmod(tool: &str) -> Option<String> {
    Path::new(NEWER_KMOD).exists().then(|| format!("/newer/{tool}"))
}

pub(super) fn link_newer_kmod() {
    fs::create_dir("/newer").expect("a directory");
    for tool in ["insmod", "rmmod", "lsmod", "modprobe"] {
        symlink(NEWER_KMOD, format!("/newer/{tool}")).expect("a link");
    }
}

/// Without those that cannot do it at all, as Debian's kmod reads no gzip, its busybox no zstd.
pub(super) fn able(case: &str, contenders: Vec<Contender>) -> Vec<Contender> {
    let (able, unable): (Vec<_>, Vec<_>) = contenders.into_iter().partition(|contender| {
        let works = execute_quietly(&contender.run);
        if works {
            execute_quietly(&contender.after);
        }
        works
    });
    for contender in &unable {
        println!("{case}: not by {}", contender.tool);
    }
    assert!(able.iter().any(|contender| contender.tool == "modutils"), "{case}");
    able
}
