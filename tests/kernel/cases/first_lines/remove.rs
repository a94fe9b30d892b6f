//! rmmod.

use std::fs::{self, File};

use super::{ANSWERS, Comparison, Held, UNPRIVILEGED, answering, initializing, nothing, unloading};
use crate::guest::{Loaded, wait_for};

crate::tests![
    names_of_all_kinds,
    modules_that_are_held,
    without_permission,
    what_any_kernel_answers,
    without_proc_or_sys,
];

fn names_of_all_kinds() {
    let mut rmmod = Comparison::of("rmmod");
    let long = "x".repeat(64);
    for name in [
        "t_absent",
        "t-absent",
        "t_absent.ko",
        "t_absent.ko.xz",
        "t_absent.o",
        "/modules/t_absent.ko",
        "./t_absent.ko.gz",
        "/modules/t-absent.o",
        "/modules/none/t_absent",
        "tcp_cubic",
        "tcp-cubic",
        "tcp_cubic.ko",
        "printk",
        "kernel",
        "x y",
        "x\ny",
        "x=1",
        "a.b",
        &long,
    ] {
        rmmod.alone(&[name]);
        rmmod.alone(&["-f", name]);
    }
    rmmod.alone(&[]);
}

/// A module with its device node open.
fn opened(name: &'static str) -> Held {
    let loaded = Loaded::new(name, "");
    wait_for("the device", || fs::exists("/dev/t_dev").unwrap());
    Box::new((File::open("/dev/t_dev").unwrap(), loaded))
}

/// Modules, of which the later use the earlier.
fn used(names: &[&'static str]) -> Held {
    let mut loaded: Vec<Loaded> = names.iter().map(|name| Loaded::new(name, "")).collect();
    loaded.reverse();
    Box::new(loaded)
}

fn modules_that_are_held() {
    let mut rmmod = Comparison::of("rmmod");
    for name in ["t_base", "t-base", "t_base.ko", "/modules/t_base.ko", "/modules/t_base.ko.xz"] {
        rmmod.with(|| used(&["t_base", "t_user"]), &[], &[name]);
    }
    rmmod.with(|| used(&["t_base", "t_user", "t_user2"]), &[], &["t_base"]);
    for force in [&[][..], &["-f"]] {
        let words = |name: &'static str| -> Vec<&str> { [force, &[name]].concat() };
        rmmod.with(|| used(&["t_base", "t_user"]), &[], &words("t_base"));
        rmmod.with(|| opened("t_dev"), &[], &words("t_dev"));
        rmmod.with(|| used(&["t_noexit"]), &[], &words("t_noexit"));
        rmmod.with(|| initializing("err=0"), &[], &words("t_slow"));
        rmmod.with(unloading, &[], &words("t_slow"));
    }
}

fn without_permission() {
    let mut rmmod = Comparison::of("rmmod");
    for under in UNPRIVILEGED {
        for name in ["t_absent", "tcp_cubic"] {
            rmmod.with(nothing, under, &[name]);
        }
        rmmod.with(|| used(&["t_plain"]), under, &["t_plain"]);
        rmmod.with(|| used(&["t_base", "t_user"]), under, &["t_base"]);
        rmmod.with(|| used(&["t_noexit"]), under, &["t_noexit"]);
        rmmod.with(|| opened("t_dev"), under, &["t_dev"]);
        rmmod.with(|| opened("t_dev"), under, &["-f", "t_dev"]);
    }
}

fn what_any_kernel_answers() {
    let mut rmmod = Comparison::of("rmmod");
    for errno in ANSWERS {
        let mut line = String::new();
        let under = answering("delete_module", errno, &mut line);
        rmmod.with(|| used(&["t_plain"]), &under, &["t_plain"]);
        rmmod.with(|| used(&["t_plain"]), &under, &["-f", "t_plain"]);
        rmmod.with(|| used(&["t_base", "t_user"]), &under, &["t_base"]);
        rmmod.with(nothing, &under, &["t_absent"]);
        rmmod.with(nothing, &under, &["-f", "t_absent"]);
    }
}

fn without_proc_or_sys() {
    let mut rmmod = Comparison::of("rmmod");
    for mount in ["/proc", "/sys"] {
        let script = format!("umount -l {mount}; exec \"$@\"");
        let under = ["unshare", "-m", "sh", "-c", &script, "sh"];
        for name in ["t_absent", "tcp_cubic"] {
            rmmod.with(nothing, &under, &[name]);
        }
        rmmod.with(|| used(&["t_base", "t_user"]), &under, &["t_base"]);
        rmmod.with(|| used(&["t_noexit"]), &under, &["t_noexit"]);
    }
}
