//! Another build in place of the one that is loaded, by one command and by the two that it stands
//! for.

use std::fs;
use std::process::Command;

use super::copies::{self, TREE};
use super::tools::modprobes;
use super::{release, report};
use crate::race::Contender;

pub(super) fn loaded() {
    copies::make(1);
    copies::make_tree();
    list_exports();
    let (file, name) = (copies::file(0), copies::name(0));
    let pair = |tool, rmmod: &str, insmod: &str| {
        Contender::new(tool, "/bin/sh -c").word(&format!("{rmmod} {name} && {insmod} {file}"))
    };
    let mut contenders = vec![
        Contender::new("modutils", &format!("/sbin/insmod --replace {file}")),
        pair("modutils rmmod && insmod", "/sbin/rmmod", "/sbin/insmod"),
        pair("kmod rmmod && insmod", "/kmod/rmmod", "/kmod/insmod"),
    ];
    for (tool, run) in modprobes() {
        let words = format!("{run} -d {TREE} -r {name} && {run} -d {TREE} {name}");
        contenders.push(Contender::new(tool, "/bin/sh -c").word(&words));
    }
    let with_load = contenders.into_iter().map(|contender| {
        contender.before(&format!("/floor_insmod {file}")).after(&format!("/floor_rmmod {name}"))
    });
    report("insmod --replace", 15, &with_load.collect::<Vec<_>>());
}

/// `Module.symvers` of a build tree, which everybody has who builds modules.
fn list_exports() {
    let dump = Command::new("/kmod/modprobe")
        .args(["--dump-modversions", "/modules/t_plain.ko"])
        .output()
        .expect("modprobe");
    let rows = String::from_utf8(dump.stdout).expect("UTF-8");
    let rows = rows.lines().map(|row| format!("{row}\tvmlinux\tEXPORT_SYMBOL\t\n"));
    let tree = format!("/lib/modules/{}/build", release());
    fs::create_dir_all(&tree).expect("a directory");
    // As long as the kernel's own.
    let others = (0..25_000)
        .map(|row| format!("0x{row:08x}\tan_export_{row}\tvmlinux\tEXPORT_SYMBOL_GPL\t\n"));
    let text: String = others.chain(rows).collect();
    fs::write(format!("{tree}/Module.symvers"), text).expect("a list");
}
