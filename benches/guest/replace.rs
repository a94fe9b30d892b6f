//! Another build in place of the one that is loaded, by one command and by the two that it stands
//! for.

use std::fs;
use std::process::Command;

use super::copies::{self, TREE};
use super::tools::modprobes;
use super::{release, report};
use crate::race::Contender;

/// A module of the release shows all symbols that the first one needs; for the second, the build
/// tree's list is read.
pub(super) fn loaded() {
    copies::make(1);
    copies::make_tree();
    list_exports(&["/modules/t_plain.ko", MORE_SYMBOLS]);
    let (file, name) = (copies::file(0), copies::name(0));
    let mut contenders = commands(&file, &name);
    for (tool, run) in modprobes() {
        let words = format!("{run} -d {TREE} -r {name} && {run} -d {TREE} {name}");
        contenders.push(Contender::new(tool, "/bin/sh -c").word(&words));
    }
    measure("insmod --replace", contenders, &file, &name);
    let more = commands(MORE_SYMBOLS, "t_dev");
    measure("insmod --replace, more symbols", more, MORE_SYMBOLS, "t_dev");
}

const MORE_SYMBOLS: &str = "/modules/t_dev.ko";

fn commands(file: &str, name: &str) -> Vec<Contender> {
    let pair = |tool, rmmod: &str, insmod: &str| {
        Contender::new(tool, "/bin/sh -c").word(&format!("{rmmod} {name} && {insmod} {file}"))
    };
    vec![
        Contender::new("modutils", &format!("/sbin/insmod --replace {file}")),
        pair("modutils rmmod && insmod", "/sbin/rmmod", "/sbin/insmod"),
        pair("kmod rmmod && insmod", "/kmod/rmmod", "/kmod/insmod"),
    ]
}

fn measure(case: &str, contenders: Vec<Contender>, file: &str, name: &str) {
    let with_load = contenders.into_iter().map(|contender| {
        contender.before(&format!("/floor_insmod {file}")).after(&format!("/floor_rmmod {name}"))
    });
    report(case, 15, &with_load.collect::<Vec<_>>());
}

/// `Module.symvers` of a build tree, which everybody has who builds modules.
fn list_exports(modules: &[&str]) {
    let dump = |module: &&str| {
        let mut command = Command::new("/kmod/modprobe");
        let output = command.args(["--dump-modversions", *module]).output().expect("modprobe");
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    let rows = modules.iter().map(dump).collect::<String>();
    let rows = rows.lines().map(|row| format!("{row}\tvmlinux\tEXPORT_SYMBOL\t\n"));
    let tree = format!("/lib/modules/{}/build", release());
    fs::create_dir_all(&tree).expect("a directory");
    // As long as the kernel's own.
    let others = (0..25_000)
        .map(|row| format!("0x{row:08x}\tan_export_{row}\tvmlinux\tEXPORT_SYMBOL_GPL\t\n"));
    let text: String = others.chain(rows).collect();
    fs::write(format!("{tree}/Module.symvers"), text).expect("a list");
}
