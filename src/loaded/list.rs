//! The text of `/proc/modules`, read so that it is true of one moment.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};

use super::proc_modules::{self, ModuleRow};
use crate::errno;
use crate::error::{Error, ErrorKind};
use crate::system::System;

/// The rows of `/proc/modules` at one moment, newest first, as they were read.
///
/// [`Snapshot`](crate::Snapshot) has them in a form that is easier to ask.
#[derive(Clone, Debug)]
pub struct ModuleList {
    path: PathBuf,
    text: Vec<u8>,
}

impl ModuleList {
    /// Reads `/proc/modules`.
    ///
    /// # Errors
    /// [`ErrorKind::Io`]; an error that
    /// [is absent](Error::is_absent) where /proc is not mounted or the kernel has no modules (see
    /// [`System::has_proc`]); [`ErrorKind::TooLarge`] for what cannot be a list of modules.
    pub fn read(system: &System) -> Result<Self, Error> {
        let path = system.proc_modules();
        Ok(Self { text: read(&path)?, path })
    }

    /// Returns its size in bytes.
    pub fn text_len(&self) -> usize {
        self.text.len()
    }

    /// Returns the rows.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`], with the line, for a row that is
    /// none.
    #[inline]
    pub fn rows(&self) -> impl Iterator<Item = Result<ModuleRow<'_>, Error>> {
        proc_modules::parse(&self.text).map(|row| row.map_err(|error| error.at(&self.path)))
    }
}

/// How often a list that changes under our hands is read again before it is pieced together.
const ATTEMPTS: usize = 16;

/// More than any kernel has to say: 100 times the list of a system with a thousand modules.
const LIMIT: usize = 16 << 20;

/// The kernel hands out at most a page of rows per read, and finds its place again by counting
/// rows: a module that comes or goes between two reads makes the next one repeat or skip a row
/// (`seq_read_iter` in `fs/seq_file.c`). A list is therefore believed when it came in one read,
/// or when two passes name the same modules whose reads ended at different rows: a module that
/// comes and goes again and again could repeat or skip the same row twice otherwise. All passes
/// end a read behind the last row, where rows can only be repeated: no name is there twice.
fn read(path: &Path) -> Result<Vec<u8>, Error> {
    let io_error = |error: io::Error| match error.kind() {
        io::ErrorKind::FileTooLarge => {
            Error::new(ErrorKind::TooLarge, format!("it has more than {LIMIT} bytes")).at(path)
        }
        _ => Error::io(path, errno::from_io(&error)),
    };
    let mut file = File::open(path).map_err(io_error)?;
    let mut last = Pass::read(&mut file).map_err(io_error)?;
    let mut starts = [HALF, CHUNK].into_iter().cycle();
    if last.is_atomic() {
        return Ok(last.text);
    }
    let mut passes = Vec::new();
    for _ in 0..ATTEMPTS {
        file.rewind().map_err(io_error)?;
        let start = starts.next().unwrap_or(CHUNK);
        let again = last.read_again(&mut file, start).map_err(io_error)?;
        let same = again.as_ref().is_none_or(|pass| pass.names().eq(last.names()));
        if let Some(pass) = again {
            passes.push(std::mem::replace(&mut last, pass));
        }
        if same && !last.repeats_its_end() {
            return Ok(last.text);
        }
    }
    passes.push(last);
    Ok(merge(&passes))
}

/// One reading of the file from its start to its end.
struct Pass {
    text: Vec<u8>,
    reads: usize,
}

/// The most that is asked for at once, and as much of a page as moves the ends of all reads.
const CHUNK: usize = 16 << 10;
const HALF: usize = 2 << 10;

/// Rows longer than this would be needed for a short answer to hide that more follows.
const SHORT: usize = 2048;

impl Pass {
    fn read(file: &mut File) -> io::Result<Self> {
        let mut text = Vec::new();
        let reads = in_chunks(file, CHUNK, |chunk| text.extend_from_slice(chunk))?;
        Ok(Self { text, reads })
    }

    /// Another pass, the first read of which is of `start` bytes; unless it has the same bytes.
    fn read_again(&self, file: &mut File, start: usize) -> io::Result<Option<Self>> {
        let mut same = 0;
        let mut changed: Option<Vec<u8>> = None;
        let reads = in_chunks(file, start, |chunk| {
            let (before, after) = self.text.split_at(same);
            match &mut changed {
                Some(text) => text.extend_from_slice(chunk),
                None if starts_with(after, chunk) => same += chunk.len(),
                None => changed = Some([before, chunk].concat()),
            }
        })?;
        let (before, after) = self.text.split_at(same);
        if changed.is_none() && !after.is_empty() {
            changed = Some(before.to_vec());
        }
        Ok(changed.map(|text| Self { text, reads }))
    }

    /// Whether the kernel gave all rows under one hold of its lock.
    fn is_atomic(&self) -> bool {
        self.reads == 0 || self.reads == 1 && self.text.len() <= SHORT
    }

    /// Whether modules were loaded just before the last read, which then gave old rows again.
    fn repeats_its_end(&self) -> bool {
        let text = self.text.strip_suffix(b"\n").unwrap_or(&self.text);
        let start = text.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
        let (before, last) = text.split_at(start);
        let name = proc_modules::row_name(last);
        match (std::str::from_utf8(before), std::str::from_utf8(name)) {
            // The fastest search in the standard library: nearly each listing of many modules comes
            // here.
            (Ok(before), Ok(name)) => {
                let row = format!("\n{name} ");
                before.contains(&row) || before.starts_with(row.get(1..).unwrap_or(name))
            }
            _ => proc_modules::rows(before).any(|row| proc_modules::row_name(row) == name),
        }
    }

    fn names(&self) -> impl Iterator<Item = &[u8]> {
        proc_modules::rows(&self.text).map(proc_modules::row_name)
    }
}

/// Sixteen bytes at a time, where the C library's comparison may take one.
fn starts_with(text: &[u8], start: &[u8]) -> bool {
    text.get(..start.len()).is_some_and(|text| {
        let (blocks, rest) = text.as_chunks::<16>();
        let (others, other_rest) = start.as_chunks::<16>();
        blocks.iter().eq(others) && rest == other_rest
    })
}

/// Reads to the end of the file, first so many bytes, and counts the reads.
fn in_chunks(file: &mut File, mut start: usize, mut take: impl FnMut(&[u8])) -> io::Result<usize> {
    let mut chunk = [0; CHUNK];
    let (mut reads, mut total) = (0, 0);
    loop {
        let part = chunk.get_mut(..start).unwrap_or_default();
        match file.read(part) {
            Ok(0) => return Ok(reads),
            Ok(count) => {
                start = CHUNK;
                total += count;
                if total > LIMIT {
                    return Err(io::ErrorKind::FileTooLarge.into());
                }
                take(chunk.get(..count).unwrap_or(&chunk));
                reads += 1;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
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
    use crate::captured::Captured;

    /// A file with these bytes, which is gone as soon as it is closed.
    fn file(bytes: &[u8]) -> File {
        File::open(Captured::new().write("modules", bytes)).unwrap()
    }

    #[test]
    fn a_second_pass_tells_what_differs() {
        let long = "x".repeat(40_000);
        for (first, second) in [
            ("abc", "abc"),
            ("abc", "abcd"),
            ("abc", "ab"),
            ("abc", ""),
            ("", "abc"),
            (long.as_str(), long.as_str()),
            (&long, &long[..20_000]),
            (&long[..20_000], &long),
        ] {
            let pass = Pass { text: first.as_bytes().to_vec(), reads: 2 };
            for start in [HALF, CHUNK] {
                let again = pass.read_again(&mut file(second.as_bytes()), start);
                let again = again.unwrap().map(|pass| pass.text);
                let expected = (first != second).then(|| second.as_bytes().to_vec());
                assert!(again == expected, "{} {}", first.len(), second.len());
            }
        }
    }

    #[test]
    fn there_is_a_limit() {
        let error = read(Path::new("/dev/zero")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooLarge);
    }

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
    fn a_repeated_end_is_not_believed() {
        for (text, expected) in [
            ("", false),
            ("a 1 0 -\nb 1 0 -\n", false),
            ("a 1 0 -\nab 1 0 -\nb 1 0 -\nb 1 0 -\n", true),
            // Two modules came, and the last one went.
            ("a 1 0 -\nb 1 0 -\nc 1 0 -\nb 1 0 -\n", true),
        ] {
            assert_eq!(pass(text).repeats_its_end(), expected, "{text}");
        }
    }

    #[test]
    fn only_a_short_single_read_is_atomic() {
        assert!(Pass { text: vec![b'x'; SHORT], reads: 1 }.is_atomic());
        assert!(!Pass { text: vec![b'x'; SHORT + 1], reads: 1 }.is_atomic());
        assert!(!Pass { text: vec![b'x'; 10], reads: 2 }.is_atomic());
        assert!(Pass { text: Vec::new(), reads: 0 }.is_atomic());
    }
}
