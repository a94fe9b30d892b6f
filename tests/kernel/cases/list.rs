//! lsmod prints what kmod's lsmod prints.

use std::fs::{self, File};
use std::time::Duration;

use crate::guest::{Loaded, Run, Trace, loaded, loaded_names, run, wait_for};

crate::tests![no_module, three_modules, one_file_and_one_write, busy_and_permanent, eighty_modules];

fn same_as_kmod() {
    let kmod = run(["/kmod/lsmod"]);
    kmod.succeeds();
    run(["lsmod"]).prints(&kmod.stdout);
}

fn no_module() {
    assert_eq!(loaded(), [""; 0], "nothing loads modules before the tests");
    run(["lsmod"]).prints("Module                  Size  Used by\n");
    same_as_kmod();
}

fn three_modules() {
    let (_base, _user, _user2) =
        (Loaded::new("t_base", ""), Loaded::new("t_user", ""), Loaded::new("t_user2", ""));
    same_as_kmod();
}

/// However many modules there are, the list is all that is read, and it is written at once: kmod
/// makes 15 calls for each module.
fn one_file_and_one_write() {
    const OPEN: &str = "open,openat,openat2";
    let (_base, _user) = (Loaded::new("t_base", ""), Loaded::new("t_user", ""));
    let start = Trace::of(OPEN, &["lsmod", "--version"]).calls.len();
    let mut opened = Trace::of(OPEN, &["lsmod"]).calls;
    // A 32-bit tool asks what the kernel is: the order of users depends on that.
    if fs::read("/sbin/lsmod").unwrap()[4] == 1 {
        opened.retain(|call| !call.contains("\"/proc/sys/kernel/arch\""));
    }
    assert_eq!(opened.len(), start + 1, "{opened:#?}");
    assert!(opened[start].contains("\"/proc/modules\""), "{opened:#?}");
    let written = Trace::of("write,writev", &["lsmod"]).calls;
    assert_eq!(written.len(), 1, "{written:#?}");
    Trace::makes_few_calls(&["lsmod"]);
}

fn busy_and_permanent() {
    let (_noexit, _dev) = (Loaded::new("t_noexit", ""), Loaded::new("t_dev", ""));
    wait_for("the device", || fs::exists("/dev/t_dev").unwrap());
    let _open = File::open("/dev/t_dev").unwrap();
    same_as_kmod();
}

/// With long lists of users, and modules that appear in several of them.
fn eighty_modules() {
    let files = run(["find", "/lib/modules", "-name", "xt_*", "-o", "-name", "nls_cp*"]);
    files.succeeds();
    let names = files.stdout.lines().filter_map(|path| {
        let file = path.rsplit('/').next()?;
        file.split('.').next()
    });
    // Emulated machines take their time to verify eighty signatures. The test has a limit, too.
    let limit = Duration::from_secs(110);
    Run::new("/kmod/modprobe").args(["-a"]).args(names).limit(limit).done().succeeds();
    let count = loaded_names().len();
    assert!(count >= 80, "only {count} modules could be loaded");
    same_as_kmod();
}
