//! What ends `rmmod --wait`, whatever it is busy with at that moment: a module that takes its time
//! to go, or a search for holders that takes long.

use serde_json::Value;

use crate::guest::{Loaded, Run, is_loaded};

crate::tests![signal_while_a_module_goes, signal_while_holders_are_looked_for];

/// Has each link be read so late that a search for holders takes all the time it is given.
const SLOW_SEARCH: [&str; 6] = [
    "strace",
    "-fqq",
    "--output=/dev/null",
    "--trace=readlink,readlinkat",
    "--inject=readlink,readlinkat:delay_enter=300000",
    "--signal=none",
];

/// What had its turn is gone, and the rest is left alone.
fn signal_while_a_module_goes() {
    for (signal, status) in [("HUP", 129), ("INT", 130), ("TERM", 143)] {
        let _loaded = [("t_slow", "exit_ms=2000"), ("t_plain", ""), ("t_base", "")]
            .map(|(name, parameters)| Loaded::new(name, parameters));
        let done = Run::new("timeout")
            .args(["-s", signal, "1", "/sbin/rmmod", "-wJ", "t_slow", "t_plain", "t_base"])
            .env("MODUTILS_EXPLAIN", "always")
            .done();
        done.check(done.status == Some(status), &format!("ends with status {status}"));
        assert!(!is_loaded("t_slow") && is_loaded("t_plain") && is_loaded("t_base"));
        let expected = ["t_plain", "t_base"].map(|name| {
            format!(
                "rmmod: ERROR: could not remove '{name}': Interrupted system call\n  \
                 cause: the wait was interrupted: a signal came before an attempt to remove \
                 {name}\n  fix: rmmod --wait {name}\n"
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

fn signal_while_holders_are_looked_for() {
    let _loaded = (Loaded::new("t_hold", "hold_ms=4000"), Loaded::new("t_plain", ""));
    let done = Run::new(SLOW_SEARCH[0])
        .args(&SLOW_SEARCH[1..])
        .args(["timeout", "-s", "INT", "1", "/sbin/rmmod", "--wait=0.1", "--explain=always"])
        .args(["t_hold", "t_plain"])
        .done();
    done.check(done.status == Some(130), "ends with status 130");
    done.check(done.stderr.starts_with("rmmod: ERROR: Module t_hold is in use\n"), "says the one");
    let other = "\nrmmod: ERROR: could not remove 't_plain': Interrupted system call\n";
    done.check(done.stderr.contains(other), "says the other");
    assert!(is_loaded("t_hold") && is_loaded("t_plain"));
}
