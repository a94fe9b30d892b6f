//! rmmod.

use std::fs::{self, File};

use super::{ANSWERS, Comparison, Held, UNPRIVILEGED, initializing, nothing, unloading};
use crate::guest::{Loaded, answering, wait_for};

crate::tests![
    names_of_all_kinds,
    modules_that_are_held,
    without_permission,
    what_any_kernel_answers,
    without_proc,
];

fn names_of_all_kinds() {
    let mut rmmod = Comparison::of("rmmod");
    // kmod takes a path whose file is not there for a name, directories and all, cuts it at its
    // first dot, and cuts long names; built-in code that has no file in the index is none to it.
    for name in [
        "t_absent",
        "t-absent",
        "t_absent.ko",
        "t_absent.ko.xz",
        "t_absent.o",
        "tcp_cubic",
        "tcp-cubic",
        "tcp_cubic.ko",
        "x y",
        "x\ny",
        "x=1",
        "a.b",
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
    // To remove it by force would leave its user behind.
    rmmod.with(|| opened("t_dev"), &[], &["t_dev"]);
    for force in [&[][..], &["-f"]] {
        let words = |name: &'static str| -> Vec<&str> { [force, &[name]].concat() };
        rmmod.with(|| used(&["t_base", "t_user"]), &[], &words("t_base"));
        rmmod.with(|| used(&["t_noexit"]), &[], &words("t_noexit"));
        rmmod.with(|| initializing("err=0"), &[], &words("t_slow"));
    }
    // Otherwise, kmod says nothing.
    rmmod.with(unloading, &[], &["-f", "t_slow"]);
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
        let under = answering("delete_module", errno);
        let under: Vec<&str> = under.iter().map(String::as_str).collect();
        rmmod.with(|| used(&["t_plain"]), &under, &["t_plain"]);
        rmmod.with(nothing, &under, &["-f", "t_absent"]);
    }
}

/// Without /sys, kmod finds no module at all.
fn without_proc() {
    let mut rmmod = Comparison::of("rmmod");
    let under = ["unshare", "-m", "sh", "-c", "umount -l /proc; exec \"$@\"", "sh"];
    for name in ["t_absent", "tcp_cubic"] {
        rmmod.with(nothing, &under, &[name]);
    }
    rmmod.with(|| used(&["t_base", "t_user"]), &under, &["t_base"]);
    rmmod.with(|| used(&["t_noexit"]), &under, &["t_noexit"]);
}
