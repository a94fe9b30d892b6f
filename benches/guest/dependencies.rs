//! Loading a module of the distribution and what it depends on.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::insert::COMPRESSED;
use super::tools::{able, modprobes};
use super::{module_name, report, rows};
use crate::race::Contender;

/// It has many dependencies, none of them large, and wants no hardware.
const MODULE: &str = "wireguard";

pub(super) fn loaded() {
    let files = in_order();
    let file = files.last().expect("at least the module itself");
    let script: Vec<_> = files
        .iter()
        .map(|file| format!("/floor_insmod {file} {}\n", flag(Path::new(file))))
        .collect();
    fs::write("/tmp/dependencies.sh", format!("set -e\n{}", script.concat())).expect("a script");

    let mut contenders = vec![
        Contender::new("floor, in a script", "/bin/sh /tmp/dependencies.sh"),
        Contender::new("modutils", &format!("/sbin/insmod --deps {file}")),
    ];
    for (tool, run) in modprobes() {
        contenders.push(Contender::new(tool, &format!("{run} {MODULE}")));
    }
    let users_first: Vec<_> = files.iter().rev().map(|file| module_name(Path::new(file))).collect();
    let clean = format!("/floor_rmmod {}", users_first.join(" "));
    let contenders = contenders.into_iter().map(|contender| contender.after(&clean)).collect();
    let case = format!("insmod --deps, {} modules", files.len());
    let loaded = rows().len();
    report(&case, 3, &able(&case, contenders));
    assert_eq!(rows().len(), loaded, "{MODULE} left something behind");
}

/// The arguments that the kernel needs for a file.
fn flag(file: &Path) -> &'static str {
    if file.extension() == Some("ko".as_ref()) { "" } else { COMPRESSED }
}

/// The files of the module and all that it depends on, in the order they can be loaded.
fn in_order() -> Vec<String> {
    let output =
        Command::new("/kmod/modprobe").args(["--show-depends", MODULE]).output().expect("modprobe");
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    lines
        .lines()
        .filter_map(|line| line.strip_prefix("insmod "))
        .map(|file| file.trim().to_owned())
        .collect()
}
