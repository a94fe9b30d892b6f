//! `lsmod` on a kernel with hundreds of modules, many of them used by several others.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde_json::{Value, json};

use crate::guest::{Loaded, Run, loaded, loaded_names, run};

crate::tests![
    same_bytes_as_kmod,
    json_says_what_the_kernel_says,
    modules_come_and_go_1,
    modules_come_and_go_2,
    modules_come_and_go_3,
    modules_come_and_go_4,
];

/// How many modules are a crowd.
const CROWD: usize = 200;

/// Loads modules of the distribution, once in the life of the machine. These directories have
/// modules that load without hardware and share a few others.
fn gather() {
    const DIRECTORIES: &[&str] = &["/net/netfilter/", "/net/ipv4/", "/net/sched/", "/crypto/"];
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let list = fs::read_to_string(format!("/lib/modules/{}/modules.dep", release.trim())).unwrap();
    let names: Vec<&str> = list
        .lines()
        .filter_map(|line| line.split(':').next())
        .filter(|path| DIRECTORIES.iter().any(|directory| path.contains(directory)))
        .filter_map(|path| path.rsplit('/').next()?.split('.').next())
        .collect();
    for names in names.chunks(50) {
        if loaded_names().len() >= CROWD + 20 {
            break;
        }
        // Some want hardware, or come instead of another; enough do not.
        Run::new("/kmod/modprobe").args(["-a", "-q"]).args(names).done();
    }
    assert!(loaded_names().len() >= CROWD, "only {:?}", loaded_names());
}

fn same_bytes_as_kmod() {
    gather();
    let theirs = run(["/kmod/lsmod"]);
    theirs.succeeds();
    let users = |line: &&str| line.matches(',').count() >= 3;
    theirs.check(theirs.stdout.lines().filter(users).count() >= 5, "shows many users");
    run(["lsmod"]).prints(&theirs.stdout);
}

/// Field by field, for every module.
fn json_says_what_the_kernel_says() {
    gather();
    let (_base, _user) = (Loaded::new("t_base", ""), Loaded::new("t_user", ""));
    let (_noexit, _params) = (Loaded::new("t_noexit", ""), Loaded::new("t_params", "p_int=5"));
    fs::write("/proc/sys/kernel/kptr_restrict", "0").unwrap();
    let done = run(["lsmod", "--json", "--output-all"]);
    done.succeeds();
    let document: Value = serde_json::from_str(&done.stdout).unwrap();
    let modules = document["modules"].as_array().unwrap();
    let rows = loaded();
    assert_eq!(modules.len(), rows.len());

    let mut depends: HashMap<&str, Vec<&str>> = HashMap::new();
    for row in &rows {
        let fields: Vec<&str> = row.split(' ').collect();
        for user in fields[3].split(',').filter(|user| !["", "-", "[permanent]"].contains(user)) {
            depends.entry(user).or_default().push(fields[0]);
        }
    }
    for (module, row) in modules.iter().zip(&rows) {
        let fields: Vec<&str> = row.split(' ').collect();
        let users = fields[3].split(',').filter(|user| !["", "-", "[permanent]"].contains(user));
        let address =
            Some(fields[5]).filter(|address| !address.trim_matches(['0', 'x']).is_empty());
        let expected = json!({
            "name": fields[0],
            "size": fields[1].parse::<u64>().unwrap(),
            "refcnt": fields[2].parse::<i64>().unwrap(),
            "used-by": users.collect::<Vec<_>>(),
            "state": fields[4].to_lowercase(),
            "permanent": fields[3].contains("[permanent]"),
            "taint": fields.get(6).unwrap_or(&"").trim_matches(['(', ')']),
            "address": address,
            "version": attribute(fields[0], "version"),
            "srcversion": attribute(fields[0], "srcversion"),
            "coresize": attribute(fields[0], "coresize").unwrap().parse::<u64>().unwrap(),
            "initsize": attribute(fields[0], "initsize").unwrap().parse::<u64>().unwrap(),
            "depends": depends.get(fields[0]).cloned().unwrap_or_default(),
            "params": parameters(fields[0]),
            "file": module["file"],
        });
        assert_eq!(*module, expected, "{row}");
    }
}

fn attribute(module: &str, name: &str) -> Option<String> {
    let value = fs::read_to_string(format!("/sys/module/{module}/{name}")).ok()?;
    Some(value.strip_suffix('\n').unwrap_or(&value).to_owned())
}

fn parameters(module: &str) -> HashMap<String, Option<String>> {
    let directory = format!("/sys/module/{module}/parameters");
    let Ok(entries) = fs::read_dir(Path::new(&directory)) else { return HashMap::new() };
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .map(|name| (name.clone(), attribute(module, &format!("parameters/{name}"))))
        .collect()
}

/// Modules that are loaded and removed for as long as this lives.
fn churn(stop: &AtomicBool, names: &[&'static str]) {
    while !stop.load(Ordering::Relaxed) {
        let loaded: Vec<_> = names.iter().map(|name| Loaded::new(name, "")).collect();
        loaded.into_iter().rev().for_each(drop);
    }
}

/// No row of a module that stays is doubled, missing or torn, and what comes and goes is whole.
fn modules_come_and_go() {
    const RUNS: usize = 2500;
    gather();
    let expected = run(["lsmod"]).stdout;
    let stop = AtomicBool::new(false);
    let (mut with, mut without) = (0, 0);
    thread::scope(|scope| {
        scope.spawn(|| churn(&stop, &["t_base", "t_user", "t_plain"]));
        for _ in 0..RUNS {
            let output = Command::new("lsmod").output().unwrap();
            let listing = String::from_utf8(output.stdout).unwrap();
            let is_ours = |line: &&str| line.starts_with("t_");
            let (ours, stays): (Vec<&str>, Vec<&str>) = listing.lines().partition(is_ours);
            let right = output.status.success()
                && output.stderr.is_empty()
                && stays.iter().copied().eq(expected.lines())
                && ours.iter().all(|row| is_whole(row))
                && (1..ours.len())
                    .all(|at| !ours[..at].iter().any(|row| name(row) == name(ours[at])));
            if !right {
                stop.store(true, Ordering::Relaxed);
                panic!("expected\n{expected}\nand not\n{listing}");
            }
            *(if ours.is_empty() { &mut without } else { &mut with }) += 1;
        }
        stop.store(true, Ordering::Relaxed);
    });
    println!("{with} with, {without} without");
    assert!(with > RUNS / 10, "only {with} lists had a module that comes and goes");
}

fn name(row: &str) -> &str {
    row.split(' ').next().unwrap()
}

fn is_whole(row: &str) -> bool {
    let fields: Vec<&str> = row.split_whitespace().collect();
    let users: &[&str] = if fields[0] == "t_base" { &["t_user"] } else { &[] };
    (3..=4).contains(&fields.len())
        && ["t_base", "t_user", "t_plain"].contains(&fields[0])
        && fields[1].parse::<u32>().is_ok_and(|size| size >= 4096 && size % 4096 == 0)
        && ["-1", "0", "1", "2"].contains(&fields[2])
        && fields.get(3).is_none_or(|user| users.contains(user))
}

fn modules_come_and_go_1() {
    modules_come_and_go();
}

fn modules_come_and_go_2() {
    modules_come_and_go();
}

fn modules_come_and_go_3() {
    modules_come_and_go();
}

fn modules_come_and_go_4() {
    modules_come_and_go();
}
