//! Waiting for a module that cannot be removed yet.

use std::os::fd::{AsFd, BorrowedFd};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::RemoveMode;
use super::count::Count;
use super::error::RemoveError;
use super::events::Events;
use super::refusal::Refusal;
use crate::name::ModuleName;
use crate::system::System;
use crate::trace;

/// How long to wait for a module, and the callback for progress.
pub struct Waiting<'a> {
    until: Option<Instant>,
    stop: Option<BorrowedFd<'a>>,
    report: Option<&'a mut dyn FnMut(&WaitProgress<'_>)>,
    not_for_users: bool,
}

impl<'a> Waiting<'a> {
    /// Waits until this moment, or indefinitely.
    pub fn until(end: Option<Instant>) -> Self {
        Self { until: end, stop: None, report: None, not_for_users: false }
    }

    /// Ends the wait also when there is something to read from `stop`, for instance a signal from a
    /// signalfd(2); also before the first attempt, which then is not made.
    #[must_use]
    pub fn or_stopped_by(mut self, stop: BorrowedFd<'a>) -> Self {
        self.stop = Some(stop);
        self
    }

    /// Ends the wait with [`Refusal::UsedByModules`] when other modules use the module, within a
    /// second if they come later: for a caller who removes them.
    #[must_use]
    pub fn unless_used_by_modules(mut self) -> Self {
        self.not_for_users = true;
        self
    }

    pub(super) fn has_end(&self) -> bool {
        self.until.is_some()
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stop.is_some() && sleep(Duration::ZERO, self.stop, None) == Woken::Caller
    }

    fn wants_news(&self) -> bool {
        self.report.is_some() || self.not_for_users
    }

    pub(super) fn leaves_to_caller(&self, error: &RemoveError) -> bool {
        self.not_for_users && matches!(error.refusal(), Refusal::UsedByModules { .. })
    }

    /// Calls `report` after a tenth of a second of waiting, and each second from then on. It runs
    /// between two polls of the module and should return at once: while it runs, the wait notices
    /// neither a free module nor the end of its time nor the caller's stop. Run slow work, such as
    /// [`System::holders`], in another thread.
    #[must_use]
    pub fn reporting_to(mut self, report: &'a mut dyn FnMut(&WaitProgress<'_>)) -> Self {
        self.report = Some(report);
        self
    }
}

/// Where a wait has got to.
#[derive(Debug)]
#[non_exhaustive]
pub struct WaitProgress<'a> {
    /// Why the module cannot be removed at the moment.
    pub error: &'a RemoveError,
    /// How long it has been waited for.
    pub waited: Duration,
}

/// The end of a wait.
pub(super) enum End {
    /// The module looks free, or may be gone: an attempt will tell.
    Free,
    TimeUp,
}

/// The longest nap where only the clock wakes us, so that a module goes within 20 ms of its last
/// reference.
const NAP_MAX: Duration = Duration::from_millis(16);

/// The longest nap where the kernel's events wake us. They are no promise of the kernel's: should
/// one be missing, this is the price.
const NAP_WITH_EVENTS: Duration = Duration::from_millis(250);

/// Shorter waits are not worth what it takes the kernel to set up its events.
const EVENTS_AFTER: Duration = Duration::from_millis(100);

/// After an event more of them are likely: how long to poll often.
const ALERT: Duration = Duration::from_millis(100);

const NEWS_AFTER: Duration = Duration::from_millis(100);
const NEWS_EVERY: Duration = Duration::from_secs(1);

/// Watches one module from the first refusal on.
pub(super) struct Watch<'a> {
    system: &'a System,
    name: &'a ModuleName,
    mode: RemoveMode,
    since: Instant,
    count: Count<'a>,
    source: Source,
    /// When an event last was followed by a close look, and when the latest event came.
    alert: Option<(Instant, Instant)>,
    next_news: Instant,
}

/// Whether the kernel tells when to look.
enum Source {
    Clock,
    /// Making the instance takes longer than a nap may be.
    Coming(JoinHandle<Option<Events>>),
    Events(Events),
    /// There are no events to be had.
    ClockOnly,
}

impl<'a> Watch<'a> {
    pub(super) fn new(system: &'a System, name: &'a ModuleName, mode: RemoveMode) -> Self {
        let since = Instant::now();
        Self {
            system,
            name,
            mode,
            since,
            count: Count::new(system, name),
            source: Source::Clock,
            alert: None,
            next_news: since + NEWS_AFTER,
        }
    }

    /// Sleeps until the module looks free; `error` is why it could not be removed just now.
    ///
    /// # Errors
    /// The reason why it still cannot be removed, as [interrupted](RemoveError::interrupted), when
    /// the caller ends the wait.
    pub(super) fn until_free(
        &mut self,
        error: RemoveError,
        waiting: &mut Waiting<'_>,
    ) -> Result<End, RemoveError> {
        let mut error = error;
        loop {
            if waiting.until.is_some_and(|end| Instant::now() >= end) {
                return Ok(End::TimeUp);
            }
            if waiting.wants_news() && Instant::now() >= self.next_news {
                error = error.again(self.system, self.mode);
                if waiting.leaves_to_caller(&error) {
                    return Err(error);
                }
                if let Some(report) = &mut waiting.report {
                    report(&WaitProgress { error: &error, waited: self.since.elapsed() });
                }
                self.next_news = Instant::now() + NEWS_EVERY;
            }
            if self.nap(waiting) == Woken::Caller {
                return Err(error.again(self.system, self.mode).interrupted());
            }
            if self.looks_free() {
                return Ok(End::Free);
            }
        }
    }

    fn looks_free(&mut self) -> bool {
        match self.mode {
            RemoveMode::Refuse => self.count.read().is_none_or(|references| references == 0),
            // By force a module goes with references, too.
            RemoveMode::Force => true,
        }
    }

    fn nap(&mut self, waiting: &Waiting<'_>) -> Woken {
        self.prepare_events();
        let now = Instant::now();
        let events = match (&self.source, self.alert) {
            (Source::Events(events), None) => Some(events.as_fd()),
            _ => None,
        };
        let longest = match self.alert {
            _ if events.is_some() => NAP_WITH_EVENTS,
            // Close at first, and less so while events come without end.
            Some((begin, _)) => nap_after(now - begin),
            None => nap_after(now - self.since),
        };
        let ends = [waiting.until, waiting.wants_news().then_some(self.next_news)];
        let left = ends.into_iter().flatten().map(|end| end.saturating_duration_since(now));
        let woken = sleep(left.fold(longest, Duration::min), waiting.stop, events);
        if let Source::Events(events) = &mut self.source {
            let now = Instant::now();
            // A wake without an event counts as one: polling again at once could go on forever.
            let event = events.take() || woken == Woken::Event;
            self.alert = match self.alert {
                alert if event => Some((alert.map_or(now, |(begin, _)| begin), now)),
                Some((_, latest)) if now - latest > ALERT => None,
                alert => alert,
            };
        }
        woken
    }

    fn prepare_events(&mut self) {
        self.source = match std::mem::replace(&mut self.source, Source::ClockOnly) {
            Source::Clock if self.since.elapsed() >= EVENTS_AFTER => {
                let (system, name) = (self.system.clone(), self.name.clone());
                // A system without room for a thread has none for an instance, either.
                thread::Builder::new()
                    .spawn(move || Events::of(&system, &name))
                    .map_or(Source::ClockOnly, Source::Coming)
            }
            Source::Coming(setup) if setup.is_finished() => {
                // The reference may have gone before the events were there to tell.
                self.alert = Some((Instant::now(), Instant::now()));
                setup.join().ok().flatten().map_or(Source::ClockOnly, Source::Events)
            }
            source => source,
        };
    }
}

impl Drop for Watch<'_> {
    /// An instance that is still being made is waited for, so that it goes as well; and what
    /// killed processes left is taken away even after a wait that needed none.
    fn drop(&mut self) {
        match std::mem::replace(&mut self.source, Source::ClockOnly) {
            Source::Clock => trace::remove_stale(self.system),
            Source::Coming(setup) => drop(setup.join()),
            Source::Events(_) | Source::ClockOnly => {}
        }
    }
}

/// An eighth of the time already waited: a short wait then ends soon after the module is free,
/// and a long one costs little.
fn nap_after(waited: Duration) -> Duration {
    (waited / 8).clamp(Duration::from_millis(1), NAP_MAX)
}

/// What ended a nap.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Woken {
    Caller,
    Event,
    Clock,
}

fn sleep(longest: Duration, stop: Option<BorrowedFd<'_>>, events: Option<BorrowedFd<'_>>) -> Woken {
    let (mut files, mut wakers) = (Vec::new(), Vec::new());
    for (file, waker) in [(stop, Woken::Caller), (events, Woken::Event)] {
        if let Some(file) = file {
            files.push(PollFd::new(file, PollFlags::POLLIN));
            wakers.push(waker);
        }
    }
    // Rounded up: a nap that ends too early would be followed by one of no length.
    let millis = longest.as_micros().div_ceil(1000);
    let timeout = PollTimeout::try_from(millis).unwrap_or(PollTimeout::MAX);
    // A signal without a handler ends nothing; the next round looks at the clock.
    let _ = poll(&mut files, timeout);
    let ready = files.iter().zip(wakers).find(|(file, _)| file.any().unwrap_or(false));
    ready.map_or(Woken::Clock, |(_, waker)| waker)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn naps_grow_with_the_wait_and_stay_short() {
        for (waited, nap) in [(0, 1), (8, 1), (40, 5), (100, 12), (200, 16), (100_000, 16)] {
            let nap = Duration::from_millis(nap);
            let found = nap_after(Duration::from_millis(waited));
            assert!(found >= nap && found < nap + Duration::from_millis(1), "{waited}: {found:?}");
        }
    }
}
