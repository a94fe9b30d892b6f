//! What ends `rmmod --wait`, whatever it is busy with at that moment: a module that takes its time
//! to go, or a search for holders that takes long.

use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::lateness::lateness_of;
use super::remove_options::on_a_terminal;
use crate::guest::{KernelLog, Loaded, Run, is_loaded, run};

crate::tests![
    signal_while_a_module_goes,
    signal_while_holders_are_looked_for,
    signal_that_comes_late,
    signal_without_a_wait,
    progress_delays_no_removal,
    progress_delays_no_end,
];

/// A command line, run so that each link is read late: a search for holders takes all the time that
/// it is given. What strace has to say of a thread that ends while it is delayed is left out.
fn with_a_slow_search(line: &str) -> [String; 3] {
    let strace = "strace -fqq --output=/dev/null --signal=none --trace=readlink,readlinkat \
                  --inject=readlink,readlinkat:delay_enter=300000";
    ["sh", "-c", &format!("exec {strace} sh -c 'exec {line} 2>&3' 3>&2 2>/dev/null")]
        .map(str::to_owned)
}

/// What had its turn is gone, and the rest is left alone.
fn signal_while_a_module_goes() {
    for (signal, status) in [("HUP", 129), ("INT", 130), ("TERM", 143)] {
        let _loaded = [("t_slow", "exit_ms=2000"), ("t_plain", ""), ("t_base", "")]
            .map(|(name, parameters)| Loaded::new(name, parameters));
        let done = Run::new("timeout")
            .args(["-s", signal, "1", "/sbin/rmmod", "-wJ", "t_slow", "t_plain", "t_base"])
            .env("MODUTILS_EXPLAIN", "always")
            .done();
        // A shell's loop goes on unless the command dies of the signal.
        done.check(done.signal == Some(status - 128), &format!("dies of SIG{signal}"));
        assert!(!is_loaded("t_slow") && is_loaded("t_plain") && is_loaded("t_base"));
        let expected = ["t_plain", "t_base"].map(|name| {
            format!(
                "rmmod: ERROR: could not remove '{name}': Interrupted system call\n  \
                 cause: interrupted before the first attempt\n  fix: rmmod -w {name}\n"
            )
        });
        done.check(done.stderr == expected.concat(), &expected.concat());
        let document: Value = serde_json::from_str(&done.stdout).unwrap();
        let of = |index: usize| {
            let record = &document["results"][index];
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            (
                text(&record["module"]),
                text(&record["outcome"]),
                record["status"].as_i64(),
                text(&record["errno"]),
                text(&record["cause"]["kind"]),
            )
        };
        let gone = ["t_slow", "removed", "", ""].map(str::to_owned);
        let left = |name: &str| [name, "failed", "EINTR", "interrupted"].map(str::to_owned);
        for (index, ([name, outcome, errno, kind], status)) in
            [(gone, 0), (left("t_plain"), status), (left("t_base"), status)].into_iter().enumerate()
        {
            let expected = (name, outcome, Some(i64::from(status)), errno, kind);
            done.check(of(index) == expected, &format!("says {expected:?}"));
        }
    }
}

/// Nothing is left to stop, but a shell's loop is to end.
fn signal_that_comes_late() {
    let _loaded = Loaded::new("t_slow", "exit_ms=2000");
    let done = run(["timeout", "-s", "INT", "1", "/sbin/rmmod", "--wait", "t_slow"]);
    done.check(done.signal == Some(2), "dies of SIGINT");
    done.check(done.stderr == "rmmod: removed t_slow\n", "says that it is gone");
    assert!(!is_loaded("t_slow"));
}

fn signal_without_a_wait() {
    let _loaded = [("t_slow", "exit_ms=2000"), ("t_plain", "")]
        .map(|(name, parameters)| Loaded::new(name, parameters));
    let done = Run::new("timeout")
        .args(["-s", "TERM", "1", "/sbin/rmmod", "t_slow", "t_plain"])
        .env("MODUTILS_EXPLAIN", "always")
        .done();
    done.check(done.signal == Some(15), "dies of SIGTERM");
    let expected = "rmmod: ERROR: could not remove 't_plain': Interrupted system call\n  \
                    cause: interrupted before the first attempt\n  fix: rmmod t_plain\n";
    done.check(done.stderr == expected, expected);
    assert!(!is_loaded("t_slow") && is_loaded("t_plain"));
}

fn signal_while_holders_are_looked_for() {
    let _loaded = (Loaded::new("t_hold", "hold_ms=4000"), Loaded::new("t_plain", ""));
    let rmmod = "/sbin/rmmod --wait=0.1 --explain=always t_hold t_plain";
    let done = run(with_a_slow_search(&format!("timeout -s INT 1 {rmmod}")));
    done.check(done.signal == Some(2), "dies of SIGINT");
    done.check(done.stderr.starts_with("rmmod: ERROR: Module t_hold is in use\n"), "says the one");
    let other = "\nrmmod: ERROR: could not remove 't_plain': Interrupted system call\n";
    done.check(done.stderr.contains(other), "says the other");
    assert!(is_loaded("t_hold") && is_loaded("t_plain"));
}

/// strace itself takes some milliseconds.
fn progress_delays_no_removal() {
    let log = KernelLog::from_now();
    let _loaded = Loaded::new("t_hold", "hold_ms=2000");
    let (status, text) = on_a_terminal(&with_a_slow_search("rmmod -w t_hold"));
    assert!(status.success(), "{text:?}");
    let late = lateness_of(&log);
    println!("late by {late:?} during a search for holders");
    assert!(late < Duration::from_millis(200), "late by {late:?}: {text:?}");
    assert!(text.contains("rmmod: waiting for t_hold, 1 s: 1 reference"), "{text:?}");
    assert!(text.ends_with("\r\u{1b}[K"), "{text:?}");
}

fn progress_delays_no_end() {
    for (line, end) in [
        ("rmmod --explain=never --wait=1 t_hold", (Some(5), None)),
        ("timeout -s INT 1 /sbin/rmmod --explain=never --wait t_hold", (None, Some(2))),
    ] {
        let _loaded = Loaded::new("t_hold", "hold_ms=3000");
        let start = Instant::now();
        let (ended, text) = on_a_terminal(&with_a_slow_search(line));
        let took = start.elapsed();
        println!("{line} ended after {took:?} during a search for holders");
        assert_eq!((ended.code(), ended.signal()), end, "{text:?}");
        assert!(took < Duration::from_millis(2200), "{took:?}: {text:?}");
        assert!(text.ends_with("rmmod: ERROR: Module t_hold is in use\r\n"), "{text:?}");
    }
}
