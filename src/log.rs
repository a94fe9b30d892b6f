//! The kernel's log, record by record: `/dev/kmsg`.
//!
//! The format is that of `Documentation/ABI/testing/dev-kmsg` of the kernel: each read gives one
//! record, `PRIORITY,SEQUENCE,MICROSECONDS,FLAGS[,…];TEXT`, in which control characters and
//! bytes beyond ASCII are written as `\xNN`.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::time::{Duration, Instant};

use nix::libc;
use nix::time::{ClockId, clock_gettime};

use crate::errno;
use crate::error::Error;
use crate::system::System;

/// A place in the log, to read on from.
#[derive(Debug)]
pub struct KernelLog {
    start: Start,
}

#[derive(Debug)]
enum Start {
    /// After the records that were there when the log was opened.
    Here(Result<File, Error>),
    /// The log was not opened yet; the time of `CLOCK_MONOTONIC_RAW`.
    Time(Duration),
}

/// One line of the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    /// The log's own time.
    pub(crate) time: Duration,
    /// As for syslog(3): 3 is an error, 4 a warning.
    pub(crate) level: u8,
    /// The thread or processor that logged it, if the kernel notes that (`CONFIG_PRINTK_CALLER`).
    pub(crate) caller: Option<String>,
    pub(crate) text: String,
}

/// The records since a moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Since {
    pub(crate) records: Vec<Record>,
    /// Whether all of them certainly came later.
    pub(crate) exact: bool,
    /// Whether nothing is missing.
    pub(crate) complete: bool,
    /// Whether the first ones, those of a call that was made then, may be among the missing ones.
    pub(crate) lost: bool,
    /// How long ago the moment is, where that is known.
    pub(crate) elapsed: Duration,
}

impl KernelLog {
    /// Opens the log and moves to its end. Later records are found exactly.
    ///
    /// Never fails: [`System::explain`] reports a log that cannot be read.
    pub fn open(system: &System) -> Self {
        let file = open(system).and_then(|mut file| {
            let path = system.kernel_log();
            match file.seek(SeekFrom::End(0)) {
                Ok(_) => Ok(file),
                Err(error) => Err(Error::io(&path, errno::from_io(&error))),
            }
        });
        Self { start: Start::Here(file) }
    }

    /// Reads the clock only, which costs no system call. The log is opened when it is read, and the
    /// times of its records show which came later, less exactly.
    pub fn from_now() -> Self {
        Self { start: Start::Time(now()) }
    }

    /// Returns the kernel's records since, without messages of programs.
    pub(crate) fn read(self, system: &System) -> Result<Since, Error> {
        match self.start {
            Start::Here(file) => {
                let (records, end) = records(&mut file?, Duration::ZERO, PATIENCE);
                let (complete, lost) = (end == End::Reached, end == End::Missing);
                Ok(Since { records, exact: true, complete, lost, elapsed: Duration::ZERO })
            }
            Start::Time(start) => {
                let elapsed = now().saturating_sub(start);
                let earliest = start.saturating_sub(OFFSET);
                let (records, end) = records(&mut open(system)?, earliest, PATIENCE_FOR_ALL);
                let complete = end == End::Reached;
                let lost = end == End::Missing || records.is_empty() && !complete;
                Ok(Since { records, exact: false, complete, lost, elapsed })
            }
        }
    }
}

/// Returns the lines of the kernel in the whole log; none if it cannot be read.
pub(crate) fn texts(system: &System) -> Vec<String> {
    let Ok(mut log) = open(system) else { return Vec::new() };
    let (records, _) = records(&mut log, Duration::ZERO, PATIENCE_FOR_ALL);
    records.into_iter().map(|record| record.text).collect()
}

/// Whether any line of the kernel in the whole log is such a one; `None` if some could not be read.
pub(crate) fn has(system: &System, is_such: impl Fn(&str) -> bool) -> Option<bool> {
    let mut log = open(system).ok()?;
    let mut found = false;
    let end = read_each(&mut log, PATIENCE, |record| {
        found |= parse(record).is_some_and(|parsed| parsed.text.split('\n').any(&is_such));
        !found
    });
    if found { Some(true) } else { (end == End::Reached).then_some(false) }
}

/// How far the log's clock may be from `CLOCK_MONOTONIC_RAW`. Both count the same cycles, without
/// NTP's corrections; but they start at different moments of the boot (`local_clock` in
/// `kernel/sched/clock.c`), and lose different parts of a suspend.
const OFFSET: Duration = Duration::from_millis(500);

fn now() -> Duration {
    clock_gettime(ClockId::CLOCK_MONOTONIC_RAW).map(Duration::from).unwrap_or_default()
}

fn open(system: &System) -> Result<File, Error> {
    let path = system.kernel_log();
    OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(&path)
        .map_err(|error| Error::io(&path, errno::from_io(&error)))
}

/// How long the log is read, from where a call began and from the oldest record on: programs may
/// fill it as fast as it is read. Even the largest log, of some hundred thousand records, takes a
/// second; emulated machines are slower.
const PATIENCE: Duration = Duration::from_secs(2);
const PATIENCE_FOR_ALL: Duration = Duration::from_secs(10);

/// How many records are kept: other processes may log faster than this one reads.
const KEPT: usize = 1 << 14;

/// How reading the log ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The end was reached.
    Reached,
    /// There may be more.
    Given,
    /// Records are missing: they were overwritten before they were read, or this is not the log.
    Missing,
}

/// The lines from a time on. Some are missing if even the oldest record is later.
fn records(log: &mut impl Read, earliest: Duration, patience: Duration) -> (Vec<Record>, End) {
    let mut records: Vec<Record> = Vec::new();
    let mut oldest = None;
    let end = read_each(log, patience, |record| {
        oldest = oldest.or_else(|| time_of(record));
        let Some(parsed) = parse(record).filter(|parsed| parsed.time >= earliest) else {
            return true;
        };
        match records.last_mut().filter(|_| parsed.continues) {
            Some(before) => before.text.push_str(&parsed.text),
            None => records.extend(parsed.lines()),
        }
        records.len() < KEPT
    });
    let begins_later = !earliest.is_zero() && oldest.is_some_and(|time| time > earliest);
    (records, if begins_later { End::Missing } else { end })
}

/// Reads record by record, until one is enough.
fn read_each(log: &mut impl Read, patience: Duration, mut more: impl FnMut(&[u8]) -> bool) -> End {
    let mut lost = false;
    let mut buffer = [0; 8192];
    let start = Instant::now();
    while start.elapsed() < patience {
        match log.read(&mut buffer) {
            // The log has no end. What has one is something else in its place: containers often
            // put /dev/null there.
            Ok(0) => return End::Missing,
            Ok(length) => {
                if !more(buffer.get(..length).unwrap_or_default()) {
                    break;
                }
            }
            // The oldest were overwritten, and the position is now behind the gap.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => lost = true,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // Of a record that is too long, too, only that one is lost.
            Err(error) if error.kind() == ErrorKind::InvalidInput => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                return if lost { End::Missing } else { End::Reached };
            }
            Err(_) => break,
        }
    }
    if lost { End::Missing } else { End::Given }
}

/// A record as it is read: one message, maybe of several lines, or a part of one.
#[derive(Debug, PartialEq, Eq)]
struct Parsed {
    time: Duration,
    level: u8,
    caller: Option<String>,
    /// It goes on with the line before, as kernels up to 4.9 log lines that are printed in parts.
    continues: bool,
    text: String,
}

impl Parsed {
    fn lines(&self) -> impl Iterator<Item = Record> {
        let lines = self.text.split('\n').filter(|line| !line.is_empty());
        lines.map(|line| Record {
            time: self.time,
            level: self.level,
            caller: self.caller.clone(),
            text: line.to_owned(),
        })
    }
}

/// When a record was logged.
fn time_of(record: &[u8]) -> Option<Duration> {
    let micros = record.split(|&byte| byte == b',').nth(2)?;
    std::str::from_utf8(micros).ok()?.parse().ok().map(Duration::from_micros)
}

/// Messages of the kernel proper: facility 0, which programs cannot write.
fn parse(record: &[u8]) -> Option<Parsed> {
    let record = String::from_utf8_lossy(record);
    let (header, text) = record.split_once(';')?;
    let mut fields = header.split(',');
    let priority: u32 = fields.next()?.parse().ok()?;
    let micros = fields.nth(1)?.parse().ok()?;
    let continues = fields.next() == Some("+");
    let caller = fields.find_map(|field| field.strip_prefix("caller=")).map(str::to_owned);
    let text = unescape(text.split('\n').next().unwrap_or_default());
    let level = u8::try_from(priority).ok().filter(|level| *level < 8)?;
    Some(Parsed { time: Duration::from_micros(micros), level, caller, continues, text })
}

fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let code = (byte == b'\\')
            .then(|| tail.strip_prefix(b"x")?.get(..2))
            .flatten()
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        if let Some(code) = code {
            bytes.push(code);
            rest = tail.get(3..).unwrap_or_default();
        } else {
            bytes.push(byte);
            rest = tail;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_taken_apart() {
        let record =
            parse(b"4,1234,5678,-,caller=T1;t: Unknown symbol f\\x0a(\\x5c)\n SUBSYSTEM=x\n")
                .unwrap();
        assert_eq!((record.level, record.continues), (4, false));
        let lines: Vec<Record> = record.lines().collect();
        let texts: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
        assert_eq!(texts, ["t: Unknown symbol f", "(\\)"]);
        assert_eq!(lines[0].caller.as_deref(), Some("T1"));
        assert_eq!(lines[0].time, Duration::from_micros(5678));
        // Linux 3.5 to 4.9 log a line that is printed in parts in several records.
        assert!(parse(b"4,1,2,+;more").unwrap().continues);
        assert!(!parse(b"4,1,2,c;first").unwrap().continues);
    }

    #[test]
    fn programs_have_no_say() {
        assert_eq!(parse(b"12,1,2,-;t: Unknown symbol f (err -2)\n"), None);
        for junk in [&b""[..], b";", b"x,1,2,-;a", b"4,1;a", b"4,1,x,-;a", b"4,1"] {
            assert_eq!(parse(junk), None);
        }
    }

    /// A log that has these records, and then one of a program for each read, up to a number.
    struct Log(Vec<&'static [u8]>, usize);

    impl Read for Log {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let record = if self.0.is_empty() {
                self.1 = self.1.checked_sub(1).ok_or(ErrorKind::WouldBlock)?;
                &b"12,2,3,-;of a program\n"[..]
            } else {
                self.0.remove(0)
            };
            buffer[..record.len()].copy_from_slice(record);
            Ok(record.len())
        }
    }

    #[test]
    fn all_that_there_is() {
        let mut log = Log(vec![b"3,1,2,-;t: no luck\n"], 1000);
        let (records, end) = records(&mut log, Duration::ZERO, PATIENCE);
        assert_eq!((records.len(), end), (1, End::Reached));
    }

    /// What was logged first is not lost for it.
    #[test]
    fn programs_that_log_without_end() {
        let mut log = Log(vec![b"3,1,2,-;t: no luck\n"], usize::MAX);
        let (records, end) = records(&mut log, Duration::ZERO, PATIENCE);
        assert_eq!((records.len(), end), (1, End::Given));
    }

    #[test]
    fn half_an_escape_is_kept() {
        assert_eq!(unescape("a\\x4"), "a\\x4");
        assert_eq!(unescape("\\xzz\\"), "\\xzz\\");
    }
}
