//! Many modules: loaded one after another from a script, and removed by one command.

use std::fs;
use std::iter;

use super::copies::{self, TREE};
use super::tools::{implementations, modprobes};
use super::{report, report_times};
use crate::race::Contender;

/// How many are loaded by a script.
const LOADS: usize = 200;

/// How many are removed by one command.
const REMOVALS: usize = 50;

pub(super) fn loaded() {
    copies::make(LOADS);
    copies::make_tree();
    let mut contenders = Vec::new();
    for (tool, run) in implementations("insmod") {
        contenders.push(from_script(tool, |index| format!("{run} {}", copies::file(index))));
        if tool == "modutils" {
            let run = format!("{run} --deps");
            let script = |index| format!("{run} {}", copies::file(index));
            contenders.push(from_script("modutils --deps", script));
        }
    }
    for (tool, run) in modprobes() {
        let script = |index| format!("{run} -d {TREE} {}", copies::name(index));
        contenders.push(from_script(tool, script));
    }
    // Each run is hundreds of loads; strace would take minutes, and see what it sees of one.
    let case = format!("{LOADS} modules one after another");
    report_times(&case, 1, &contenders);
}

fn from_script(tool: &'static str, line: impl Fn(usize) -> String) -> Contender {
    let script = script(tool, LOADS, line);
    Contender::new(tool, &format!("/bin/sh {script}"))
        .after(&format!("/floor_rmmod {}", names(LOADS)))
}

/// A script with a line for each module.
fn script(name: &str, count: usize, line: impl Fn(usize) -> String) -> String {
    let file = format!("/tmp/{}-{count}.sh", name.replace(' ', ""));
    let lines: Vec<_> = iter::once("set -e".to_owned()).chain((0..count).map(line)).collect();
    fs::write(&file, lines.join("\n") + "\n").expect("a script");
    file
}

fn names(count: usize) -> String {
    (0..count).map(copies::name).collect::<Vec<_>>().join(" ")
}

pub(super) fn removed_one() {
    let contenders = implementations("rmmod").into_iter().map(|(tool, run)| {
        Contender::new(tool, &format!("{run} t_plain")).before("/floor_insmod /modules/t_plain.ko")
    });
    report("rmmod", 7, &contenders.collect::<Vec<_>>());
}

pub(super) fn removed() {
    copies::make(REMOVALS);
    let load = script("before", REMOVALS, |index| format!("/floor_insmod {}", copies::file(index)));
    let contenders = implementations("rmmod").into_iter().map(|(tool, run)| {
        Contender::new(tool, &format!("{run} {}", names(REMOVALS)))
            .before(&format!("/bin/sh {load}"))
    });
    let contenders: Vec<_> = contenders.collect();
    report_times(&format!("rmmod of {REMOVALS} modules"), 1, &contenders);
}
