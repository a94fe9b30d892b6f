//! Whole commands against each other, in turn, so that all see the same machine.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A command in a race.
pub(crate) struct Contender {
    /// What it is called in the results.
    pub(crate) tool: &'static str,
    /// What is measured.
    pub(crate) run: Vec<String>,
    /// What has to happen before each run, unmeasured.
    pub(crate) before: Vec<String>,
    /// And after.
    pub(crate) after: Vec<String>,
}

impl Contender {
    pub(crate) fn new(tool: &'static str, run: &str) -> Self {
        Self { tool, run: words(run), before: Vec::new(), after: Vec::new() }
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

/// Runs each contender once unmeasured, and then all of them in turn, again and again.
pub(crate) fn race(contenders: &[Contender], rounds: usize) -> Vec<Times> {
    let mut times: Vec<_> = contenders.iter().map(|_| Vec::with_capacity(rounds)).collect();
    for round in 0..=rounds {
        for (contender, times) in contenders.iter().zip(&mut times) {
            execute(&contender.before);
            let start = Instant::now();
            execute(&contender.run);
            let time = start.elapsed();
            execute(&contender.after);
            if round > 0 {
                times.push(time);
            }
        }
    }
    times
        .into_iter()
        .map(|mut times| {
            times.sort();
            Times(times)
        })
        .collect()
}

/// A measurement of something that does not work is none.
pub(crate) fn execute(words: &[String]) {
    let Some((program, arguments)) = words.split_first() else { return };
    let status = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(status.success(), "{words:?}: {status}");
}
