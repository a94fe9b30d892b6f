//! rmmod's options: order, patterns, progress, and what would be removed.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::guest::{Loaded, Trace, is_loaded, loaded_names, run, wait_for};

crate::tests![
    one_call_for_one_name,
    recursive,
    recursive_past_a_failure,
    recursive_waits_for_users,
    planned_again_for_a_user_that_comes_late,
    progress_on_a_terminal,
    progress_in_words,
    pattern,
    pattern_without_match,
    names_of_directories,
    dry_run,
    dry_run_foresees_failures,
    dry_run_does_not_promise,
    behind_a_module_that_stays,
    if_loaded,
];

fn none_left() -> bool {
    !loaded_names().iter().any(|name| name.starts_with("t_"))
}

/// The usual call costs the system call and nothing else.
fn one_call_for_one_name() {
    let _loaded = Loaded::new("t_plain", "");
    let trace = Trace::of("delete_module,openat,open,finit_module", &["rmmod", "t_plain"]);
    trace.done.succeeds_silently();
    // Rust's start-up code looks where the stack is.
    let calls: Vec<_> =
        trace.calls.iter().filter(|call| !call.contains("\"/proc/self/maps\"")).collect();
    assert_eq!(calls, ["delete_module(\"t_plain\", 0x800) = 0"]);
    let _again = Loaded::new("t_plain", "");
    Trace::makes_few_calls(&["rmmod", "t_plain"]);
}

fn recursive() {
    let (_base, _user, _user2) =
        (Loaded::new("t_base", ""), Loaded::new("t_user", ""), Loaded::new("t_user2", ""));
    run(["rmmod", "-r", "t_base"]).succeeds_silently();
    assert!(none_left());
}

fn recursive_past_a_failure() {
    let (_base, _user, _hold) = (
        Loaded::new("t_base", ""),
        Loaded::new("t_user", ""),
        Loaded::new("t_hold", "hold_ms=2000"),
    );
    let done = run(["rmmod", "--recursive", "t_hold", "t_base"]);
    done.fails(4, "rmmod: ERROR: Module t_hold is in use");
    assert!(!is_loaded("t_base") && !is_loaded("t_user"));
}

fn recursive_waits_for_users() {
    let (_dev, _base, _user) =
        (Loaded::new("t_dev", ""), Loaded::new("t_base", ""), Loaded::new("t_user", ""));
    wait_for("the device", || fs::exists("/dev/t_dev").unwrap());
    let open = File::open("/dev/t_dev").unwrap();
    thread::scope(|scope| {
        let waiting = scope.spawn(|| run(["rmmod", "-r", "--wait", "t_dev", "t_base"]));
        thread::sleep(Duration::from_millis(500));
        drop(open);
        waiting.join().unwrap().succeeds_silently();
    });
    assert!(none_left());
}

/// rmmod sees one user, and another comes while it removes that one.
fn planned_again_for_a_user_that_comes_late() {
    let (_base, _user) = (Loaded::new("t_base", ""), Loaded::new("t_user", ""));
    for wait in ["--if-loaded", "--wait"] {
        let strace =
            "strace -f -qq -o /tmp/trace -e inject=delete_module:delay_enter=800000:when=1";
        let mut words: Vec<_> = strace.split(' ').collect();
        words.extend(["rmmod", "--recursive", wait, "t_base"]);
        thread::scope(|scope| {
            let removing = scope.spawn(|| run(words));
            thread::sleep(Duration::from_millis(500));
            assert!(is_loaded("t_user"), "rmmod came too early");
            let user2 = Loaded::new("t_user2", "");
            removing.join().unwrap().succeeds_silently();
            drop(user2);
        });
        assert!(none_left());
        if wait == "--if-loaded" {
            std::mem::forget((Loaded::new("t_base", ""), Loaded::new("t_user", "")));
        }
    }
}

/// Runs a command with a terminal for its messages, and gives what appeared there.
pub(super) fn on_a_terminal(words: &[impl AsRef<OsStr>]) -> (std::process::ExitStatus, String) {
    let terminal = nix::pty::openpty(None, None).unwrap();
    let mut child = std::process::Command::new(&words[0])
        .args(&words[1..])
        .stderr(std::process::Stdio::from(terminal.slave))
        .spawn()
        .unwrap();
    let status = child.wait().unwrap();
    // A terminal passes on what was written piece by piece, and ends with an error.
    let (mut text, mut piece) = (Vec::new(), [0; 4096]);
    while let Ok(length @ 1..) = nix::unistd::read(&terminal.master, &mut piece) {
        text.extend_from_slice(&piece[..length]);
    }
    (status, String::from_utf8_lossy(&text).into_owned())
}

fn progress_on_a_terminal() {
    // The count at once, and who holds it when the search is done: in two seconds, or what a busy
    // host makes of them.
    let loaded = Loaded::new("t_hold", "hold_ms=8000");
    let (status, text) = on_a_terminal(&["rmmod", "--wait", "t_hold"]);
    assert!(status.success());
    let shown = "\r\u{1b}[Krmmod: waiting for t_hold, 0 s: 1 reference";
    assert!(text.starts_with(shown), "{text:?}");
    assert!(text.contains("s: 1 reference of unknown origin"), "{text:?}");
    assert!(text.ends_with("\r\u{1b}[K"), "does not clear the line: {text:?}");
    assert!(!text.contains('\n'), "{text:?}");
    drop(loaded);

    // What follows begins on a line of its own.
    let _loaded = Loaded::new("t_hold", "hold_ms=3000");
    let (status, text) = on_a_terminal(&["rmmod", "--wait=2", "t_hold"]);
    assert_eq!(status.code(), Some(5));
    let (_, after) = text.rsplit_once("\r\u{1b}[K").unwrap();
    let lines = "rmmod: ERROR: Module t_hold is in use\r\n  cause: timed out: ";
    assert!(after.starts_with(lines), "{text:?}");
}

fn progress_in_words() {
    let _loaded = Loaded::new("t_hold", "hold_ms=2500");
    let done = run(["rmmod", "-v", "--wait", "t_hold"]);
    done.succeeds();
    let expected = "rmmod: waiting for t_hold: 1 reference of unknown origin\n\
                    rmmod: removed t_hold\n";
    done.check(done.stderr == expected, expected);
}

fn pattern() {
    let (_base, _user, _plain) =
        (Loaded::new("t_base", ""), Loaded::new("t_user", ""), Loaded::new("t_plain", ""));
    run(["rmmod", "t-[bu]*"]).succeeds_silently();
    assert!(!is_loaded("t_base") && !is_loaded("t_user") && is_loaded("t_plain"));
    run(["rmmod", "t_pl?in"]).succeeds_silently();
    assert!(none_left());
}

fn pattern_without_match() {
    run(["rmmod", "t_*"]).fails(3, "rmmod: ERROR: Module t_* is not currently loaded");
    run(["rmmod", "--if-loaded", "t_*"]).succeeds_silently();
}

fn names_of_directories() {
    for name in [".", ".."] {
        let said = format!("a module cannot have the name '{name}'");
        let line = format!("rmmod: ERROR: could not use module {name}: {said}");
        for option in ["--verbose", "--who", "--dry-run"] {
            let done = run(["rmmod", option, name]);
            done.check(done.status == Some(1), "ends with status 1");
            done.check(done.stderr.starts_with(&line), &line);
            done.check(!done.stderr.contains("builtin"), "takes it for no module");
        }
        let done = run(["lsmod", "-v", name]);
        done.check(done.status == Some(1), "ends with status 1");
        let line = format!("lsmod: ERROR: Module {name}: {said}\n");
        done.check(done.stderr == line, &line);
    }
}

fn dry_run() {
    let (_base, _user, _user2) =
        (Loaded::new("t_base", ""), Loaded::new("t_user", ""), Loaded::new("t_user2", ""));
    run(["rmmod", "-n", "-r", "t_base"]).prints("rmmod t_user2\nrmmod t_user\nrmmod t_base\n");
    // Nor does it need a privilege.
    run(["setpriv", "--bounding-set=-sys_module", "rmmod", "--dry-run", "t_user*", "t_base"])
        .prints("rmmod t_user2\nrmmod t_user\nrmmod t_base\n");
    assert!(is_loaded("t_base") && is_loaded("t_user") && is_loaded("t_user2"));
}

fn dry_run_foresees_failures() {
    let (_base, _user, _noexit) =
        (Loaded::new("t_base", ""), Loaded::new("t_user", ""), Loaded::new("t_noexit", ""));
    for (names, status, line) in [
        (&["t_base"][..], 4, "rmmod: ERROR: Module t_base is in use by: t_user"),
        (&["t_noexit"], 4, "rmmod: ERROR: could not remove 't_noexit': Device or resource busy"),
        (&["t_absent"], 3, "rmmod: ERROR: Module t_absent is not currently loaded"),
        (&["tcp_cubic"], 1, "rmmod: ERROR: Module tcp_cubic is builtin."),
    ] {
        run([&["rmmod", "-n"], names].concat()).fails(status, line);
        run([&["rmmod"], names].concat()).fails(status, line);
    }
}

fn dry_run_does_not_promise() {
    let (_base, _user) = (Loaded::new("t_base", ""), Loaded::new("t_user", ""));
    let said = "rmmod: WARNING: t_base: used by module t_user; --wait waits until that ends\n";
    let done = run(["rmmod", "-n", "--wait=1", "t_base"]);
    done.check(done.status == Some(0) && done.stdout == "rmmod t_base\n", "would go");
    done.check(done.stderr == said, said);
    run(["rmmod", "-n", "--wait=0", "t_base"])
        .fails(4, "rmmod: ERROR: Module t_base is in use by: t_user");
}

fn behind_a_module_that_stays() {
    let (_base, _user) = (Loaded::new("t_swap", ""), Loaded::new("t_swap_stays", ""));
    for dry in [&[][..], &["-n"]] {
        let line = [&["rmmod", "--explain=always", "-rJ"], dry, &["t_swap"]].concat();
        let done = run(line);
        done.check(done.status == Some(4), "ends with status 4");
        let said = "rmmod: ERROR: not removed because t_swap_stays stays loaded: t_swap\n";
        done.check(done.stderr.ends_with(said), said);
        let document: Value = serde_json::from_str(&done.stdout).unwrap();
        let cause = &document["results"][1]["cause"];
        let expected = json!({
            "kind": "used-by-modules",
            "modules": ["t_swap_stays"],
            "text": "not removed because t_swap_stays stays loaded",
        });
        done.check(*cause == expected, &format!("says {expected}"));
    }
}

fn if_loaded() {
    run(["rmmod", "--if-loaded", "t_absent"]).succeeds_silently();
    // It excuses nothing else.
    let _loaded = Loaded::new("t_hold", "hold_ms=500");
    run(["rmmod", "--if-loaded", "t_absent", "t_hold"])
        .fails(4, "rmmod: ERROR: Module t_hold is in use");
}
