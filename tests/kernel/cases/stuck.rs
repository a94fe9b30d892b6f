//! Init and exit functions that do not return: where they are is said after ten seconds, and what
//! crashed is called so.

use std::thread;
use std::time::Duration;

use crate::guest::{Done, Loaded, Run, is_loaded};

crate::tests![init_sleeps, init_waits_for_a_lock, init_of_another, exit_sleeps, no_reader];

const FILE: &str = "/modules/t_stuck.ko";

/// A command that takes twelve seconds.
fn long(words: &[&str]) -> Done {
    Run::new(words[0]).args(&words[1..]).limit(Duration::from_secs(40)).done()
}

#[track_caller]
fn says(done: &Done, line: &str) {
    done.succeeds();
    done.check(done.stderr.lines().any(|found| found == line), line);
}

fn init_sleeps() {
    let done = long(&["insmod", "-v", FILE, "init_does=sleep"]);
    let _stuck = Loaded::adopt("t_stuck");
    let line = format!(
        "insmod: loading {FILE} for 10 s: in the init function of t_stuck, sleeping (does)"
    );
    says(&done, &line);
    done.check(done.stderr.matches("for 1").count() == 1, "says so once");
}

fn init_waits_for_a_lock() {
    let done = long(&["insmod", "-v", FILE, "init_does=lock"]);
    let _stuck = Loaded::adopt("t_stuck");
    let line =
        format!("insmod: loading {FILE} for 10 s: in the init function of t_stuck, blocked (does)");
    says(&done, &line);
}

/// The kernel lets the second load of a module wait for the first.
fn init_of_another() {
    let first = thread::spawn(|| long(&["insmod", FILE, "init_does=sleep", "seconds=14"]));
    while !is_loaded("t_stuck") {
        thread::sleep(Duration::from_millis(10));
    }
    // Another file: the kernel merges two loads of the same one.
    std::fs::copy(FILE, "/tmp/t_stuck.ko").unwrap();
    let done = long(&["insmod", "-v", "/tmp/t_stuck.ko"]);
    first.join().unwrap().succeeds();
    let _stuck = Loaded::adopt("t_stuck");
    done.check(done.status == Some(3), "finds it loaded");
    let line = "insmod: loading /tmp/t_stuck.ko for 10 s: waiting for the init function of another \
                module ";
    done.check(done.stderr.lines().any(|found| found.starts_with(line)), line);
}

fn exit_sleeps() {
    let stuck = Loaded::new("t_stuck", "exit_does=sleep");
    let done = long(&["/sbin/rmmod", "-v", "t_stuck"]);
    drop(stuck);
    says(
        &done,
        "rmmod: removing t_stuck for 10 s: in the exit function of t_stuck, sleeping (does)",
    );
}

fn no_reader() {
    let done = long(&["insmod", FILE, "init_does=sleep"]);
    let _stuck = Loaded::adopt("t_stuck");
    done.succeeds_silently();
}

/// These leave a module behind that nothing removes, and a kernel that has died a little.
pub(crate) mod crashes {
    use super::FILE;
    use std::fs;

    use serde_json::json;

    use crate::guest::{Run, replaced, result, run};

    crate::tests![of_an_init_function, of_an_exit_function];

    fn refused(module: &str, cause: &str) {
        for options in [&[][..], &["--wait=5"]] {
            let done = Run::new("/sbin/rmmod")
                .args(["--explain=always"])
                .args(options)
                .args([module])
                .done();
            done.check(done.status == Some(4), "is busy, and does not wait");
            let expected = format!("  cause: {cause}\n  fix: reboot\n");
            done.check(done.stderr.ends_with(&expected), &expected);
        }
        let file = format!("/tmp/{module}.ko");
        for options in [&["--check"][..], &["--replace", "--wait=5"]] {
            let done = Run::new("insmod").args(["-J"]).args(options).args([&file]).done();
            done.check(done.status == Some(4), "is busy, and does not wait");
            assert_eq!(result(&done)["cause"]["text"], cause, "{}", done.describe());
            assert_eq!(result(&done)["fix"], json!([{ "step": "reboot" }]), "{}", done.describe());
        }
    }

    fn of_an_init_function() {
        fs::copy(FILE, "/tmp/t_stuck.ko").unwrap();
        let done = run(["insmod", FILE, "init_does=crash"]);
        done.check(done.signal.is_some(), "is killed by the kernel");
        refused(
            "t_stuck",
            "the init function of t_stuck crashed; t_stuck stays loading until reboot",
        );
    }

    fn of_an_exit_function() {
        let file = replaced("t_stuck", "t_stuck", "t_stuxk");
        fs::copy(&file, "/tmp/t_stuxk.ko").unwrap();
        run(["insmod", &file, "exit_does=crash"]).succeeds();
        let done = run(["/sbin/rmmod", "t_stuxk"]);
        done.check(done.signal.is_some(), "is killed by the kernel");
        let cause = "the exit function of t_stuxk crashed; t_stuxk stays unloading until reboot";
        refused("t_stuxk", cause);
    }
}
