//! A system without /proc or without /sys, as in an early initramfs.

use serde_json::{Value, json};

use crate::guest::{Done, Loaded, is_loaded, run};

crate::tests![
    list_without_proc,
    list_without_sys,
    insert_and_remove_without_proc,
    insert_and_remove_without_sys,
    loaded_already_without_both,
    busy_without_sys,
    busy_without_proc,
    waiting_without_proc_or_sys,
    no_list_and_why,
];

/// Runs a tool where a file system is not mounted. Other processes do not see the change.
fn without(mount: &str, line: &str) -> Done {
    run(["unshare", "-m", "sh", "-c", &format!("umount -l {mount} && exec {line}")])
}

fn list_without_proc() {
    without("/proc", "lsmod")
        .fails(1, "lsmod: ERROR: could not open /proc/modules: No such file or directory");
}

fn list_without_sys() {
    let (_base, _user) = (Loaded::new("t_base", ""), Loaded::new("t_user", ""));
    let with = run(["lsmod"]);
    without("/sys", "lsmod").prints(&with.stdout);
}

fn insert_and_remove_without(mount: &str) {
    for suffix in ["", ".xz", ".gz", ".zst"] {
        without(mount, &format!("insmod /modules/t_plain.ko{suffix}")).succeeds_silently();
        let _loaded = Loaded::adopt("t_plain");
        without(mount, "rmmod t_plain").succeeds_silently();
        assert!(!is_loaded("t_plain"));
    }
}

fn insert_and_remove_without_proc() {
    insert_and_remove_without("/proc");
}

fn insert_and_remove_without_sys() {
    insert_and_remove_without("/sys");
}

/// Only the kernel's answer tells it.
fn loaded_already_without_both() {
    let both = "/proc && umount -l /sys";
    let _base = Loaded::new("t_base", "");
    without(both, "insmod /modules/t_base.ko")
        .fails(3, "insmod: ERROR: could not insert module /modules/t_base.ko: File exists");
    without(both, "insmod --if-needed /modules/t_base.ko").succeeds_silently();
    without(both, "insmod --deps /modules/t_user.ko").succeeds_silently();
    drop(Loaded::adopt("t_user"));
}

fn busy_without_sys() {
    let (_base, _user) = (Loaded::new("t_base", ""), Loaded::new("t_user", ""));
    without("/sys", "rmmod t_base").fails(4, "rmmod: ERROR: Module t_base is in use by: t_user");
}

fn busy_without_proc() {
    let (_base, _user, _noexit) =
        (Loaded::new("t_base", ""), Loaded::new("t_user", ""), Loaded::new("t_noexit", ""));
    without("/proc", "rmmod t_base").fails(4, "rmmod: ERROR: Module t_base is in use by: t_user");
    without("/proc", "rmmod --wait t_noexit")
        .fails(4, "rmmod: ERROR: could not remove 't_noexit': Device or resource busy");
}

fn waiting_without_proc_or_sys() {
    for mount in ["/proc", "/sys", "/proc && umount -l /sys"] {
        let _loaded = Loaded::new("t_hold", "hold_ms=1000");
        without(mount, "rmmod --wait t_hold").succeeds_silently();
        assert!(!is_loaded("t_hold"), "{mount}");
    }
}

/// What needs the list says in every form that there is none.
fn no_list_and_why() {
    let line = "rmmod: ERROR: could not open /proc/modules: No such file or directory\n";
    for words in ["-n t-plain", "-r t-plain", "--who t-plain", "'t-pl*'"] {
        let done = without("/proc", &format!("rmmod -Jv {words}"));
        done.check(done.status == Some(1), "ends with status 1");
        let expected = format!("{line}  cause: /proc is not mounted\n");
        done.check(done.stderr == expected, &expected);
        let name = if words.ends_with("*'") { "t-pl*" } else { "t_plain" };
        let record = json!({"results": [{
            "module": name, "file": null, "outcome": "failed", "status": 1, "errno": "ENOENT",
            "message": "could not open /proc/modules: No such file or directory",
            "cause": {"kind": "unknown", "text": "/proc is not mounted"},
            "kernel-log": [], "fix": [],
        }]});
        let document: Value = serde_json::from_str(&done.stdout).unwrap();
        done.check(document == record, &record.to_string());
    }
    let done = without("/proc", "lsmod -J");
    let document: Value = serde_json::from_str(&done.stdout).unwrap();
    let cause = json!({"kind": "unknown", "text": "/proc is not mounted"});
    done.check(document["error"]["cause"] == cause, &cause.to_string());
}
