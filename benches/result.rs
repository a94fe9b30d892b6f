//! What was measured, from the process that measures to the one that reports.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// One tool in one case.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Measured {
    /// Where: `native`, or the kernel in the virtual machine.
    pub(crate) place: String,
    pub(crate) case: String,
    pub(crate) tool: String,
    pub(crate) median_us: Option<f64>,
    pub(crate) min_us: Option<f64>,
    pub(crate) max_us: Option<f64>,
    /// Time on a processor, where most of the time is spent waiting.
    pub(crate) processor_us: Option<f64>,
    /// System calls of one run, the start of the process included.
    pub(crate) calls: Option<u64>,
    /// Peak resident memory.
    pub(crate) peak_kib: Option<u64>,
    /// Instructions in user space.
    pub(crate) instructions: Option<u64>,
}

impl Measured {
    pub(crate) fn of(place: &str, case: &str, tool: &str) -> Self {
        Self {
            place: place.to_owned(),
            case: case.to_owned(),
            tool: tool.to_owned(),
            ..Self::default()
        }
    }
}

pub(crate) fn microseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// The results of a case: those of one place and name, in the order they were measured.
pub(crate) fn cases(results: &[Measured]) -> impl Iterator<Item = &[Measured]> {
    results.chunk_by(|a, b| a.place == b.place && a.case == b.case)
}
