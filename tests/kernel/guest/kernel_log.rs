//! What the kernel logs from some moment on.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;

/// A position in the kernel's log.
pub(crate) struct KernelLog {
    records: File,
}

impl KernelLog {
    /// The end of the log as it is now.
    pub(crate) fn from_now() -> KernelLog {
        let mut records = OpenOptions::new()
            .read(true)
            .custom_flags(nix::libc::O_NONBLOCK)
            .open("/dev/kmsg")
            .expect("cannot open /dev/kmsg");
        records.seek(SeekFrom::End(0)).expect("cannot seek in /dev/kmsg");
        KernelLog { records }
    }

    /// The messages logged since, oldest first, and moves on to the end again.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let mut record = [0; 8192];
        loop {
            // Each read returns one record: `priority,number,time,flags;message`.
            match (&self.records).read(&mut record) {
                Ok(length) => {
                    let text = String::from_utf8_lossy(&record[..length]);
                    let message = text.split_once(';').map_or("", |(_, message)| message);
                    lines.extend(message.lines().next().map(str::to_owned));
                }
                // Records were overwritten before they were read; the next is the oldest.
                Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
                Err(_) => return lines,
            }
        }
    }
}
