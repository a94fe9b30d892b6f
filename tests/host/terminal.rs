//! A shell in a terminal of its own: types into it, and reads the screen.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use nix::pty::{Winsize, openpty};

/// What a shell prints when it is ready, and the key that has it write its command line into the
/// file `$REPORT`, with a NUL behind it, and empty the line.
pub(crate) const PROMPT: &str = "ready> ";
pub(crate) const REPORT_KEY: &str = "\x1b[24~";

/// How long anything may take, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Terminal {
    shell: Child,
    keyboard: File,
    screen: Receiver<Vec<u8>>,
    report: PathBuf,
}

impl Terminal {
    /// Starts a shell and waits until it is ready. `shell` goes through setsid(1), which makes the
    /// terminal its own.
    pub(crate) fn start(mut shell: Command, report: PathBuf) -> Self {
        let size = Winsize { ws_row: 50, ws_col: 200, ws_xpixel: 0, ws_ypixel: 0 };
        let pty = openpty(&size, None).unwrap();
        let end = || Stdio::from(pty.slave.try_clone().unwrap());
        let shell = shell
            .env("TERM", "xterm")
            .env("REPORT", &report)
            .stdin(end())
            .stdout(end())
            .stderr(end())
            .spawn()
            .expect("setsid is part of util-linux");
        let screen = watch(pty.master.try_clone().unwrap());
        let terminal = Self { shell, keyboard: File::from(pty.master), screen, report };
        let start = Instant::now();
        let mut shown = String::new();
        while !shown.contains(PROMPT) {
            shown.push_str(&terminal.shown(Duration::from_millis(100)));
            assert!(start.elapsed() < PATIENCE, "the shell does not come up: {shown:?}");
        }
        terminal
    }

    /// Types something that is to show all of `words`, in this order.
    ///
    /// # Errors
    /// The screen, without colors.
    pub(crate) fn shows(&mut self, keys: &str, words: &[&str]) -> Result<(), String> {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
        let start = Instant::now();
        let mut shown = String::new();
        while !in_order(&plain(&shown), words) {
            shown.push_str(&self.shown(Duration::from_millis(20)));
            if start.elapsed() > PATIENCE {
                return Err(plain(&shown));
            }
        }
        self.line("");
        Ok(())
    }

    /// Types something, and returns the resulting command line.
    pub(crate) fn line(&mut self, keys: &str) -> String {
        let _ = fs::remove_file(&self.report);
        self.keyboard.write_all(keys.as_bytes()).unwrap();
        self.keyboard.write_all(REPORT_KEY.as_bytes()).unwrap();
        let start = Instant::now();
        let mut shown = String::new();
        loop {
            shown.push_str(&self.shown(Duration::from_millis(20)));
            let line = fs::read(&self.report).unwrap_or_default();
            if let Some(line) = line.strip_suffix(b"\0") {
                return String::from_utf8_lossy(line).into_owned();
            }
            assert!(start.elapsed() < PATIENCE, "no answer to {keys:?}: {shown:?}");
        }
    }

    /// The screen after some time.
    fn shown(&self, time: Duration) -> String {
        let mut bytes = Vec::new();
        let start = Instant::now();
        while let Some(left) = time.checked_sub(start.elapsed()) {
            match self.screen.recv_timeout(left) {
                Ok(more) => bytes.extend(more),
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => {
                    panic!("the shell ended: {}", String::from_utf8_lossy(&bytes))
                }
            }
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}

/// Whether `text` has all of `words`, in this order.
fn in_order(text: &str, words: &[&str]) -> bool {
    let mut rest = text;
    words.iter().all(|word| match rest.split_once(word) {
        Some((_, after)) => {
            rest = after;
            true
        }
        None => false,
    })
}

fn watch(master: OwnedFd) -> Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    let mut master = File::from(master);
    thread::spawn(move || {
        let mut bytes = [0; 4096];
        // When the last program on a terminal ends, reading from its other side fails.
        while let Ok(count @ 1..) = master.read(&mut bytes) {
            if sender.send(bytes[..count].to_vec()).is_err() {
                break;
            }
        }
    });
    receiver
}

/// A terminal's output without its control sequences.
fn plain(shown: &str) -> String {
    let mut text = String::new();
    let mut rest = shown.chars();
    while let Some(character) = rest.next() {
        match character {
            '\x1b' => match rest.next() {
                Some('[') => drop(rest.by_ref().find(|end| matches!(end, '@'..='~'))),
                Some(']') => drop(rest.by_ref().find(|end| *end == '\x07')),
                Some('(') => drop(rest.next()),
                _ => {}
            },
            '\r' | '\x07' => {}
            other => text.push(other),
        }
    }
    text
}
