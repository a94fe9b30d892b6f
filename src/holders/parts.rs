//! Work on long lists, shared by a few threads.

use std::sync::{Mutex, PoisonError};
use std::thread;

use nix::sched::{CpuSet, sched_getaffinity};
use nix::unistd::Pid;

/// The fewest elements that are worth a thread.
const PART: usize = 250;

/// More of them would wait for each other in the kernel.
const THREADS: usize = 4;

/// What `work` returns for each part of a list, in the order of the list.
pub(super) fn of<T: Sync, R: Send>(list: &[T], work: impl Fn(&[T]) -> R + Sync) -> Vec<R> {
    let most = list.len() / PART;
    let count = if most < 2 { 1 } else { processors().min(most) };
    let parts = list.chunks(list.len().div_ceil(count).max(1));
    let parts: Vec<_> = parts.map(|part| (part, Mutex::new(None))).collect();
    at_once(parts.len(), &|index| {
        let Some((part, result)) = parts.get(index) else { return };
        let done = work(part);
        *result.lock().unwrap_or_else(PoisonError::into_inner) = Some(done);
    });
    let results = parts.into_iter().map(|(_, result)| result.into_inner());
    results.filter_map(|result| result.unwrap_or_else(PoisonError::into_inner)).collect()
}

/// Threads are code enough for one function.
fn at_once(count: usize, work: &(dyn Fn(usize) + Sync)) {
    thread::scope(|scope| {
        for index in 1..count {
            let started = thread::Builder::new().spawn_scoped(scope, move || work(index));
            // Where no thread can be had, this one does it.
            if started.is_err() {
                work(index);
            }
        }
        work(0);
    });
}

/// Those that this process may use. Quotas of control groups do not matter for some milliseconds, and
/// it takes more code to read them than to walk through all processes.
fn processors() -> usize {
    let allowed = |set: CpuSet| {
        let allowed = (0..CpuSet::count()).filter(|processor| set.is_set(*processor) == Ok(true));
        allowed.take(THREADS).count().max(1)
    };
    sched_getaffinity(Pid::from_raw(0)).map_or(1, allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_in_order() {
        for length in [0, 1, PART, 2 * PART, 5 * PART + 1] {
            let list: Vec<_> = (0..length).collect();
            assert_eq!(of(&list, <[usize]>::to_vec).concat(), list);
        }
    }
}
