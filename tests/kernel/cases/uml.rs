//! User-Mode Linux, as the distribution has it: a kernel that is a program. It has modules of its
//! own, and neither tracing nor removal by force.

use std::fs::{self, File};
use std::thread::{self, sleep};
use std::time::Duration;

use crate::guest::{SYMBOL, assert_load, is_loaded, loaded_names, misfit, result, run, wait_for};

crate::tests![
    load_and_remove,
    load_compressed,
    dependencies,
    list_like_kmod,
    remove_users_first,
    remove_by_force,
    who_has_it_open,
    wait_for_a_process,
    wait_in_vain,
];

/// The file of a module.
fn file(name: &str) -> String {
    let found = run(["/kmod/modinfo", "-n", name]);
    found.succeeds();
    found.stdout.trim().to_owned()
}

fn load(name: &str) {
    run(["insmod", &file(name)]).succeeds_silently();
}

fn remove(name: &str) {
    run(["rmmod", name]).succeeds_silently();
    assert!(!is_loaded(name));
}

fn load_and_remove() {
    load("nls_utf8");
    assert!(is_loaded("nls_utf8"));
    remove("nls_utf8");
    run(["rmmod", "nls_utf8"]).fails(3, "rmmod: ERROR: Module nls_utf8 is not currently loaded");
    run(["rmmod", "printk"]).fails(1, "rmmod: ERROR: Module printk is builtin.");
}

fn load_compressed() {
    let line = format!("gzip -c {} >/tmp/nls_utf8.ko.gz", file("nls_utf8"));
    run(["sh", "-c", &line]).succeeds();
    run(["insmod", "/tmp/nls_utf8.ko.gz"]).succeeds_silently();
    remove("nls_utf8");
}

/// cuse needs fuse.
fn dependencies() {
    let cuse = file("cuse");
    let result = assert_load(&[&cuse], &misfit("missing-symbol", SYMBOL));
    assert_eq!(result["cause"]["symbols"][0]["provider"], "fuse", "{result}");
    run(["insmod", "--deps", &cuse]).succeeds_silently();
    run(["rmmod", "fuse", "cuse"]).succeeds_silently();
    assert!(!is_loaded("fuse"));
}

fn list_like_kmod() {
    load("fuse");
    load("cuse");
    let kmod = run(["/kmod/lsmod"]);
    run(["lsmod"]).prints(&kmod.stdout);
    run(["lsmod", "-n", "-o", "NAME,REFCNT,USED-BY", "fuse"]).prints("fuse 1 cuse\n");
    run(["rmmod", "--recursive", "fuse"]).succeeds_silently();
}

fn remove_users_first() {
    load("fuse");
    load("cuse");
    run(["rmmod", "fuse"]).fails(4, "rmmod: ERROR: Module fuse is in use by: cuse");
    run(["rmmod", "--dry-run", "--recursive", "fuse"]).prints("rmmod cuse\nrmmod fuse\n");
    run(["rmmod", "f?se"]).fails(4, "rmmod: ERROR: Module fuse is in use by: cuse");
    run(["rmmod", "*use"]).succeeds_silently();
    assert!(!loaded_names().iter().any(|name| name.ends_with("use")));
}

fn open_device() -> File {
    wait_for("the device", || fs::exists("/dev/fuse").unwrap());
    File::open("/dev/fuse").unwrap()
}

/// This kernel was built without it.
fn remove_by_force() {
    load("fuse");
    let open = open_device();
    let done = run(["rmmod", "--force", "-J", "fuse"]);
    assert_eq!(result(&done)["cause"]["kind"], "not-forceable");
    done.check(done.status == Some(1), "ends with status 1");
    let line = "rmmod: ERROR: could not remove 'fuse': Resource temporarily unavailable\n";
    done.check(done.stderr == line, "says what the kernel says");
    drop(open);
    remove("fuse");
}

fn who_has_it_open() {
    load("fuse");
    let open = open_device();
    run(["rmmod", "fuse"]).fails(4, "rmmod: ERROR: Module fuse is in use");
    let who = run(["rmmod", "--who", "fuse"]);
    who.succeeds();
    who.check(who.stdout.starts_with("fuse: 1 reference\n"), "counts");
    who.check(who.stdout.contains(" has /dev/fuse open"), "names the process");
    drop(open);
    remove("fuse");
}

/// By the clock.
fn wait_for_a_process() {
    load("fuse");
    let open = open_device();
    let process = thread::spawn(move || {
        sleep(Duration::from_millis(800));
        drop(open);
    });
    let done = run(["rmmod", "--wait", "fuse"]);
    done.succeeds_silently();
    done.check(done.took >= Duration::from_millis(300), "waits");
    assert!(!is_loaded("fuse"));
    process.join().unwrap();
}

fn wait_in_vain() {
    load("fuse");
    let open = open_device();
    let done = run(["rmmod", "--wait=0.3", "fuse"]);
    done.fails(5, "rmmod: ERROR: Module fuse is in use");
    done.check(done.took >= Duration::from_millis(300), "waits");
    drop(open);
    remove("fuse");
}
