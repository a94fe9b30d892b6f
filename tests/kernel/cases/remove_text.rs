//! What rmmod prints about failures: first lines, causes, JSON, and the system log.

use std::fs::{self, File};
use std::os::unix::net::UnixDatagram;

use serde_json::{Value, json};

use crate::guest::{Done, Loaded, Run, is_since, run, wait_for};

crate::tests![
    first_lines_are_those_of_kmod,
    causes,
    causes_that_need_injection,
    modules_disabled_differs_from_privilege,
    forced_and_reported,
    privilege_is_offered_to_those_without,
    json,
    json_of_what_was_not_there,
    quiet,
    to_the_system_log,
];

/// kmod's own first line. Debian's kmod is a debug build and says where in its source it is.
pub(crate) fn kmod_says(words: &[&str]) -> String {
    let done = run([&["/kmod/rmmod"], words].concat());
    let line = done.stderr.lines().next().unwrap_or_default();
    match (line.find("../libkmod/"), line.find(" could not ")) {
        (Some(place), Some(words)) => format!("{}{}\n", &line[..place], &line[words + 1..]),
        _ => format!("{line}\n"),
    }
}

fn first_lines_are_those_of_kmod() {
    let (_base, _user, _noexit, _dev) = (
        Loaded::new("t_base", ""),
        Loaded::new("t_user", ""),
        Loaded::new("t_noexit", ""),
        Loaded::new("t_dev", ""),
    );
    wait_for("the device", || fs::exists("/dev/t_dev").unwrap());
    let _open = File::open("/dev/t_dev").unwrap();
    for words in [
        &["t_base"][..],
        &["-f", "t_base"],
        &["t_noexit"],
        &["t_dev"],
        &["t_absent"],
        &["-f", "t_absent"],
    ] {
        let ours = run([&["rmmod"], words].concat());
        assert_eq!(ours.stderr, kmod_says(words), "{words:?}");
    }
}

/// Runs rmmod with explanations, and gives the lines after the first.
fn explained(words: &[&str]) -> (Done, Vec<String>) {
    let done = Run::new("rmmod").args(words).env("MODUTILS_EXPLAIN", "always").done();
    let lines = done.stderr.lines().skip(1).map(str::to_owned).collect();
    (done, lines)
}

#[track_caller]
fn causes_are(words: &[&str], expected: &[&str]) {
    let (done, lines) = explained(words);
    done.check(lines == expected, &format!("explains {expected:#?}"));
}

fn causes() {
    let (_base, _user, _noexit) =
        (Loaded::new("t_base", ""), Loaded::new("t_user", ""), Loaded::new("t_noexit", ""));
    causes_are(&["t_base"], &["  cause: used by module t_user", "  fix: rmmod --recursive t_base"]);
    causes_are(
        &["t_noexit"],
        &["  cause: t_noexit has no exit function and cannot be removed until reboot"],
    );
    causes_are(&["t_absent"], &["  cause: no module named t_absent is loaded"]);
    let builtin = "  cause: tcp_cubic is built into the kernel and cannot be removed";
    let disable = "  fix: to disable it, add initcall_blacklist=cubictcp_register to the kernel's \
                   command line and reboot";
    let expected: &[_] = if is_since(5, 11) { &[builtin, disable] } else { &[builtin] };
    causes_are(&["tcp_cubic"], expected);
    drop(Loaded::new("t_slow", "exit_ms=1500"));
}

/// Answers that these kernels do not give.
fn causes_that_need_injection() {
    let _loaded = Loaded::new("t_plain", "");
    for (errno, words, status, line, kind) in [
        // Its references are counted, so the kernel can unload it: the answer is not the kernel's.
        (
            "ENOSYS",
            &["t_plain"][..],
            1,
            "could not remove 't_plain': Function not implemented",
            "unknown",
        ),
        ("EFAULT", &["t_plain"], 1, "could not remove 't_plain': Bad address", "unknown"),
        (
            "EBUSY",
            &["t_plain"],
            4,
            "could not remove 't_plain': Device or resource busy",
            "being-unloaded",
        ),
    ] {
        // Without a filter of strace's own, which would be a reason for itself.
        let inject = format!("inject=delete_module:error={errno}");
        let tracer = ["-f", "-qq", "-o", "/dev/null", "-e", inject.as_str(), "rmmod", "-J"];
        let done = Run::new("strace").args(tracer).args(words).done();
        done.check(done.status == Some(status), &format!("ends with status {status}"));
        done.check(done.stderr == format!("rmmod: ERROR: {line}\n"), line);
        done.check(done.stdout.contains(&format!("\"kind\":\"{kind}\"")), kind);
    }
    let _held = Loaded::new("t_dev", "");
    wait_for("the device", || fs::exists("/dev/t_dev").unwrap());
    let _open = File::open("/dev/t_dev").unwrap();
    let inject = ["strace", "-qq", "-o", "/tmp/trace", "-e", "inject=delete_module:error=EAGAIN"];
    let done = run([&inject[..], &["rmmod", "-fJ", "t_dev"]].concat());
    done.check(done.stdout.contains("\"kind\":\"not-forceable\""), "is not forceable");
}

fn modules_disabled_differs_from_privilege() {
    let _loaded = Loaded::new("t_plain", "");
    let words = ["setpriv", "--bounding-set=-sys_module", "rmmod", "-J", "t_plain"];
    let done = run(words);
    done.check(done.status == Some(6), "ends with status 6");
    done.check(done.stdout.contains("\"kind\":\"no-privilege\""), "lacks the privilege");
    // The setting has no way back before the next boot: here it is only made to look set.
    fs::write("/tmp/one", "1\n").unwrap();
    let script = "mount --bind /tmp/one /proc/sys/kernel/modules_disabled && \
                  exec setpriv --bounding-set=-sys_module rmmod -J t_plain";
    let done = run(["unshare", "-m", "sh", "-c", script]);
    done.check(done.status == Some(6), "ends with status 6");
    done.check(done.stdout.contains("\"kind\":\"modules-disabled\""), "is disabled");
    done.check(done.stdout.contains(r#""fix":[{"step":"reboot"}]"#), "says what helps");

    // It is known beforehand, and to everybody.
    let foreseen = run(["unshare", "-m", "sh", "-c", &script.replace("-J", "-n")]);
    foreseen.fails(6, "rmmod: ERROR: could not remove 't_plain': Operation not permitted");
    done.check(foreseen.stderr == done.stderr, "fails as foreseen");
    let absent = script.replace("-J t_plain", "-n t_absent");
    run(["unshare", "-m", "sh", "-c", &absent])
        .fails(3, "rmmod: ERROR: Module t_absent is not currently loaded");
}

fn forced_and_reported() {
    let loaded = Loaded::new("t_noexit", "");
    let done = run(["rmmod", "-fJ", "t_noexit"]);
    done.succeeds();
    done.check(done.stdout.contains("removed although it has no exit function"), "tells");
    drop(loaded);
    let _loaded = Loaded::new("t_plain", "");
    let done = run(["rmmod", "-fv", "t_plain"]);
    done.succeeds();
    let expected = "rmmod: removed t_plain\n\
                    rmmod: WARNING: it was not in use; --force made no difference\n";
    done.check(done.stderr == expected, expected);
    // Its exit function ends the hold.
    let _held = Loaded::new("t_hold", "hold_ms=60000");
    let done = run(["rmmod", "-fv", "t_hold"]);
    let words = "rmmod: WARNING: removed although 1 reference was held: ";
    done.check(done.stderr.contains(words), words);
    done.check(!done.stderr.contains("cause:"), "has no cause to tell");
}

fn privilege_is_offered_to_those_without() {
    let _loaded = Loaded::new("t_plain", "");
    let cause = "  cause: removing modules requires CAP_SYS_MODULE in the initial user namespace\n";
    let line = "rmmod: ERROR: could not remove 't_plain': Operation not permitted\n";
    let user = run(["setpriv", "--reuid=1000", "--clear-groups", "rmmod", "-vr", "-w", "t-plain"]);
    let expected = format!("{line}{cause}  fix: sudo rmmod -r -w t-plain\n");
    user.check(user.stderr == expected, &expected);
    let root = run(["setpriv", "--bounding-set=-sys_module", "rmmod", "-v", "t_plain"]);
    root.check(root.stderr.contains("dropped from the bounding set\n"), "says why root lacks it");
    root.check(!root.stderr.contains("sudo"), "does not advise sudo");
}

fn json() {
    let _loaded = Loaded::new("t_plain", "");
    let done = run(["rmmod", "--json", "/modules/t_plain.ko", "t_absent"]);
    done.check(done.status == Some(3), "ends with status 3");
    done.check(
        done.stderr == "rmmod: ERROR: Module t_absent is not currently loaded\n",
        "keeps the line",
    );
    let expected = [
        r#"{"results":[{"module":"t_plain","file":"/modules/t_plain.ko","outcome":"removed","status":0,"#,
        r#""module":"t_absent","file":null,"outcome":"already","status":3,"errno":"ENOENT","#,
        r#""cause":{"kind":"not-loaded","text":"no module named t_absent is loaded"}"#,
    ];
    for part in expected {
        done.check(done.stdout.contains(part), part);
    }
    done.check(done.stdout.ends_with("]}\n"), "prints one document");
}

/// A success has nothing to explain.
fn json_of_what_was_not_there() {
    for (given, name) in [("t-absent", "t_absent"), ("t-absent*", "t-absent*")] {
        let done = run(["rmmod", "-Jv", "--if-loaded", given]);
        done.succeeds();
        done.check(done.stderr.is_empty(), "says nothing");
        let document: Value = serde_json::from_str(&done.stdout).unwrap();
        let record = json!({
            "module": name, "file": null, "outcome": "already", "status": 0, "errno": null,
            "message": null, "cause": null, "kernel-log": [], "fix": [],
        });
        assert_eq!(document, json!({"results": [record]}));
    }
}

fn quiet() {
    let done = run(["rmmod", "-q", "t_absent"]);
    done.check(done.status == Some(3), "ends with status 3");
    done.check(done.stderr.is_empty() && done.stdout.is_empty(), "says nothing");
}

/// What rmmod sends to the system log, with its number as `PID`.
fn logged(log: &UnixDatagram, words: &[&str]) -> Vec<String> {
    let done = run([&["rmmod"], words].concat());
    done.check(done.stderr.is_empty() && done.stdout.is_empty(), "says nothing");
    let mut bytes = [0; 1024];
    let messages = std::iter::from_fn(|| {
        let length = log.recv(&mut bytes).ok()?;
        let text = String::from_utf8_lossy(&bytes[..length]).into_owned();
        let (start, rest) = text.split_once('[')?;
        let (_, rest) = rest.split_once(']')?;
        Some(format!("{start}[PID]{rest}"))
    });
    messages.collect()
}

fn to_the_system_log() {
    let (_base, _user) = (Loaded::new("t_base", ""), Loaded::new("t_user", ""));
    let _ = fs::remove_file("/dev/log");
    let log = UnixDatagram::bind("/dev/log").unwrap();
    log.set_nonblocking(true).unwrap();
    let line = "<27>rmmod[PID]: ERROR: Module t_base is in use by: t_user";
    let explained = [
        line,
        "<27>rmmod[PID]:   cause: used by module t_user",
        "<27>rmmod[PID]:   fix: rmmod --recursive t_base",
    ];
    let explained = explained.map(str::to_owned).to_vec();
    let plain = logged(&log, &["-s", "t_base"]);
    let auto = logged(&log, &["-s", "--explain=auto", "t_base"]);
    let verbose = logged(&log, &["-sv", "t_base"]);
    let always = logged(&log, &["--syslog", "--explain=always", "t_base"]);
    let done = logged(&log, &["-sv", "t_user"]);
    let forged = logged(&log, &["-s", "t\n<3>kernel: Oops"]);
    fs::remove_file("/dev/log").unwrap();
    assert_eq!(done, ["<30>rmmod[PID]: removed t_user"]);
    assert!(forged.len() == 1 && forged[0].contains(r"t\x0a<3>kernel: Oops"), "{forged:?}");
    assert_eq!((plain, auto), (vec![line.to_owned()], vec![line.to_owned()]));
    assert_eq!((&verbose, &always), (&explained, &explained));
}
