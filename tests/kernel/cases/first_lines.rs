//! The first line of every failure is the one that kmod writes: each situation is brought about
//! anew for our tool, and for kmod's of two releases of the distribution.

use std::any::Any;
use std::fs;
use std::process::{Child, Command, Stdio};
use std::thread::{self, JoinHandle};

use crate::guest::{self, Done, Loaded, Run, is_loaded, wait_for};

pub(crate) mod insert;
pub(crate) mod remove;

/// Where the tools of kmod are.
const KMODS: [&str; 2] = ["/kmod", "/other-kmod"];

/// What keeps a situation up.
pub(crate) type Held = Box<dyn Any>;

/// Runs a tool in a situation; `under` is what runs it, if anything. What a kernel takes after all
/// has to be a success of each.
fn first_line(tool: &str, under: &[&str], words: &[&str]) -> String {
    let line: Vec<&str> =
        under.iter().copied().chain([tool]).chain(words.iter().copied()).collect();
    let done = Run::new(line[0]).args(&line[1..]).done();
    let own = kmods_own(&done, tool.rsplit('/').next().unwrap());
    if own.is_empty() { format!("nothing, with success: {}", done.status == Some(0)) } else { own }
}

/// The tool's first line. Debian's kmod 30 is a debug build: it says where in its source it is, and
/// has lines of its library before those of the tool. kmod 34 repeats the name of the tool before
/// each module that uses another. In which order those stand is left to a directory of sysfs.
pub(crate) fn kmods_own(done: &Done, tool: &str) -> String {
    let start = format!("{tool}: ERROR: ");
    let line = done.stderr.lines().find(|line| line.starts_with(&start)).unwrap_or_default();
    let mut line = line.to_owned();
    if let (Some(place), Some(words)) = (line.find("../libkmod/"), line.find(" could not ")) {
        line.replace_range(place..=words, "");
    }
    let Some((head, users)) = line.split_once(" is in use by:") else { return line };
    let users = users.replace(&start, " ");
    let mut users: Vec<&str> = users.split_whitespace().collect();
    users.sort_unstable();
    format!("{head} is in use by: {}", users.join(" "))
}

/// Situations that a tool is compared in, with all that differs.
pub(crate) struct Comparison {
    tool: &'static str,
    differences: Vec<String>,
    compared: usize,
}

impl Comparison {
    pub(crate) fn of(tool: &'static str) -> Comparison {
        Comparison { tool, differences: Vec::new(), compared: 0 }
    }

    pub(crate) fn with(&mut self, prepare: impl Fn() -> Held, under: &[&str], words: &[&str]) {
        let line = |tool: &str| {
            let held = prepare();
            let line = first_line(tool, under, words);
            drop(held);
            line
        };
        let ours = line(self.tool);
        for kmod in KMODS.iter().filter(|kmod| fs::exists(kmod).unwrap()) {
            let theirs = line(&format!("{kmod}/{}", self.tool));
            self.compared += 1;
            if ours != theirs {
                self.differences.push(format!("{under:?} {words:?}\n  {ours}\n  {kmod}: {theirs}"));
            }
        }
    }

    pub(crate) fn alone(&mut self, words: &[&str]) {
        self.with(nothing, &[], words);
    }
}

impl Drop for Comparison {
    fn drop(&mut self) {
        let found = self.differences.join("\n");
        assert!(found.is_empty() || thread::panicking(), "of {}:\n{found}", self.compared);
        assert!(self.compared > 0 || thread::panicking(), "nothing was compared");
    }
}

fn nothing() -> Held {
    Box::new(())
}

/// An insmod of `t_slow` that is under way.
struct Inserting(Child);

impl Drop for Inserting {
    fn drop(&mut self) {
        let _ = self.0.wait();
        // It is gone after a failure.
        if is_loaded("t_slow") {
            guest::remove("t_slow").unwrap();
        }
    }
}

/// Loads `t_slow` aside, whose init function takes longer than a start of the tools.
fn initializing(err: &str) -> Held {
    let words = ["/modules/t_slow.ko", "init_ms=2000", err];
    let mut insmod = Command::new("/kmod/insmod");
    let running = insmod.args(words).stderr(Stdio::null()).spawn().unwrap();
    wait_for("the init function", || is_loaded("t_slow"));
    Box::new(Inserting(running))
}

/// A removal of `t_slow` that is under way.
struct Removing(Option<JoinHandle<()>>);

impl Drop for Removing {
    fn drop(&mut self) {
        self.0.take().unwrap().join().unwrap();
    }
}

/// Removes `t_slow` aside, whose exit function takes longer than a start of the tools.
fn unloading() -> Held {
    let slow = Loaded::new("t_slow", "exit_ms=2000");
    let removal = thread::spawn(move || drop(slow));
    wait_for("the exit function", || {
        fs::read_to_string("/proc/modules").unwrap().contains("Unloading")
    });
    Box::new(Removing(Some(removal)))
}

/// Without the capability, and with one that does not count.
const UNPRIVILEGED: [&[&str]; 3] = [
    &["setpriv", "--bounding-set=-sys_module"],
    &["setpriv", "--reuid=1000", "--clear-groups"],
    &["unshare", "-U", "-r"],
];

/// Answers that a tracer gives in the kernel's place.
const ANSWERS: [&str; 6] = ["ENOSYS", "EPERM", "EACCES", "EKEYREJECTED", "EBUSY", "EINTR"];
