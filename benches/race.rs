//! Whole commands against each other, in turn, so that all see the same machine.

use std::fs::{self, File};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::time::{ClockId, clock_gettime};

/// A command in a race.
pub(crate) struct Contender {
    /// What it is called in the results.
    pub(crate) tool: &'static str,
    /// The measured tool.
    pub(crate) run: Vec<String>,
    /// What has to happen before each run, unmeasured.
    pub(crate) before: Vec<String>,
    /// And after.
    pub(crate) after: Vec<String>,
    /// Whether it has to fail.
    fails: bool,
}

impl Contender {
    pub(crate) fn new(tool: &'static str, run: &str) -> Self {
        Self { tool, run: words(run), before: Vec::new(), after: Vec::new(), fails: false }
    }

    /// One more argument, which may have spaces in it.
    pub(crate) fn word(mut self, word: &str) -> Self {
        self.run.push(word.to_owned());
        self
    }

    /// What it is asked for cannot be done.
    pub(crate) fn failing(self) -> Self {
        Self { fails: true, ..self }
    }

    pub(crate) fn before(self, line: &str) -> Self {
        Self { before: words(line), ..self }
    }

    pub(crate) fn after(self, line: &str) -> Self {
        Self { after: words(line), ..self }
    }
}

fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}

/// The times of one contender, sorted.
pub(crate) struct Times(Vec<Duration>);

impl Times {
    pub(crate) fn new(mut times: Vec<Duration>) -> Self {
        times.sort();
        Self(times)
    }

    pub(crate) fn median(&self) -> Duration {
        self.0[self.0.len() / 2]
    }

    pub(crate) fn min(&self) -> Duration {
        self.0[0]
    }

    pub(crate) fn max(&self) -> Duration {
        self.0[self.0.len() - 1]
    }
}

/// When a run begins.
#[derive(Clone, Copy)]
pub(crate) enum Start {
    AtOnce,
    /// In each round at another moment between two ticks of the kernel's clock. Loading and
    /// removing wait for such ticks: begun always at the same moment, a run that is longer by
    /// nothing may take a whole tick more.
    Spread,
}

/// With the 250 ticks a second that Debian's and Ubuntu's kernels had until 6.12.
const TICK: Duration = Duration::from_millis(4);

impl Start {
    fn wait(self, round: usize, rounds: usize) {
        if let Self::Spread = self {
            let moment = TICK.mul_f64(round as f64 / rounds as f64);
            let now = Duration::from(clock_gettime(ClockId::CLOCK_MONOTONIC).expect("a clock"));
            let passed = Duration::from_nanos(u64::from(now.subsec_nanos() % TICK.subsec_nanos()));
            sleep((moment + TICK).saturating_sub(passed));
        }
    }
}

/// Runs each contender once unmeasured, and then all of them in turn, again and again. A single
/// round, of cases that take long and hardly differ from run to run, is measured at once.
pub(crate) fn race(contenders: &[Contender], rounds: usize, start: Start) -> Vec<Times> {
    let mut times: Vec<_> = contenders.iter().map(|_| Vec::with_capacity(rounds)).collect();
    for round in usize::from(rounds == 1)..=rounds {
        for (contender, times) in contenders.iter().zip(&mut times) {
            execute(&contender.before);
            let command = command(&contender.run);
            start.wait(round, rounds);
            let start = Instant::now();
            run(command, &contender.run, contender.fails);
            let time = start.elapsed();
            execute(&contender.after);
            if round > 0 {
                times.push(time);
            }
        }
    }
    times.into_iter().map(Times::new).collect()
}

/// A measurement of something that does not work is none.
pub(crate) fn execute(words: &[String]) {
    if !words.is_empty() {
        run(command(words), words, false);
    }
}

/// Whether something works.
pub(crate) fn execute_quietly(words: &[String]) -> bool {
    words.is_empty() || command(words).status().is_ok_and(|status| status.success())
}

/// What commands complain of. On a terminal, which the guest's is, some would say more.
const COMPLAINTS: &str = "/tmp/bench.stderr";

fn command(words: &[String]) -> Command {
    let mut command = Command::new(&words[0]);
    let complaints = File::create(COMPLAINTS).expect("a file");
    command.args(&words[1..]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(complaints);
    command
}

fn run(mut command: Command, words: &[String], fails: bool) {
    let status = command.status().unwrap_or_else(|error| panic!("{}: {error}", words[0]));
    if status.success() == fails {
        let complaints = fs::read_to_string(COMPLAINTS).unwrap_or_default();
        panic!("{words:?}: {status}\n{complaints}");
    }
}
