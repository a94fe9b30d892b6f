//! Runs a built command and looks at everything it said.

use std::ffi::OsStr;
use std::fmt::Debug;
use std::process::{Command, Stdio};

/// What a command said and how it ended.
pub(crate) struct Outcome {
    line: String,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    status: Option<i32>,
}

/// The path of a built command.
pub(crate) fn path(tool: &str) -> &'static str {
    match tool {
        "insmod" => env!("CARGO_BIN_EXE_insmod"),
        "rmmod" => env!("CARGO_BIN_EXE_rmmod"),
        "lsmod" => env!("CARGO_BIN_EXE_lsmod"),
        other => panic!("no such tool: {other}"),
    }
}

pub(crate) fn run<A: AsRef<OsStr> + Debug>(tool: &str, arguments: &[A]) -> Outcome {
    run_with(tool, arguments, |_| {})
}

pub(crate) fn run_with<A: AsRef<OsStr> + Debug>(
    tool: &str,
    arguments: &[A],
    prepare: impl FnOnce(&mut Command),
) -> Outcome {
    let mut command = Command::new(path(tool));
    command.args(arguments).stdin(Stdio::null()).env_remove("MODUTILS_EXPLAIN");
    prepare(&mut command);
    let output = command.output().unwrap();
    Outcome {
        line: format!("{tool} {arguments:?}"),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        status: output.status.code(),
    }
}

impl Outcome {
    pub(crate) fn status(&self, expected: i32) -> &Self {
        assert_eq!(self.status, Some(expected), "{self:?}");
        self
    }

    pub(crate) fn stderr(&self, expected: &str) -> &Self {
        assert_eq!(self.stderr, expected, "{self:?}");
        self
    }

    pub(crate) fn stdout(&self, expected: &str) -> &Self {
        assert_eq!(self.stdout, expected, "{self:?}");
        self
    }
}

impl Debug for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { line, stdout, stderr, status } = self;
        write!(f, "{line}: status {status:?}\n--- stdout\n{stdout}--- stderr\n{stderr}---")
    }
}
