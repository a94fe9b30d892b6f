//! All loaded modules at one moment.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::Path;

use super::{LoadedModule, proc_modules};
use crate::errno;
use crate::error::Error;
use crate::name::ModuleName;
use crate::system::System;

/// The loaded modules, newest first, as the kernel keeps them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    modules: Vec<LoadedModule>,
}

impl Snapshot {
    /// Reads `/proc/modules`.
    ///
    /// # Errors
    /// An [`Error`] that [is absent](Error::is_absent) where /proc is not mounted or the kernel has
    /// no modules (see [`System::has_proc`]); the read's error; or
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed).
    pub fn take(system: &System) -> Result<Self, Error> {
        let path = system.proc_modules();
        let text = read(&path)?;
        Self::parse(&text).map_err(|error| error.at(&path))
    }

    /// The modules in a text of the form of `/proc/modules`.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed), with the line.
    pub fn parse(text: &[u8]) -> Result<Self, Error> {
        Ok(Self { modules: proc_modules::parse(text)? })
    }

    /// All modules, in the kernel's order.
    pub fn modules(&self) -> &[LoadedModule] {
        &self.modules
    }

    /// The module of this name.
    pub fn get(&self, name: &ModuleName) -> Option<&LoadedModule> {
        self.modules.iter().find(|module| module.name == *name)
    }
}

/// How often a list that changes under our hands is read again before it is pieced together.
const ATTEMPTS: usize = 16;

/// The kernel hands out at most a page of rows per read, and finds its place again by counting
/// rows: a module that comes or goes between two reads makes the next one repeat or skip a row
/// (`seq_read_iter` in `fs/seq_file.c`). A list is therefore believed when it came in one read,
/// or when two passes name the same modules.
fn read(path: &Path) -> Result<Vec<u8>, Error> {
    let io_error = |error: io::Error| Error::io(path, errno::from_io(&error));
    let mut file = File::open(path).map_err(io_error)?;
    let mut last = Pass::read(&mut file).map_err(io_error)?;
    if last.is_atomic() {
        return Ok(last.text);
    }
    let mut passes = Vec::new();
    while passes.len() < ATTEMPTS {
        file.rewind().map_err(io_error)?;
        let pass = Pass::read(&mut file).map_err(io_error)?;
        if pass.text == last.text || pass.names().eq(last.names()) {
            return Ok(pass.text);
        }
        passes.push(std::mem::replace(&mut last, pass));
    }
    passes.push(last);
    Ok(merge(&passes))
}

/// One reading of the file from its start to its end.
struct Pass {
    text: Vec<u8>,
    reads: usize,
}

/// Rows longer than this would be needed for a short answer to hide that more follows.
const SHORT: usize = 2048;

impl Pass {
    fn read(file: &mut File) -> io::Result<Self> {
        let mut text = Vec::with_capacity(32 << 10);
        let mut reads = 0;
        let mut chunk = [0; 16 << 10];
        loop {
            match file.read(&mut chunk) {
                Ok(0) => return Ok(Self { text, reads }),
                Ok(count) => text.extend_from_slice(chunk.get(..count).unwrap_or(&chunk)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            }
            reads += 1;
        }
    }

    /// Whether the kernel gave all rows under one hold of its lock.
    fn is_atomic(&self) -> bool {
        self.reads == 0 || self.reads == 1 && self.text.len() <= SHORT
    }

    fn names(&self) -> impl Iterator<Item = &[u8]> {
        proc_modules::rows(&self.text).map(proc_modules::row_name)
    }
}

/// The modules that most of the passes have, in the order and with the rows of the latest pass
/// that shows each: what stays loaded all the time is in there once and whole.
fn merge(passes: &[Pass]) -> Vec<u8> {
    let mut seen = HashSet::new();
    let mut text = Vec::new();
    for pass in passes.iter().rev() {
        for row in proc_modules::rows(&pass.text) {
            let name = proc_modules::row_name(row);
            let among = passes.iter().filter(|pass| pass.names().any(|other| other == name));
            if !seen.contains(name) && among.count() * 2 > passes.len() {
                seen.insert(name);
                text.extend_from_slice(row);
                text.push(b'\n');
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pass(text: &str) -> Pass {
        Pass { text: text.as_bytes().to_vec(), reads: 2 }
    }

    #[test]
    fn merging_keeps_what_stays_and_drops_what_flits() {
        let passes = [
            pass("new 1 0 - Live 0x0\na 1 0 - Live 0x0\nb 1 0 - Live 0x0\n"),
            // A row repeated, as after a load between two reads.
            pass("a 1 0 - Live 0x0\na 1 0 - Live 0x0\nb 1 1 - Live 0x0\n"),
            // A row skipped, as after an unload between two reads.
            pass("b 1 2 - Live 0x0\n"),
        ];
        let merged = String::from_utf8(merge(&passes)).unwrap();
        assert_eq!(merged, "b 1 2 - Live 0x0\na 1 0 - Live 0x0\n");
    }

    #[test]
    fn only_a_short_single_read_is_atomic() {
        assert!(Pass { text: vec![b'x'; SHORT], reads: 1 }.is_atomic());
        assert!(!Pass { text: vec![b'x'; SHORT + 1], reads: 1 }.is_atomic());
        assert!(!Pass { text: vec![b'x'; 10], reads: 2 }.is_atomic());
        assert!(Pass { text: Vec::new(), reads: 0 }.is_atomic());
    }
}
