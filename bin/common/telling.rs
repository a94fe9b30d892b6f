//! What insmod and rmmod say beside failures.

use crate::common::report::{Explanation, Reporter};

/// Severities of syslog(3).
const WARNING: u8 = 4;
const INFO: u8 = 6;

impl Reporter {
    /// Prints a warning.
    pub(crate) fn warn(&self, text: &str) {
        let line = format!("{}: WARNING: {text}", self.tool);
        self.line(WARNING, line.as_bytes(), &Explanation::default());
    }

    /// Prints a line of `--verbose`.
    pub(crate) fn tell(&self, text: &[u8]) {
        let line = [self.tool.as_bytes(), b": ", text].concat();
        self.line(INFO, &line, &Explanation::default());
    }
}
