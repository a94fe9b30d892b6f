//! Another process logs as fast as it can, so that the lines about a call may be overwritten before
//! they are read: then the verdict is right all the same, or not stated as certain.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::guest::{Loaded, Run, replaced, result};

crate::tests![flooded];

/// The setting that lets programs log without limit.
const LIMIT: &str = "/proc/sys/kernel/printk_devkmsg";

/// Ends the thread, also where a test fails.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Does something while a thread logs.
fn meanwhile<T>(then: impl FnOnce() -> T) -> T {
    let before = fs::read_to_string(LIMIT).unwrap();
    // Where the kernel's command line has set it, it cannot be changed. A word needs its line end.
    let limited = before.trim() != "on";
    if limited {
        fs::write(LIMIT, "on\n").unwrap();
    }
    let stop = AtomicBool::new(false);
    let result = thread::scope(|scope| {
        scope.spawn(|| {
            let mut log = OpenOptions::new().write(true).open("/dev/kmsg").unwrap();
            // Not shown on the console.
            let line = format!("<15>{}\n", "x".repeat(900));
            while !stop.load(Ordering::Relaxed) {
                let _ = log.write_all(line.as_bytes());
            }
        });
        let _ends = Ends(&stop);
        then()
    });
    if limited {
        fs::write(LIMIT, before).unwrap();
    }
    result
}

/// What insmod finds while the log is flooded.
fn cause(words: &[&str]) -> Value {
    let line = ["-J"].iter().chain(words);
    let done = Run::new("insmod").args(line).limit(Duration::from_secs(20)).done();
    done.check(done.took < Duration::from_secs(15), "takes no longer for it");
    result(&done)["cause"].clone()
}

fn flooded() {
    let _base = Loaded::new("t_base", "");
    let magic = replaced("t_plain", "SMP preempt ", "SMP preemqt ");
    let causes = meanwhile(|| {
        let mut causes = Vec::new();
        for (words, kind) in [
            (&["/modules/t_ns_user.ko"][..], "missing-symbol"),
            (&["/modules/t_params.ko", "p_int=x"], "bad-parameter"),
            (&["/modules/t_fail.ko", "err=22"], "init-failed"),
            (&["/modules/t_fail.ko", "err=19"], "init-failed"),
            (&["/modules/t_base.ko"], "already-loaded"),
            (&[&magic], "vermagic-mismatch"),
        ] {
            causes.push((kind, cause(words)));
        }
        causes
    });
    let (mut right, mut honest) = (0, 0);
    for (kind, cause) in &causes {
        if cause["kind"] == *kind {
            right += 1;
        } else {
            assert_eq!(cause["certain"], false, "{kind}: {cause}");
            honest += 1;
        }
    }
    println!("{right} right, {honest} not known");
    assert!(right > honest);
}
