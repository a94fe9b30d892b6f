//! Standard output.

use std::io::{self, IsTerminal};
use std::os::fd::AsFd;

use modutils::Errno;

use super::report::{Explanation, Reporter};
use super::status::Status;
use super::unprintable::{escaped_json, escaped_lines};

/// Returns the status of the command, unless its output could not be written.
pub(crate) fn written(result: Result<(), Errno>, reporter: &Reporter, status: Status) -> Status {
    let Err(errno) = result else { return status };
    reporter.error(not_written(errno).as_bytes(), &Explanation::default());
    if status == Status::Done { Status::Failed } else { status }
}

/// Returns the first line of that failure.
pub(crate) fn not_written(errno: Errno) -> String {
    format!("could not write: {errno}")
}

/// Writes lines. What files, the kernel and the caller put in them, a terminal is not to obey;
/// anything else gets the bytes.
pub(crate) fn show(text: &[u8]) -> Result<(), Errno> {
    write_with(escaped_lines, text)
}

/// Writes a JSON document, which is the same one on a terminal.
pub(crate) fn show_json(document: &[u8]) -> Result<(), Errno> {
    write_with(escaped_json, document)
}

fn write_with(escape: fn(&[u8]) -> String, text: &[u8]) -> Result<(), Errno> {
    if io::stdout().is_terminal() { write(escape(text).as_bytes()) } else { write(text) }
}

/// Writes everything in as few system calls as possible. A closed pipe is not an error.
pub(crate) fn write(mut text: &[u8]) -> Result<(), Errno> {
    let stdout = io::stdout();
    while !text.is_empty() {
        match nix::unistd::write(stdout.as_fd(), text) {
            Ok(count) => text = text.get(count..).unwrap_or_default(),
            Err(nix::errno::Errno::EPIPE) => return Ok(()),
            Err(nix::errno::Errno::EINTR) => {}
            Err(errno) => return Err(Errno::from_raw(errno as i32)),
        }
    }
    Ok(())
}
