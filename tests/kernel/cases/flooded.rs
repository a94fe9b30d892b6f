//! A kernel log that is large, or that programs fill as fast as they can.

use std::fs::OpenOptions;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::guest::{Run, SYMBOL, misfit, run};

crate::tests![full_log, log_that_is_written_to];

/// What a program writes, with the priority of its own.
const LINE: &str = "<14>daemon: a line of a program, as long as most lines that programs log are, \
                    and of no interest here";

fn log(line: &str) {
    let mut log = OpenOptions::new().write(true).open("/dev/kmsg").unwrap();
    log.write_all(line.as_bytes()).unwrap();
}

fn bytes_of_the_log() -> usize {
    let words = std::fs::read_to_string("/proc/cmdline").unwrap();
    if words.contains("log_buf_len=16M") { 16 << 20 } else { 1 << 18 }
}

/// The whole answer of a call that fails for missing symbols.
fn failed(options: &[&str]) -> Value {
    let done = Run::new("insmod").args(options).args(["-J", "/modules/t_user.ko"]).done();
    let document: Value = serde_json::from_str(&done.stdout).unwrap_or_default();
    document["results"][0].clone()
}

/// However much programs have logged before, the reason is found, and soon.
fn full_log() {
    let records = bytes_of_the_log() / LINE.len();
    for _ in 0..records {
        log(LINE);
    }
    let expected = misfit("missing-symbol", SYMBOL);
    let start = Instant::now();
    let result = failed(&[]);
    assert_eq!((&result["cause"]["kind"], &result["status"]), (&expected.kind.into(), &7.into()));
    assert_eq!(result["cause"]["certain"], true, "{result}");
    let exact = start.elapsed();
    // Without an explanation, the log is only opened afterwards.
    let start = Instant::now();
    let done = run(["insmod", "/modules/t_user.ko"]);
    done.check(done.status == Some(7), "the status of a module that does not fit");
    let whole = start.elapsed();
    println!("{records} records: {exact:?} with a position, {whole:?} without");
    assert!(exact < Duration::from_secs(3) && whole < Duration::from_secs(30));
}

/// Other programs may overwrite the reason before it is read: then it is not made up.
fn log_that_is_written_to() {
    static ENOUGH: AtomicBool = AtomicBool::new(false);
    let writers: Vec<_> = (0..2)
        .map(|_| {
            thread::spawn(|| {
                while !ENOUGH.load(Ordering::Relaxed) {
                    log(LINE);
                }
            })
        })
        .collect();
    let (mut right, mut honest) = (0, 0);
    let start = Instant::now();
    while right + honest < 20 && start.elapsed() < Duration::from_secs(15) {
        let result = failed(&[]);
        let is_right = result["cause"]["kind"] == "missing-symbol";
        assert!(is_right || result["cause"]["certain"] == false, "{result}");
        right += usize::from(is_right);
        honest += usize::from(!is_right);
        let done = run(["insmod", "/modules/t_user.ko"]);
        done.check(matches!(done.status, Some(1 | 7)), "either the reason, or none");
    }
    ENOUGH.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.join().unwrap();
    }
    println!("{right} right, {honest} unknown or likely");
    assert!(right > 0);
}
