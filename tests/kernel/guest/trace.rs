//! The system calls a command makes, as strace sees them, and answers in the kernel's place.

use std::fs;

use super::{Done, Run};

/// The command line of a tracer that answers calls, separated by commas, in the kernel's place. It
/// stops at these alone: at a stop, two processors may wait for each other, and a tool that explains
/// a failure makes thousands of calls.
pub(crate) fn answering(calls: &str, errno: &str) -> Vec<String> {
    let (trace, inject) = (format!("trace={calls}"), format!("inject={calls}:error={errno}"));
    ["strace", "-f", "--seccomp-bpf", "-qq", "-o", "/dev/null", "-e", &trace, "-e", &inject]
        .map(str::to_owned)
        .into()
}

/// One run of a command under strace.
pub(crate) struct Trace {
    pub(crate) done: Done,
    /// One line for each system call, flags as numbers: `finit_module(0x3, "", 0) = 0`.
    pub(crate) calls: Vec<String>,
}

impl Trace {
    /// Runs a command and records the system calls of the given names, separated by
    /// commas, that it and its children make.
    pub(crate) fn of(names: &str, line: &[&str]) -> Trace {
        let file = "/tmp/trace";
        // Some machines lack some calls, such as open(2).
        let wanted = match names {
            "all" => names.to_owned(),
            _ => names.split(',').map(|name| format!("?{name}")).collect::<Vec<_>>().join(","),
        };
        let done = Run::new("strace")
            .args(["-f", "-qq", "-s", "256", "-X", "raw", "-o", file, "-e", "signal=none", "-e"])
            .args([format!("trace={wanted}")])
            .args(line)
            .done();
        let text = fs::read_to_string(file).expect("strace wrote nothing");
        let calls = text
            .lines()
            .map(|line| line.trim_start_matches(|c: char| c.is_ascii_digit()).trim_start())
            // strace aligns the results.
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        Trace { done, calls }
    }
    /// A command that succeeds and makes hardly more system calls than it takes to start its
    /// tool and to print a line. Times depend on the machine, this does not.
    pub(crate) fn makes_few_calls(line: &[&str]) {
        // Rust's debug builds ask whether a descriptor is open before they close it.
        let checks = |call: &String| call.starts_with("fcntl") && call.contains(", 0x1) =");
        let count = |trace: &Trace| trace.calls.iter().filter(|call| !checks(call)).count();
        let start = count(&Trace::of("all", &[line[0], "--version"]));
        let trace = Trace::of("all", line);
        trace.done.succeeds();
        assert!(count(&trace) <= start + 8, "{start} for a start, {:#?}", trace.calls);
    }
}
