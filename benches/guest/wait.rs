//! How long after its last user a module that is waited for begins to leave, and what the waiting
//! costs. What follows is the kernel's work, the same for each removal.

use std::fs::OpenOptions;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;

use super::copies::{self, TREE};
use super::tools::modprobes;
use super::{release, tell};
use crate::measure::{observed, with_times};
use crate::race::{Contender, Times, execute};
use crate::result::{Measured, microseconds};

const ROUNDS: usize = 5;

/// How long the module is in use, in milliseconds.
const HOLDS: [u32; 3] = [300, 1000, 3000];

pub(super) fn for_users() {
    copies::make(1);
    copies::make_tree();
    for hold in HOLDS {
        let mut contenders = vec![Contender::new("modutils", "/sbin/rmmod --wait t_hold")];
        for (tool, run) in modprobes() {
            let wait = format!("{run} -d {TREE} -r --wait 60000 t_hold");
            contenders.push(Contender::new(tool, &wait));
        }
        let load = format!("/floor_insmod /modules/t_hold.ko 0 hold_ms={hold}");
        let contenders: Vec<_> =
            contenders.into_iter().map(|contender| contender.before(&load)).collect();
        let case = format!("rmmod --wait, time after {hold} ms of use");
        tell(&measure(&case, &contenders));
    }
}

fn measure(case: &str, contenders: &[Contender]) -> Vec<Measured> {
    let mut times: Vec<_> = contenders.iter().map(|_| (Vec::new(), Vec::new())).collect();
    for _ in 0..ROUNDS {
        for (contender, (late, used)) in contenders.iter().zip(&mut times) {
            let (lateness, processor) = wait(contender);
            late.push(lateness);
            used.push(processor);
        }
    }
    let results = contenders.iter().zip(times).map(|(contender, (late, used))| {
        let used = Some(microseconds(Times::new(used).median()));
        let measured = with_times(&release(), case, contender, &Times::new(late));
        observed(contender, Measured { processor_us: used, ..measured })
    });
    results.collect()
}

/// How late the module left, and how much of the processor its remover used.
fn wait(contender: &Contender) -> (Duration, Duration) {
    execute(&contender.before);
    let mut log = OpenOptions::new()
        .read(true)
        .custom_flags(nix::libc::O_NONBLOCK)
        .open("/dev/kmsg")
        .expect("the kernel's log");
    log.seek(SeekFrom::End(0)).expect("its end");
    let before = processor_time();
    execute(&contender.run);
    let used = processor_time().saturating_sub(before);
    (lateness(log), used)
}

/// What the ended children of this process used.
fn processor_time() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("getrusage");
    let time = usage.user_time() + usage.system_time();
    Duration::from_micros(time.num_microseconds().try_into().expect("a positive time"))
}

/// As `t_hold` logs it when it leaves.
fn lateness(mut log: impl Read) -> Duration {
    let mut record = [0; 8192];
    // A read returns one record; after the last, it fails.
    while let Ok(length) = log.read(&mut record) {
        let text = String::from_utf8_lossy(&record[..length]);
        let Some((_, times)) = text.split_once("t_hold: released at ") else { continue };
        let mut numbers = times.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse().ok());
        let (released, exit): (u64, u64) =
            (numbers.next().expect("a time"), numbers.next().expect("a time"));
        return Duration::from_nanos(exit - released);
    }
    panic!("t_hold did not log its times");
}
