//! Berkeley DB, in the form of rpm's `Packages`: a hash from the number of each package to its
//! header, from `src/dbinc/db_page.h` of Berkeley DB 5.3. Numbers have the byte order of the machine
//! that wrote the file. All pages are read in turn: no hash is computed.

use std::cell::Cell;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

const HASH_MAGIC: u32 = 0x0006_1561;

/// The kinds of pages with entries, and of those that an entry goes on in.
const HASH_UNSORTED: u8 = 2;
const HASH: u8 = 13;
const OVERFLOW: u8 = 7;

/// The kinds of entries: a value on the page, and one on pages of its own.
const ON_PAGE: u8 = 1;
const OFF_PAGE: u8 = 3;

/// The size of what each page starts with.
const HEAD: usize = 26;

/// A header is smaller, and a file has fewer pages.
const BLOB_MAX: usize = 64 << 20;
const PAGES_MAX: u32 = 1 << 20;

/// Calls `each` with each header until it returns false. Damaged headers are skipped.
pub(super) fn blobs(path: &Path, each: &mut dyn FnMut(&[u8]) -> bool) -> Option<()> {
    let file = Pages::open(path)?;
    let mut page = vec![0; file.size];
    for number in 1..=file.last {
        if file.read(number, &mut page).is_none() {
            break;
        }
        if !matches!(kind(&page), Some(HASH | HASH_UNSORTED)) {
            continue;
        }
        // A key, and the value behind it.
        for index in (1..file.half(&page, 20)?).step_by(2) {
            // Package 0 has the number of the last package instead of a header.
            if let Some(blob) = file.value(&page, index)
                && !each(&blob)
            {
                return Some(());
            }
        }
    }
    Some(())
}

struct Pages {
    file: File,
    big_endian: bool,
    size: usize,
    /// The number of the last page.
    last: u32,
    /// How many pages are still read. Values of a damaged file may share theirs.
    left: Cell<u32>,
}

impl Pages {
    fn open(path: &Path) -> Option<Self> {
        let file = File::open(path).ok()?;
        let mut start = [0; 72];
        file.read_exact_at(&mut start, 0).ok()?;
        let mut pages = Self { file, big_endian: false, size: 0, last: 0, left: Cell::new(0) };
        pages.big_endian = pages.word(&start, 12)? != HASH_MAGIC;
        pages.size = usize::try_from(pages.word(&start, 20)?).ok()?;
        pages.last = pages.word(&start, 32)?.min(PAGES_MAX);
        // Each in its turn, and once as part of a value.
        pages.left.set(2 * pages.last);
        let is_known = pages.word(&start, 12)? == HASH_MAGIC
            && (512..=1 << 16).contains(&pages.size)
            && pages.size.is_power_of_two();
        is_known.then_some(pages)
    }

    fn read(&self, number: u32, page: &mut [u8]) -> Option<()> {
        self.left.set(self.left.get().checked_sub(1)?);
        self.file.read_exact_at(page, u64::from(number) * self.size as u64).ok()
    }

    /// The value of an entry, of which a page has the offsets behind its head: the values themselves
    /// are written from its end.
    fn value(&self, page: &[u8], index: u16) -> Option<Vec<u8>> {
        let offset = |index: u16| self.half(page, HEAD + 2 * usize::from(index)).map(usize::from);
        let entry = page.get(offset(index)?..offset(index.checked_sub(1)?)?)?;
        match entry {
            [ON_PAGE, value @ ..] => Some(value.to_vec()),
            [OFF_PAGE, ..] => {
                let length = usize::try_from(self.word(entry, 8)?).ok()?;
                (length <= BLOB_MAX).then(|| self.long_value(self.word(entry, 4)?, length))?
            }
            _ => None,
        }
    }

    /// A value on pages of its own, each of which names the next.
    fn long_value(&self, first: u32, length: usize) -> Option<Vec<u8>> {
        let mut page = vec![0; self.size];
        let mut value = Vec::new();
        let mut next = first;
        while value.len() < length && next != 0 {
            self.read(next, &mut page)?;
            let count = usize::from(self.half(&page, 22)?);
            let part = page.get(HEAD..HEAD + count).filter(|part| !part.is_empty())?;
            if kind(&page) != Some(OVERFLOW) {
                return None;
            }
            value.extend_from_slice(part);
            next = self.word(&page, 16)?;
        }
        (value.len() == length).then_some(value)
    }

    fn word(&self, bytes: &[u8], at: usize) -> Option<u32> {
        let word = bytes.get(at..at + 4)?.try_into().ok()?;
        Some(if self.big_endian { u32::from_be_bytes(word) } else { u32::from_le_bytes(word) })
    }

    fn half(&self, bytes: &[u8], at: usize) -> Option<u16> {
        let half = bytes.get(at..at + 2)?.try_into().ok()?;
        Some(if self.big_endian { u16::from_be_bytes(half) } else { u16::from_le_bytes(half) })
    }
}

fn kind(page: &[u8]) -> Option<u8> {
    page.get(25).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: usize = 512;

    /// A file of four pages, by the description of the format: one with two values, and two that the
    /// second value is on.
    fn database(short: &[u8], long: &[u8]) -> Vec<u8> {
        let page = |kind: u8, words: &[(usize, u32)], halves: &[(usize, usize)]| {
            let mut page = vec![0; PAGE];
            page[25] = kind;
            for (at, word) in words {
                page[*at..at + 4].copy_from_slice(&word.to_le_bytes());
            }
            for (at, half) in halves {
                let half = u16::try_from(*half).unwrap().to_le_bytes();
                page[*at..at + 2].copy_from_slice(&half);
            }
            page
        };
        let start = page(8, &[(12, HASH_MAGIC), (20, 512), (32, 3)], &[]);
        let first = PAGE - 5;
        let second = first - 1 - short.len();
        let (third, fourth) = (second - 5, second - 5 - 12);
        let offsets = [(20, 4), (26, first), (28, second), (30, third), (32, fourth)];
        let length = u32::try_from(long.len()).unwrap();
        let mut entries = page(HASH, &[(fourth + 4, 2), (fourth + 8, length)], &offsets);
        for (at, kind) in
            [(first, ON_PAGE), (second, ON_PAGE), (third, ON_PAGE), (fourth, OFF_PAGE)]
        {
            entries[at] = kind;
        }
        entries[second + 1..first].copy_from_slice(short);
        let (one, other) = long.split_at(PAGE - HEAD);
        let mut start_of_long = page(OVERFLOW, &[(16, 3)], &[(22, one.len())]);
        start_of_long[HEAD..HEAD + one.len()].copy_from_slice(one);
        let mut end_of_long = page(OVERFLOW, &[], &[(22, other.len())]);
        end_of_long[HEAD..HEAD + other.len()].copy_from_slice(other);
        [start, entries, start_of_long, end_of_long].concat()
    }

    fn read(bytes: &[u8]) -> Vec<Vec<u8>> {
        super::super::all_blobs(blobs, bytes)
    }

    #[test]
    fn values_on_pages_and_off() {
        let long = b"0123456789".repeat(60);
        let file = database(b"short", &long);
        assert_eq!(read(&file), [b"short".to_vec(), long]);
        for end in [0, 71, 72, PAGE, 2 * PAGE - 1] {
            assert!(read(&file[..end]).is_empty(), "{end}");
        }
        for end in [2 * PAGE, 3 * PAGE, 4 * PAGE - 1] {
            assert_eq!(read(&file[..end]), [b"short"], "{end}");
        }
    }

    /// Whatever byte is another one, the search ends.
    #[test]
    fn damage() {
        let file = database(b"short", &b"0123456789".repeat(60));
        for at in (0..PAGE + 64).chain(2 * PAGE - 64..2 * PAGE + HEAD) {
            for byte in [0, 0xff] {
                let mut file = file.clone();
                file[at] = byte;
                assert!(read(&file).len() <= 4, "{byte} at {at}");
            }
        }
    }
}
