//! What can be measured without a kernel that loads modules: listing, and work in user space.

use std::path::Path;
use std::process::Command;

use crate::completion;
use crate::instructions;
use crate::measure::measure;
use crate::race::{Contender, Start};
use crate::result::Measured;
use crate::tools::Tools;

/// What this machine is called in the results.
pub(crate) const PLACE: &str = "native";

/// How many modules are listed.
pub(crate) const COUNTS: [usize; 5] = [0, 80, 200, 1000, 5000];

/// `lsmod` on a made-up `/proc` and `/sys`, each in a mount namespace of its own.
pub(crate) fn listing(tools: &Tools, each: &mut dyn FnMut(Vec<Measured>)) {
    for count in COUNTS {
        let mut words = vec!["synthetic".to_owned(), count.to_string()];
        words.extend([tools.ours("lsmod"), tools.kmod("lsmod")]);
        words.extend(tools.newer_kmod("lsmod"));
        each(in_namespace(&words));
    }
}

/// What the shells complete, of a directory of large modules.
pub(crate) fn completion(tools: &Tools, large: &Path) -> Vec<Measured> {
    let file = completion::with_parameters(tools.directory(), large);
    let file = file.to_str().expect("a path in UTF-8");
    in_namespace(&["tab", tools.directory(), file].map(str::to_owned))
}

/// The other end, inside of the namespace.
pub(crate) fn completion_here(tools: &str, file: &str) {
    const COUNT: usize = 200;
    crate::synthetic::take_over(COUNT);
    let results = completion::lists(COUNT, tools, Path::new(file));
    println!("{}", serde_json::to_string(&results).expect("JSON"));
}

fn in_namespace(words: &[String]) -> Vec<Measured> {
    let own = std::env::current_exe().expect("the path of this program");
    // A shell that waits for something would never end.
    let output = Command::new("timeout")
        .args(["600", "unshare", "--mount", "--map-root-user"])
        .arg(own)
        .args(words)
        .output()
        .expect("unshare");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("results of the namespace")
}

/// The other end, inside of the namespace.
pub(crate) fn listing_here(count: usize, ours: &str, kmod: &str, newer: Option<&str>) {
    crate::synthetic::take_over(count);
    let mut contenders = vec![
        Contender::new("busybox cat", "busybox cat /proc/modules"),
        Contender::new("modutils", ours),
        Contender::new("kmod", kmod),
        Contender::new("busybox", "busybox lsmod"),
    ];
    contenders.extend(newer.map(|newer| Contender::new("newer kmod", newer)));
    for (tool, option) in [
        ("modutils -J", "-J"),
        ("modutils -o +STATE,TAINT", "-o +STATE,TAINT"),
        ("modutils --tree", "--tree"),
        ("modutils --output-all", "--output-all"),
    ] {
        contenders.push(Contender::new(tool, &format!("{ours} {option}")));
    }
    let rounds = if count > 1000 { 11 } else { 51 };
    let case = format!("lsmod, {count} modules");
    let mut results = measure(PLACE, &case, rounds, Start::AtOnce, &contenders);
    // Stepping is slow: not through the longer ones.
    if count == 200 {
        for (row, contender) in results.iter_mut().zip(&contenders).take(4) {
            let words: Vec<_> = contender.run.iter().map(String::as_str).collect();
            row.instructions = Some(instructions::count(&words));
        }
    }
    println!("{}", serde_json::to_string(&results).expect("JSON"));
}

/// Instructions from the start of each command to its system call.
pub(crate) fn instructions(tools: &Tools, module: &Path) -> Vec<Measured> {
    let module = module.to_str().expect("a path in UTF-8");
    let insmod = |tool, program: &[&str]| row("insmod", tool, program, module);
    let rmmod = |tool, program: &[&str]| row("rmmod", tool, program, "t_plain");
    let mut rows = vec![
        insmod("floor", &[&tools.floor("insmod")]),
        insmod("modutils", &[&tools.ours("insmod")]),
        insmod("kmod", &[&tools.kmod("insmod")]),
        insmod("busybox", &["busybox", "insmod"]),
    ];
    rows.extend(tools.newer_kmod("insmod").map(|newer| insmod("newer kmod", &[&newer])));
    // kmod's rmmod asks /sys first, and does not come to its system call here.
    rows.extend([
        rmmod("floor", &[&tools.floor("rmmod")]),
        rmmod("modutils", &[&tools.ours("rmmod")]),
        rmmod("busybox", &["busybox", "rmmod"]),
    ]);
    rows
}

fn row(job: &str, tool: &str, program: &[&str], argument: &str) -> Measured {
    let count = instructions::count(&[program, &[argument]].concat());
    let case = format!("{job}, in user space");
    Measured { instructions: Some(count), ..Measured::of(PLACE, &case, tool) }
}
