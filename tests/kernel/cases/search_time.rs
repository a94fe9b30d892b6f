//! How long a search for holders takes where there is much to look through.

use std::fs::File;
use std::time::Duration;

use nix::sys::resource::{Resource, rlim_t, setrlimit};

use super::holders::{kill, myself, open, who};
use crate::guest::{Loaded, run};

crate::tests![many_open_files, more_than_there_is_time_for];

/// Longer than the two seconds that a search may take by what it takes to start, and to read the
/// link that is read when they are over.
const LIMIT: Duration = Duration::from_millis(2900);

/// What a device is of is found out once, not for each file.
fn many_open_files() {
    const FILES: rlim_t = 30_000;
    setrlimit(Resource::RLIMIT_NOFILE, FILES + 100, FILES + 100).unwrap();
    let _loaded = Loaded::new("t_dev", "");
    let _first = open("/dev/t_dev");
    let _others: Vec<_> = (1..FILES).map(|_| File::open("/dev/t_dev").unwrap()).collect();
    let done = who("t_dev");
    println!("looked through {FILES} open files in {:?}", done.took);
    done.check(done.took < LIMIT, "takes two seconds");
    done.prints(&format!(
        "t_dev: {FILES} references\n  {} has /dev/t_dev open (probably a device of this module) \
         ({FILES} references)\n{}",
        myself(),
        kill()
    ));
}

/// The search ends in the midst of one process.
fn more_than_there_is_time_for() {
    const FILES: usize = 900;
    let _loaded = Loaded::new("t_dev", "");
    let _first = open("/dev/t_dev");
    let _others: Vec<_> = (1..FILES).map(|_| File::open("/dev/t_dev").unwrap()).collect();
    let strace = "strace -qq --output=/dev/null --trace=readlink,readlinkat --signal=none \
                  --inject=readlink,readlinkat:delay_enter=5000 rmmod --who t_dev";
    let done = run(strace.split_whitespace());
    done.succeeds();
    done.check(done.took < LIMIT, "takes two seconds");
    let found = format!("  {} has /dev/t_dev open (probably a device of this module) (", myself());
    done.check(done.stdout.contains(&found), "tells what it found");
    done.check(done.stdout.contains("(out of time)"), "tells that");
}
