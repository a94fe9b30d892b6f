//! A kernel that loads modules and cannot unload them: it keeps no counts and no users, and its
//! `delete_module` does not exist. Whatever a test loads stays for those that follow.

use std::ffi::CString;
use std::fs::{self, File};
use std::time::Duration;

use nix::kmod::{ModuleInitFlags, finit_module};
use serde_json::Value;

use crate::cases::remove_text::kmod_says;
use crate::guest::{
    Done, FORMAT, Run, SYMBOL, assert_load, assert_verdict, is_loaded, judged, loaded, misfit,
    replaced, result, run, wait_for,
};

crate::tests![
    load_as_ever,
    load_twice,
    compressed_by_any_means,
    diagnosis_of_a_missing_symbol,
    diagnosis_of_another_kernels_module,
    dependencies_stay_when_the_load_fails,
    list_has_no_counts,
    list_as_data,
    list_for_people,
    remove_says_what_kmod_says,
    remove_waits_for_nothing,
    remove_several,
    remove_by_pattern,
    remove_foresees_it,
    remove_as_data,
    remove_not_loaded,
    remove_built_in,
    remove_without_privilege,
    remove_without_proc_or_sys,
    who_holds_it,
];

const UNSUPPORTED: &str = "rmmod: ERROR: Module unloading is not supported";

/// Sees to it that a module is loaded.
fn load(name: &str) {
    if !is_loaded(name) {
        let file = File::open(format!("/modules/{name}.ko")).unwrap();
        finit_module(file, &CString::default(), ModuleInitFlags::empty()).unwrap();
    }
}

/// The one row of a module in `/proc/modules`, in words.
fn row(name: &str) -> Vec<String> {
    let rows = loaded();
    let row = rows.iter().find(|row| row.starts_with(&format!("{name} "))).unwrap();
    row.split(' ').map(str::to_owned).collect()
}

fn load_as_ever() {
    let done = run(["insmod", "/modules/t_params.ko", "p_charp=two words", "p_int=5"]);
    done.succeeds_silently();
    let value = fs::read_to_string("/sys/module/t_params/parameters/p_charp").unwrap();
    assert_eq!(value, "two words\n");
    // The kernel has signatures and their taint as little as counts.
    assert_eq!(row("t_params")[2..5], ["-", "-", "Live"]);
    assert_eq!(row("t_params")[6..], ["(O)"]);
}

fn load_twice() {
    load("t_plain");
    let line = "insmod: ERROR: could not insert module /modules/t_plain.ko: File exists";
    run(["insmod", "/modules/t_plain.ko"]).fails(3, line);
    run(["insmod", "--if-needed", "/modules/t_plain.ko"]).succeeds_silently();
}

fn compressed_by_any_means() {
    for (name, suffix) in [("t_ns", "xz"), ("t_ns_user", "gz"), ("t_hold", "zst")] {
        run(["insmod", &format!("/modules/{name}.ko.{suffix}")]).succeeds_silently();
        assert!(is_loaded(name), "{suffix}");
    }
}

/// Only the call shows it: `/proc/kallsyms` lists only functions.
fn diagnosis_of_a_missing_symbol() {
    let file = "/modules/t_slow_user.ko";
    let result = assert_load(&[file], &misfit("missing-symbol", SYMBOL));
    assert_eq!(result["cause"]["symbols"][0]["provider"], "t_slow", "{result}");
}

fn diagnosis_of_another_kernels_module() {
    let file = replaced("t_dup", "-no-unload ", "-no-reload ");
    let result = assert_verdict(&[&file], &misfit("vermagic-mismatch", FORMAT));
    let text = result["cause"]["text"].as_str().unwrap();
    assert!(text.contains("-no-reload") && text.contains("-no-unload"), "{text}");
    // Nor was this kernel built to load by force.
    let result = assert_load(&["--force", &file], &misfit("not-forceable", FORMAT));
    assert!(result["cause"]["text"].as_str().unwrap().contains("CONFIG_MODULE_FORCE_LOAD"));
}

/// They cannot be removed again; the reason for the failure is still reported.
fn dependencies_stay_when_the_load_fails() {
    let file = replaced("t_user2", "-no-unload ", "-no-reload ");
    fs::copy("/modules/t_base.ko", "/tmp/t_base.ko").unwrap();
    let expected = misfit("vermagic-mismatch", FORMAT);
    for _ in 0..2 {
        judged(&run(["insmod", "-J", "--deps", &file]), &[&file], &expected);
        assert!(is_loaded("t_base"));
    }
    run(["insmod", "--deps", "/modules/t_user.ko"]).succeeds_silently();
    assert!(is_loaded("t_user"));
}

/// `-` for the count, where kmod takes its error for one; otherwise its bytes.
fn list_has_no_counts() {
    load("t_base");
    load("t_user");
    load("t_plain");
    let kmod = run(["/kmod/lsmod"]);
    kmod.succeeds();
    assert!(kmod.stdout.contains("  -2\n"), "{}", kmod.stdout);
    let ours = run(["lsmod"]);
    ours.prints(&kmod.stdout.replace("  -2\n", "  -\n"));
    let size = &row("t_plain")[1];
    ours.check(ours.stdout.contains(&format!("\nt_plain {size:>20}  -\n")), "keeps the columns");
}

fn list_as_data() {
    load("t_plain");
    let done = run(["lsmod", "-J", "t_plain"]);
    let document: Value = serde_json::from_str(&done.stdout).unwrap();
    let module = &document["modules"][0];
    assert_eq!(module["refcnt"], Value::Null, "{module}");
    assert_eq!(module["used-by"], Value::Array(Vec::new()), "{module}");
    assert_eq!(module["permanent"], false, "{module}");
    run(["lsmod", "-n", "-o", "NAME,REFCNT,USED-BY,STATE", "t_plain"]).prints("t_plain   live\n");
    run(["lsmod", "-rn", "-o", "NAME,REFCNT,USED-BY,STATE", "t_plain"]).prints("t_plain   live\n");
}

fn list_for_people() {
    load("t_base");
    load("t_user");
    let long = run(["lsmod", "--long", "t_base"]);
    long.succeeds();
    let words: Vec<_> = long.stdout.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!((words[0], words[2], words[3]), ("t_base", "-", "live"), "{words:?}");
    // No users are known: a tree of roots alone, and no module is known to be unused.
    let tree = run(["lsmod", "--tree", "t_base"]);
    tree.prints("NAME   SIZE REFCNT\nt_base  16K\n");
    let summary = run(["lsmod", "--summary"]);
    let count = format!("{} modules, ", loaded().len());
    summary.check(summary.stdout.starts_with(&count), &count);
    run(["lsmod", "-n", "-o", "NAME", "--unused"]).prints("");
}

fn remove_says_what_kmod_says() {
    load("t_plain");
    run(["rmmod", "t_plain"]).fails(1, UNSUPPORTED);
    for words in [&["t_plain"][..], &["-f", "t_plain"], &["t_absent"], &["-f", "t_absent"]] {
        let ours = run([&["rmmod"], words].concat());
        ours.check(ours.stderr == kmod_says(words), &format!("says {:?}", kmod_says(words)));
    }
    let forced = "rmmod: ERROR: could not remove 't_plain': Function not implemented";
    run(["rmmod", "--force", "t_plain"]).fails(1, forced);
    run(["rmmod", "/modules/t_plain.ko.xz"]).fails(1, UNSUPPORTED);
    assert!(is_loaded("t_plain"));
}

/// No time helps.
fn remove_waits_for_nothing() {
    load("t_plain");
    for option in ["-w", "--wait=10", "--wait=0"] {
        let done = run(["rmmod", option, "t_plain"]);
        done.fails(1, UNSUPPORTED);
        done.check(done.took < Duration::from_secs(5), "fails at once");
    }
}

fn remove_several() {
    load("t_base");
    load("t_user");
    let twice = format!("{UNSUPPORTED}\n{UNSUPPORTED}");
    run(["rmmod", "t_base", "t_user"]).fails(1, &twice);
    // Who uses t_base cannot be known.
    run(["rmmod", "--recursive", "t_base"]).fails(1, UNSUPPORTED);
}

fn remove_by_pattern() {
    load("t_base");
    run(["rmmod", "t_bas?"]).fails(1, UNSUPPORTED);
    run(["rmmod", "no_*"]).fails(3, "rmmod: ERROR: Module no_* is not currently loaded");
}

fn remove_foresees_it() {
    load("t_plain");
    for options in [&["-n"][..], &["-n", "-r"], &["-n", "-w"]] {
        run([&["rmmod"], options, &["t_plain"]].concat()).fails(1, UNSUPPORTED);
    }
    let forced = "rmmod: ERROR: could not remove 't_plain': Function not implemented";
    run(["rmmod", "-n", "-f", "t_plain"]).fails(1, forced);
}

#[track_caller]
fn assert_unsupported(done: &Done, outcome: &str) {
    let result = result(done);
    done.check(result["cause"]["kind"] == "no-unload-support", "finds the reason");
    done.check(result["status"] == 1 && result["errno"] == "ENOSYS", "has the kernel's answer");
    done.check(result["outcome"] == outcome, outcome);
    done.check(result["holders"].is_null() || result["holders"] == Value::Array(Vec::new()), "");
}

fn remove_as_data() {
    load("t_plain");
    assert_unsupported(&run(["rmmod", "-J", "t_plain"]), "failed");
    assert_unsupported(&run(["rmmod", "-J", "--wait", "t_plain"]), "failed");
    assert_unsupported(&run(["rmmod", "-J", "--force", "t_plain"]), "failed");
    assert_unsupported(&run(["rmmod", "-J", "--dry-run", "t_plain"]), "would-fail");
    let explained = Run::new("rmmod").args(["-v", "t_plain"]).done();
    let cause = "  cause: this kernel was built without module unloading (CONFIG_MODULE_UNLOAD)";
    explained.fails(1, &format!("{UNSUPPORTED}\n{cause}"));
}

/// The kernel's answer is the same, but there is nothing to remove.
fn remove_not_loaded() {
    let line = "rmmod: ERROR: Module t_absent is not currently loaded";
    for options in [&[][..], &["-w"], &["-r"], &["-n"]] {
        run([&["rmmod"], options, &["t_absent"]].concat()).fails(3, line);
    }
    run(["rmmod", "--if-loaded", "t_absent"]).succeeds_silently();
    let done = run(["rmmod", "-J", "t_absent"]);
    done.check(result(&done)["cause"]["kind"] == "not-loaded", "is not loaded");
}

fn remove_built_in() {
    run(["rmmod", "printk"]).fails(1, "rmmod: ERROR: Module printk is builtin.");
    let done = run(["rmmod", "-J", "printk"]);
    done.check(result(&done)["cause"]["kind"] == "built-in", "is built in");
}

/// The call that does not exist asks for no privilege.
fn remove_without_privilege() {
    load("t_plain");
    let unprivileged = ["setpriv", "--bounding-set=-sys_module"];
    run([&unprivileged[..], &["rmmod", "t_plain"]].concat()).fails(1, UNSUPPORTED);
    let line =
        "insmod: ERROR: could not insert module /modules/t_noexit.ko: Operation not permitted";
    run([&unprivileged[..], &["insmod", "/modules/t_noexit.ko"]].concat()).fails(6, line);
}

fn remove_without_proc_or_sys() {
    load("t_plain");
    for mount in ["/proc", "/sys", "/proc && umount -l /sys"] {
        let line = format!("umount -l {mount} && exec rmmod t_plain");
        run(["unshare", "-m", "sh", "-c", &line]).fails(1, UNSUPPORTED);
    }
}

fn who_holds_it() {
    load("t_dev");
    wait_for("the device", || fs::exists("/dev/t_dev").unwrap());
    let _open = File::open("/dev/t_dev").unwrap();
    let done = run(["rmmod", "--who", "t_dev"]);
    done.succeeds();
    done.check(done.stdout.starts_with("t_dev: no count of references\n"), "has no count");
    done.check(done.stdout.contains(" has /dev/t_dev open"), "names the process");
    done.check(done.stdout.contains("  the kernel keeps no count of references\n"), "says so");
    let done = run(["rmmod", "--who", "-J", "t_dev"]);
    done.check(result(&done)["unexplained"].is_null(), "leaves it open");
}
