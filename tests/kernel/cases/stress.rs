//! Many of them at once, and many times over.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::replace::new_build;
use crate::guest::{Hidden, Run, is_loaded, remove, run};

crate::tests![
    one_file_by_many_at_once,
    one_name_in_many_files_at_once,
    loaded_and_removed_many_times,
    replaced_many_times,
];

/// How many processes run at once.
const MANY: usize = 200;

const FILE: &str = "/modules/t_plain.ko";

/// What came of one insmod: status and stderr.
fn end(child: Child) -> (Option<i32>, String) {
    let output = child.wait_with_output().unwrap();
    assert!(output.stdout.is_empty());
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Starts insmod for each file, and counts those that succeeded.
fn insert_at_once(files: &[String]) -> usize {
    let children: Vec<_> = files
        .iter()
        .map(|file| {
            Command::new("insmod")
                .arg(file)
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    let mut done = 0;
    for (child, file) in children.into_iter().zip(files) {
        let (status, said) = end(child);
        let line = format!("insmod: ERROR: could not insert module {file}: File exists\n");
        match status {
            Some(0) => {
                assert_eq!(said, "");
                done += 1;
            }
            Some(3) => assert_eq!(said, line),
            _ => panic!("{file}: status {status:?}: {said}"),
        }
    }
    assert!(is_loaded("t_plain"));
    remove("t_plain").unwrap();
    done
}

fn one_file_by_many_at_once() {
    let done = insert_at_once(&vec![FILE.to_owned(); MANY]);
    println!("{MANY} insmods of one file: {done} succeeded, the others found it loaded");
    // The kernel merges calls for one file since Linux 6.5: the others succeed with the first.
    assert!(done >= 1);
}

fn one_name_in_many_files_at_once() {
    let files: Vec<_> = (0..MANY).map(|number| format!("/tmp/copy{number}.ko")).collect();
    for file in &files {
        fs::copy(FILE, file).unwrap();
    }
    let done = insert_at_once(&files);
    for file in &files {
        fs::remove_file(file).unwrap();
    }
    println!("{MANY} insmods of copies: {done} succeeded, the others found it loaded");
    assert_eq!(done, 1);
}

/// KiB of a line in /proc/meminfo.
fn memory(name: &str) -> i64 {
    let text = fs::read_to_string("/proc/meminfo").unwrap();
    let line = text.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// KiB of free pages that the processors keep for themselves, some MiB of them since Linux 6.7.
fn kept_by_processors() -> i64 {
    let text = fs::read_to_string("/proc/zoneinfo").unwrap();
    let counts = text.lines().filter_map(|line| line.trim_start().strip_prefix("count:"));
    counts.map(|count| count.trim().parse::<i64>().unwrap() * 4).sum()
}

/// What would be free if all caches were dropped, and the slab that cannot be.
fn settled_memory() -> (i64, i64) {
    fs::write("/proc/sys/vm/drop_caches", "3").unwrap();
    fs::write("/proc/sys/vm/stat_refresh", "1").unwrap();
    (memory("MemFree:") + kept_by_processors(), memory("SUnreclaim:"))
}

/// Ends the threads beside a test, however the test ends.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// While others list the modules, and a process opens the device again and again.
fn replaced_many_times() {
    const TIMES: usize = 500;
    let files = [new_build(), "/modules/t_swap.ko".to_owned()];
    run(["insmod", &files[1]]).succeeds_silently();
    let stop = AtomicBool::new(false);
    let on = || !stop.load(Ordering::Relaxed);
    let mut ends = BTreeMap::<Option<i32>, usize>::new();
    let mut memory = Vec::new();
    let begin = Instant::now();
    thread::scope(|scope| {
        let _stop = Stop(&stop);
        for _ in 0..4 {
            scope.spawn(|| {
                while on() {
                    run(["lsmod"]).succeeds();
                    // In an emulated machine, readers without a pause leave no time for the rest.
                    thread::sleep(Duration::from_millis(20));
                }
            });
        }
        scope.spawn(|| {
            while on() {
                drop(File::open("/dev/t_swap"));
                thread::sleep(Duration::from_millis(2));
            }
        });
        for time in 0..TIMES {
            // An emulated kernel takes seconds for its list of symbols, which the check before each
            // replacement reads: enough if some of them do.
            let _hidden = (time % 20 != 0).then(|| Hidden::new("/proc/kallsyms"));
            let wait = if time % 3 == 0 { "--wait=0.5" } else { "-v" };
            let done = Run::new("insmod")
                .args(["--replace", wait, &files[time % 2]])
                .limit(Duration::from_secs(120))
                .done();
            *ends.entry(done.status).or_default() += 1;
            let last = done.stderr.lines().last().unwrap_or_default();
            match done.status {
                Some(0) => {}
                Some(4 | 5) => {
                    done.check(last.contains(" build of t_swap is loaded now"), "says it");
                }
                _ => panic!("{}", done.describe()),
            }
            assert!(is_loaded("t_swap"), "{}", done.describe());
            if time % 20 == 19 {
                let progress =
                    format!("replaced {} times, {ends:?}, after {:?}\n", time + 1, begin.elapsed());
                let _ = fs::write("/dev/kmsg", format!("<4>{progress}"));
            }
            if time % (TIMES / 4) == TIMES / 4 - 1 {
                memory.push(settled_memory());
            }
        }
    });
    remove("t_swap").unwrap();
    println!(
        "{TIMES} replacements in {} s: statuses {ends:?}, free memory and slab in KiB {memory:?}",
        begin.elapsed().as_secs()
    );
    assert!(ends[&Some(0)] > TIMES / 10);
    assert_eq!(fs::read_dir("/sys/kernel/tracing/instances").unwrap().count(), 0);
    let (before, after) = (memory[2], memory[3]);
    assert!(before.0 - after.0 < 2048, "memory is lost: {memory:?}");
    assert!(after.1 - before.1 < 1024, "slab is lost: {memory:?}");
}

fn loaded_and_removed_many_times() {
    const TIMES: usize = 2000;
    let cycle = || {
        run(["insmod", FILE]).succeeds_silently();
        run(["rmmod", "t_plain"]).succeeds_silently();
    };
    // Memory that is allocated once does not count: the memory of the kernel's own tables grows
    // for a while.
    let begin = Instant::now();
    let mut memory = Vec::new();
    for _ in 0..4 {
        (0..TIMES / 4).for_each(|_| cycle());
        memory.push(settled_memory());
    }
    println!(
        "{TIMES} times loaded and removed in {} s: free memory and slab in KiB, after each quarter: \
         {memory:?}",
        begin.elapsed().as_secs()
    );
    // Half of a page each time would be 1 MiB in a quarter: none in the last is above that.
    let (before, after) = (memory[2], memory[3]);
    assert!(before.0 - after.0 < 1024, "memory is lost: {memory:?}");
    assert!(after.1 - before.1 < 1024, "slab is lost: {memory:?}");
}
