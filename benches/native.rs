//! What can be measured without a kernel that loads modules: listing, and work in user space.

use std::path::Path;
use std::process::Command;

use crate::instructions;
use crate::measure::measure;
use crate::race::Contender;
use crate::result::Measured;
use crate::tools::Tools;

/// How many modules are listed.
pub(crate) const COUNTS: [usize; 5] = [0, 80, 200, 1000, 5000];

/// `lsmod` on a made-up `/proc` and `/sys`, each in a mount namespace of its own.
pub(crate) fn listing(tools: &Tools) -> Vec<Measured> {
    COUNTS.iter().flat_map(|count| in_namespace(tools, *count)).collect()
}

fn in_namespace(tools: &Tools, count: usize) -> Vec<Measured> {
    let own = std::env::current_exe().expect("the path of this program");
    let output = Command::new("unshare")
        .args(["--mount", "--map-root-user"])
        .arg(own)
        .args(["synthetic", &count.to_string()])
        .args([&tools.ours, &tools.kmod, tools.newer_kmod.as_ref().unwrap_or(&String::new())])
        .output()
        .expect("unshare");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("results of the namespace")
}

/// The other end, inside of the namespace.
pub(crate) fn listing_here(count: usize, ours: &str, kmod: &str, newer: &str) {
    crate::synthetic::take_over(count);
    let mut contenders = vec![
        Contender::new("busybox cat", "busybox cat /proc/modules"),
        Contender::new("modutils", &format!("{ours}/lsmod")),
        Contender::new("kmod", &format!("{kmod}/lsmod")),
        Contender::new("busybox", "busybox lsmod"),
    ];
    if !newer.is_empty() {
        contenders.push(Contender::new("newer kmod", &format!("{newer}/lsmod")));
    }
    for (tool, option) in [
        ("modutils -J", "-J"),
        ("modutils --tree", "--tree"),
        ("modutils --output-all", "--output-all"),
    ] {
        contenders.push(Contender::new(tool, &format!("{ours}/lsmod {option}")));
    }
    let rounds = if count > 1000 { 11 } else { 51 };
    let results = measure("native", &format!("lsmod, {count} modules"), rounds, &contenders);
    println!("{}", serde_json::to_string(&results).expect("JSON"));
}

/// Instructions from the start of each command to its system call.
pub(crate) fn instructions(tools: &Tools, module: &Path) -> Vec<Measured> {
    let module = module.to_str().expect("a path in UTF-8");
    let insmod = |tool, program: &[&str]| row("insmod", tool, program, module);
    let rmmod = |tool, program: &[&str]| row("rmmod", tool, program, "t_plain");
    vec![
        insmod("floor", &[&tools.floor("insmod")]),
        insmod("modutils", &[&tools.ours("insmod")]),
        insmod("kmod", &[&tools.kmod("insmod")]),
        insmod("busybox", &["busybox", "insmod"]),
        rmmod("floor", &[&tools.floor("rmmod")]),
        rmmod("modutils", &[&tools.ours("rmmod")]),
        rmmod("busybox", &["busybox", "rmmod"]),
    ]
}

fn row(case: &str, tool: &str, program: &[&str], argument: &str) -> Measured {
    let count = instructions::count(&[program, &[argument]].concat());
    Measured {
        place: "native".to_owned(),
        case: case.to_owned(),
        tool: tool.to_owned(),
        median_us: 0.0,
        min_us: 0.0,
        max_us: 0.0,
        calls: None,
        peak_kib: None,
        instructions: Some(count),
    }
}
