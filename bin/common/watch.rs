//! Says where the kernel is while a load or a removal takes long.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use modutils::System;
use modutils::stack::Whereabouts;
use nix::unistd::gettid;

use super::report::Reporter;

/// How long a call may take without a message, and how often to check again.
const PATIENCE: Duration = Duration::from_secs(10);

/// Watches the calling thread until it is dropped.
pub(crate) struct Watch(Arc<Call>);

/// The call that is watched. A message is written under the lock, so that none follows the end; the
/// watching thread is not waited for.
#[derive(Default)]
struct Call {
    is_over: Mutex<bool>,
    end: Condvar,
}

impl Call {
    fn lock(&self) -> MutexGuard<'_, bool> {
        self.is_over.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watch {
    /// Starts to watch, if progress is shown. Calls shorter than ten seconds are never mentioned;
    /// `doing` describes a longer one.
    pub(crate) fn start(system: &System, reporter: &Reporter, doing: String) -> Option<Self> {
        if !reporter.shows_progress() {
            return None;
        }
        let watched = u32::try_from(gettid().as_raw()).ok()?;
        let call = Arc::new(Call::default());
        let watch = Self(Arc::clone(&call));
        let (system, reporter) = (system.clone(), reporter.clone());
        let look = move || {
            let start = Instant::now();
            let mut last = None;
            let mut next = PATIENCE;
            let mut is_over = call.lock();
            loop {
                let left = next.saturating_sub(start.elapsed());
                is_over = match call.end.wait_timeout_while(is_over, left, |is_over| !*is_over) {
                    Ok((is_over, _)) if !*is_over => is_over,
                    _ => return,
                };
                drop(is_over);
                next += PATIENCE;
                let found = Whereabouts::of_own_thread(&system, watched);
                is_over = call.lock();
                if found.is_some() && found != last && !*is_over {
                    let seconds = start.elapsed().as_secs();
                    let place = found.as_ref().map(ToString::to_string).unwrap_or_default();
                    reporter.tell(format!("{doing} for {seconds} s: {place}").as_bytes());
                    last = found;
                }
            }
        };
        thread::Builder::new().spawn(look).ok()?;
        Some(watch)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        *self.0.lock() = true;
        self.0.end.notify_one();
    }
}
