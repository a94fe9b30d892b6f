//! `lsmod` on a kernel with hundreds of modules, many of them used by several others.

use std::fs;

use crate::guest::{Run, loaded_names, run};

crate::tests![same_bytes_as_kmod];

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
