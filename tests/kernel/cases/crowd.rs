//! `lsmod` on a kernel with hundreds of modules, many of them used by several others.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use modutils::{Snapshot, System};
use serde_json::{Value, json};

use crate::guest::{Loaded, Run, loaded, loaded_names, release, run, thorough};

crate::tests![
    same_bytes_as_kmod,
    json_says_what_the_kernel_says,
    modules_come_and_go,
    modules_come_and_go_often,
];

/// How many modules are a crowd.
const CROWD: usize = 200;

/// Loads modules of the distribution, once in the life of the machine. These directories have
/// modules that load without hardware and share a few others.
fn gather() {
    const DIRECTORIES: &[&str] = &["/net/netfilter/", "/net/ipv4/", "/net/sched/", "/crypto/"];
    let release = release();
    let list = fs::read_to_string(format!("/lib/modules/{release}/modules.dep")).unwrap();
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
        // Some want hardware, or come instead of another; enough do not. On a busy host it takes
        // its time, and crypto modules warn when they are interrupted in their self-tests.
        let limit = Duration::from_secs(150);
        Run::new("/kmod/modprobe").args(["-a", "-q"]).args(names).limit(limit).done();
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
    // Another reader than the one that belongs to the writer understands the same.
    let jq = Run::new("jq").args(["-c", "."]).stdin(done.stdout.as_bytes()).done();
    jq.succeeds();
    assert_eq!(serde_json::from_str::<Value>(&jq.stdout).unwrap(), document);
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
            "build-id": build_id(fields[0]),
            "file": module["file"],
            // Columns from the file and bound devices have tests of their own.
            "signer": module["signer"],
            "package": module["package"],
            "import-ns": module["import-ns"],
            "stale": module["stale"],
            "devices": module["devices"],
            "description": module["description"],
        });
        assert_eq!(*module, expected, "{row}");
        match module["file"].as_str() {
            None => assert!(fields[0].starts_with("t_"), "{row}"),
            Some(file) => {
                assert!(file.starts_with("/lib/modules/") && fs::exists(file).unwrap(), "{file}");
                let stem = file.rsplit('/').next().unwrap().split('.').next().unwrap();
                assert_eq!(stem.replace('-', "_"), fields[0]);
            }
        }
    }
}

fn attribute(module: &str, name: &str) -> Option<String> {
    let value = fs::read_to_string(format!("/sys/module/{module}/{name}")).ok()?;
    Some(value.strip_suffix('\n').unwrap_or(&value).to_owned())
}

/// The note of the linker's, behind a header of 16 bytes.
fn build_id(module: &str) -> Option<String> {
    let note = fs::read(format!("/sys/module/{module}/notes/.note.gnu.build-id")).ok()?;
    Some(note[16..].iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}")))
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
/// Lists modules 10,000 times, or, unless the run is thorough, as often as twelve seconds allow.
fn churned(list: fn() -> String) {
    gather();
    let expected = list();
    let stop = AtomicBool::new(false);
    let start = Instant::now();
    let (mut runs, mut with) = (0, 0);
    thread::scope(|scope| {
        scope.spawn(|| churn(&stop, &["t_base", "t_user", "t_plain"]));
        while runs < 10_000 && (thorough() || start.elapsed() < Duration::from_secs(12)) {
            runs += 1;
            let listing = list();
            let (ours, stays): (Vec<&str>, Vec<&str>) =
                listing.lines().partition(|line| line.starts_with("t_"));
            let names: HashSet<&str> = ours.iter().map(|row| name(row)).collect();
            let right = stays.iter().copied().eq(expected.lines())
                && ours.iter().all(|row| is_whole(row))
                && names.len() == ours.len();
            if !right {
                stop.store(true, Ordering::Relaxed);
                panic!("expected\n{expected}\nand not\n{listing}");
            }
            with += usize::from(!ours.is_empty());
        }
        stop.store(true, Ordering::Relaxed);
    });
    println!("{runs} lists, {with} of them with a module that comes and goes");
    assert!(runs >= 50, "only {runs} runs");
    assert!(with > runs / 10, "only {with} of {runs} lists had a module that comes and goes");
}

fn modules_come_and_go() {
    churned(|| {
        let output = Command::new("lsmod").output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    });
}

/// The same by the library, without the time it takes to start the tool.
fn modules_come_and_go_often() {
    churned(|| {
        let mut listing = String::new();
        for module in Snapshot::take(&System::live()).unwrap().modules() {
            let users: Vec<_> = module.used_by.iter().map(ToString::to_string).collect();
            let refcnt = module.refcnt.unwrap();
            let _ =
                writeln!(listing, "{} {} {refcnt} {}", module.name, module.size, users.join(","));
        }
        listing
    });
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
