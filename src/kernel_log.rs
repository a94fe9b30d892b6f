//! The kernel's log, record by record: `/dev/kmsg`.
//!
//! The format is that of `Documentation/ABI/testing/dev-kmsg` of the kernel: each read gives one
//! record, `PRIORITY,SEQUENCE,MICROSECONDS,FLAGS[,…];TEXT`, in which control characters and
//! bytes beyond ASCII are written as `\xNN`.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::time::Duration;

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
    /// Behind what was there when the log was opened.
    Here(Result<File, Error>),
    /// The log was not opened yet; the time of `CLOCK_MONOTONIC`.
    Time(Duration),
}

/// One message of the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    /// The log's own time.
    pub(crate) time: Duration,
    pub(crate) text: String,
}

/// What was logged since a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Since {
    pub(crate) records: Vec<Record>,
    /// Exactly what came later, rather than what may have.
    pub(crate) exact: bool,
    /// How long ago the moment is, where that is known.
    pub(crate) elapsed: Duration,
}

impl KernelLog {
    /// Opens the log and moves to its end. What comes later is found exactly.
    ///
    /// It never fails: that the log cannot be read is told when it is read.
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

    /// Only looks at the clock, which costs no system call. The log is opened when it is read; what
    /// came later is then told by the times of the records, less exactly.
    pub fn from_now() -> Self {
        Self { start: Start::Time(now()) }
    }

    /// What the kernel logged since; messages that programs put there are left out.
    pub(crate) fn read(self, system: &System) -> Result<Since, Error> {
        match self.start {
            Start::Here(file) => {
                let records = records(&mut file?);
                Ok(Since { records, exact: true, elapsed: Duration::ZERO })
            }
            Start::Time(start) => {
                let end = now();
                let mut records = records(&mut open(system)?);
                let earliest = start.saturating_sub(drift(end));
                records.retain(|record| record.time >= earliest);
                let elapsed = end.saturating_sub(start);
                Ok(Since { records, exact: false, elapsed })
            }
        }
    }
}

/// How far the log's clock may be from `CLOCK_MONOTONIC`. The log is stamped with the processor's
/// own clock (`local_clock` in `kernel/sched/clock.c`), which nobody disciplines: adjtimex(2) steers
/// the other by up to 500 ppm, so that they part with the time since the boot.
fn drift(uptime: Duration) -> Duration {
    Duration::from_millis(100) + uptime / 2000
}

fn now() -> Duration {
    clock_gettime(ClockId::CLOCK_MONOTONIC).map(Duration::from).unwrap_or_default()
}

fn open(system: &System) -> Result<File, Error> {
    let path = system.kernel_log();
    OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(&path)
        .map_err(|error| Error::io(&path, errno::from_io(&error)))
}

/// More records than any log has room for: a reader that cannot keep up still comes to an end.
const MOST: usize = 1 << 17;

fn records(file: &mut File) -> Vec<Record> {
    let mut records = Vec::new();
    let mut buffer = [0; 8192];
    for _ in 0..MOST {
        match file.read(&mut buffer) {
            // The log has no end. What has one is something else in its place: containers often
            // put /dev/null there.
            Ok(0) => break,
            Ok(length) => records.extend(parse(buffer.get(..length).unwrap_or_default())),
            // The oldest were overwritten, and the position is now behind the gap.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // Of a record that is too long, too, only that one is lost.
            Err(error) if error.kind() == ErrorKind::InvalidInput => {}
            Err(_) => break,
        }
    }
    records
}

/// Messages of the kernel proper: facility 0, which programs cannot write.
fn parse(record: &[u8]) -> Option<Record> {
    let record = String::from_utf8_lossy(record);
    let (header, text) = record.split_once(';')?;
    let mut fields = header.split(',');
    let priority: u32 = fields.next()?.parse().ok()?;
    let micros = fields.nth(1)?.parse().ok()?;
    let text = text.split('\n').next().unwrap_or_default();
    (priority >> 3 == 0)
        .then(|| Record { time: Duration::from_micros(micros), text: unescape(text) })
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
            parse(b"4,1234,5678,-,caller=T1;t: Unknown symbol f\\x0a(\\x5c)\n SUBSYSTEM=x\n");
        let text = "t: Unknown symbol f\n(\\)".to_owned();
        assert_eq!(record, Some(Record { time: Duration::from_micros(5678), text }));
    }

    #[test]
    fn programs_have_no_say() {
        assert_eq!(parse(b"12,1,2,-;t: Unknown symbol f (err -2)\n"), None);
        for junk in [&b""[..], b";", b"x,1,2,-;a", b"4,1;a", b"4,1,x,-;a", b"4,1,2,-"] {
            assert_eq!(parse(junk), None);
        }
    }

    #[test]
    fn half_an_escape_is_no_escape() {
        assert_eq!(unescape("a\\x4"), "a\\x4");
        assert_eq!(unescape("\\xzz\\"), "\\xzz\\");
    }
}
