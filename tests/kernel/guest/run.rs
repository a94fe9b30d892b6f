//! Running commands within a time limit, and saying what came of them.

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use nix::pty::openpty;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use modutils_schema::faults;

/// Runs a command line with the usual limit.
pub(crate) fn run<S: AsRef<OsStr>>(line: impl IntoIterator<Item = S>) -> Done {
    let mut words = line.into_iter();
    let program = words.next().expect("a command line without a command");
    Run::new(program).args(words).done()
}

/// Runs a command whose output and messages go to a terminal; returns its status and what appears
/// there, a few lines at most.
pub(crate) fn on_terminal<S: AsRef<OsStr>>(
    line: impl IntoIterator<Item = S>,
) -> (Option<i32>, String) {
    let terminal = openpty(None, None).expect("cannot open a terminal");
    let mut words = line.into_iter();
    let mut command = Command::new(words.next().expect("a command line without a command"));
    command.args(words).stdout(terminal.slave.try_clone().expect("cannot copy a descriptor"));
    let status = command.stderr(terminal.slave).status().expect("cannot run it");
    drop(command);
    let mut text = Vec::new();
    // The end of a terminal whose other side is closed is an error.
    let _ = File::from(terminal.master).read_to_end(&mut text);
    (status.code(), String::from_utf8_lossy(&text).replace("\r\n", "\n"))
}

/// A command that is to be run.
pub(crate) struct Run {
    command: Command,
    line: Vec<OsString>,
    stdin: Vec<u8>,
    limit: Duration,
}

/// What came of a command.
pub(crate) struct Done {
    line: Vec<OsString>,
    /// The exit status; none if a signal or the time limit ended the command.
    pub(crate) status: Option<i32>,
    pub(crate) signal: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) took: Duration,
}

impl Run {
    pub(crate) fn new(program: impl AsRef<OsStr>) -> Run {
        let mut command = Command::new(&program);
        // A group of its own, so that its children end with it at the time limit.
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let line = vec![program.as_ref().to_owned()];
        Run { command, line, stdin: Vec::new(), limit: Duration::from_secs(20) }
    }

    pub(crate) fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Run {
        for arg in args {
            self.command.arg(&arg);
            self.line.push(arg.as_ref().to_owned());
        }
        self
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Run {
        self.command.env(name, value);
        self
    }

    /// Feeds bytes to its standard input, which is empty otherwise.
    pub(crate) fn stdin(mut self, bytes: &[u8]) -> Run {
        bytes.clone_into(&mut self.stdin);
        self
    }

    pub(crate) fn limit(mut self, limit: Duration) -> Run {
        self.limit = limit;
        self
    }

    /// Runs it to its end, or to the time limit, when it is killed.
    pub(crate) fn done(mut self) -> Done {
        let start = Instant::now();
        let mut child = self
            .command
            .stdin(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot run {:?}: {error}", self.line));
        let group = Pid::from_raw(i32::try_from(child.id()).expect("a huge process id"));

        let mut stdin = child.stdin.take().expect("stdin is a pipe");
        let bytes = self.stdin;
        // A command may leave a part of its input unread.
        thread::spawn(move || stdin.write_all(&bytes));
        let stdout = reader(child.stdout.take().expect("stdout is a pipe"));
        let stderr = reader(child.stderr.take().expect("stderr is a pipe"));
        let (sender, ended) = mpsc::channel();
        let waiter = thread::spawn(move || {
            let status = child.wait().expect("cannot wait for a child");
            let _ = sender.send(());
            (status, start.elapsed())
        });

        let overlong = ended.recv_timeout(self.limit).is_err();
        if overlong {
            let _ = killpg(group, Signal::SIGKILL);
        }
        let (status, took) = waiter.join().expect("waiting for a child panicked");
        // Children that it left running would keep its output open.
        let _ = killpg(group, Signal::SIGKILL);
        let mut done = Done {
            line: self.line,
            status: status.code(),
            signal: status.signal(),
            stdout: stdout.join().expect("reading output panicked"),
            stderr: stderr.join().expect("reading output panicked"),
            took,
        };
        follow_schema(&done);
        if overlong {
            let _ = writeln!(done.stderr, "(killed after {:?})", self.limit);
        }
        done
    }
}

/// Whatever a test is about: each document that one of the tools prints follows its schema.
#[track_caller]
fn follow_schema(done: &Done) {
    let schema = if done.stdout.starts_with("{\"results\":") {
        include_str!("../../../schema/results.json")
    } else if ["modules", "not-loaded", "summary", "error"]
        .iter()
        .any(|field| done.stdout.starts_with(&format!("{{\"{field}\":")))
    {
        include_str!("../../../schema/lsmod.json")
    } else {
        return;
    };
    // A document that was cut off, at the time limit or by the test, cannot be judged.
    let Ok(document) = serde_json::from_str(&done.stdout) else { return };
    let faults = faults(&serde_json::from_str(schema).unwrap(), &document);
    done.check(faults.is_empty(), &format!("follows the schema: {faults:#?}"));
}

fn reader(mut pipe: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = pipe.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

impl Done {
    /// Asserts success without a byte of output, as the tools promise.
    #[track_caller]
    pub(crate) fn succeeds_silently(&self) {
        self.succeeds();
        self.check(self.stdout.is_empty() && self.stderr.is_empty(), "prints nothing");
    }

    #[track_caller]
    pub(crate) fn succeeds(&self) {
        self.check(self.status == Some(0), "succeeds");
    }

    /// Asserts a failure with this status, nothing on stdout, and this line on stderr.
    #[track_caller]
    pub(crate) fn fails(&self, status: i32, line: &str) {
        self.check(self.status == Some(status), &format!("ends with status {status}"));
        self.check(self.stdout.is_empty(), "prints nothing on stdout");
        self.check(self.stderr == format!("{line}\n"), &format!("says {line:?}"));
    }

    #[track_caller]
    pub(crate) fn prints(&self, stdout: &str) {
        self.succeeds();
        self.check(self.stderr.is_empty(), "prints nothing on stderr");
        self.check(self.stdout == stdout, &format!("prints {stdout:?}"));
    }

    /// Panics with everything known about the command unless `condition` holds.
    #[track_caller]
    pub(crate) fn check(&self, condition: bool, expected: &str) {
        assert!(condition, "expected that it {expected}:\n{}", self.describe());
    }

    /// The command line and its result.
    pub(crate) fn describe(&self) -> String {
        let mut text = String::from("$");
        for word in &self.line {
            let _ = write!(text, " {}", word.display());
        }
        let _ = match (self.status, self.signal) {
            (Some(status), _) => writeln!(text, "\nstatus {status} after {:?}", self.took),
            (_, signal) => writeln!(text, "\nsignal {signal:?} after {:?}", self.took),
        };
        for (stream, output) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            for line in output.lines() {
                let _ = writeln!(text, "{stream}: {line}");
            }
        }
        text
    }
}
