//! Says where the kernel is while a load or a removal takes long.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle, Thread};
use std::time::{Duration, Instant};

use modutils::System;
use modutils::stack::Whereabouts;
use nix::unistd::gettid;

use super::report::Reporter;

/// How long a call may take without a message, and how often to check again.
const PATIENCE: Duration = Duration::from_secs(10);

/// Watches the calling thread until it is dropped.
pub(crate) struct Watch {
    is_over: Arc<AtomicBool>,
    thread: Thread,
    /// Joined at the end, so that no message follows.
    handle: Option<JoinHandle<()>>,
}

impl Watch {
    /// Starts to watch, if progress is shown. Calls shorter than ten seconds are never mentioned;
    /// `doing` describes a longer one.
    pub(crate) fn start(system: &System, reporter: &Reporter, doing: String) -> Option<Self> {
        if !reporter.shows_progress() {
            return None;
        }
        let watched = u32::try_from(gettid().as_raw()).ok()?;
        let is_over = Arc::new(AtomicBool::new(false));
        let (over, system, reporter) = (Arc::clone(&is_over), system.clone(), reporter.clone());
        let look = move || {
            let start = Instant::now();
            let mut last = None;
            let mut next = PATIENCE;
            while !over.load(Ordering::Relaxed) {
                let left = next.saturating_sub(start.elapsed());
                if !left.is_zero() {
                    thread::park_timeout(left);
                    continue;
                }
                next += PATIENCE;
                let found = Whereabouts::of_own_thread(&system, watched);
                if found.is_some() && found != last && !over.load(Ordering::Relaxed) {
                    let seconds = start.elapsed().as_secs();
                    let place = found.as_ref().map(ToString::to_string).unwrap_or_default();
                    reporter.tell(format!("{doing} for {seconds} s: {place}").as_bytes());
                    last = found;
                }
            }
        };
        let handle = thread::Builder::new().spawn(look).ok()?;
        Some(Self { is_over, thread: handle.thread().clone(), handle: Some(handle) })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        self.thread.unpark();
        if let Some(handle) = self.handle.take() {
            let _ = handle.join();
        }
    }
}
