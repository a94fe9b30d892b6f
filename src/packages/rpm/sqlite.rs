//! As much of the file format of `SQLite` as finding a row takes; see "Database File Format" in its
//! documentation. A write-ahead log is not read.

use std::cmp::Ordering;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

const MAGIC: &[u8] = b"SQLite format 3\0";

/// The size of the file's header, which is on the first page.
const HEADER: usize = 100;

/// The first byte of a page.
const INDEX_INTERIOR: u8 = 2;
const TABLE_INTERIOR: u8 = 5;
const INDEX_LEAF: u8 = 10;
const TABLE_LEAF: u8 = 13;

/// No tree is deeper, and no search reads more pages, unless the file is damaged.
const DEPTH_MAX: usize = 20;
const PAGES_MAX: usize = 10_000;

/// A row is smaller.
const PAYLOAD_MAX: usize = 64 << 20;

pub(super) struct Database {
    file: File,
    page_size: usize,
    /// The part of a page that has data.
    usable: usize,
}

/// A value in a row.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Number(i64),
    /// A text or a blob.
    Bytes(Vec<u8>),
    /// Nothing, or a fraction.
    Other,
}

impl Database {
    pub(super) fn open(path: &Path) -> Option<Self> {
        let file = File::open(path).ok()?;
        let mut header = [0; HEADER];
        file.read_exact_at(&mut header, 0).ok()?;
        let [high, low] = *header.get(16..18)? else { return None };
        let page_size = match u16::from_be_bytes([high, low]) {
            1 => 1 << 16,
            size => usize::from(size),
        };
        let usable = page_size.checked_sub(usize::from(*header.get(20)?))?;
        let is_known = header.starts_with(MAGIC) && page_size >= 512 && usable >= 480;
        is_known.then_some(Self { file, page_size, usable })
    }

    /// The first page of a table or an index, from the table of them all, which is on page 1. Its
    /// columns: type, name, table, page, text.
    pub(super) fn root(&self, name: &str) -> Option<u32> {
        let mut root = None;
        self.visit(1, &mut |page| {
            for cell in page.cells().filter(|_| page.kind() == TABLE_LEAF) {
                let row = page.leaf(cell).and_then(|(_, payload)| record(&payload));
                let row = row.unwrap_or_default();
                if let (Some(Value::Bytes(found)), Some(Value::Number(number))) =
                    (row.get(1), row.get(3))
                    && found == name.as_bytes()
                {
                    root = u32::try_from(*number).ok();
                }
            }
        });
        root
    }

    /// The row of a number.
    pub(super) fn row(&self, root: u32, number: i64) -> Option<Vec<Value>> {
        let mut next = root;
        for _ in 0..DEPTH_MAX {
            let page = self.page(next)?;
            if page.kind() == TABLE_LEAF {
                let mut cells = page.cells();
                let payload = cells.find_map(|cell| {
                    page.leaf_of(cell, number).then(|| page.leaf(cell))?.map(|(_, payload)| payload)
                })?;
                return record(&payload);
            }
            // Left children have the numbers up to that of their cell.
            let child = page.cells().find_map(|cell| {
                let (key, _) = varint(page.bytes.get(cell + 4..)?)?;
                (number <= key).then(|| page.word(cell))?
            });
            next = child.or_else(|| page.last_child())?;
        }
        None
    }

    /// The numbers of the rows that an index has for a text.
    pub(super) fn rows_of(&self, index: u32, key: &[u8]) -> Vec<i64> {
        let mut rows = Vec::new();
        let mut pages_left = PAGES_MAX;
        let mut waiting = vec![(index, 0)];
        while let Some((number, depth)) = waiting.pop() {
            let Some(page) = self.page(number).filter(|_| depth < DEPTH_MAX && pages_left > 0)
            else {
                continue;
            };
            pages_left -= 1;
            let interior = page.kind() == INDEX_INTERIOR;
            if !interior && page.kind() != INDEX_LEAF {
                continue;
            }
            let mut after_all = true;
            for cell in page.cells() {
                let Some(entry) = page.entry(cell, interior) else { continue };
                let (order, row) = compare(&entry, key);
                if order != Ordering::Less && interior {
                    waiting.extend(page.word(cell).map(|child| (child, depth + 1)));
                }
                match order {
                    Ordering::Less => {}
                    Ordering::Equal => rows.extend(row),
                    Ordering::Greater => {
                        after_all = false;
                        break;
                    }
                }
            }
            if interior && after_all {
                waiting.extend(page.last_child().map(|child| (child, depth + 1)));
            }
        }
        rows
    }

    /// Calls `each` with all pages of a table.
    fn visit(&self, root: u32, each: &mut dyn FnMut(&Page<'_>)) {
        let mut waiting = vec![root];
        for _ in 0..PAGES_MAX {
            let Some(number) = waiting.pop() else { break };
            let Some(page) = self.page(number) else { continue };
            if page.kind() == TABLE_INTERIOR {
                waiting.extend(page.cells().filter_map(|cell| page.word(cell)));
                waiting.extend(page.last_child());
            }
            each(&page);
        }
    }

    fn page(&self, number: u32) -> Option<Page<'_>> {
        let start = u64::from(number.checked_sub(1)?) * self.page_size as u64;
        let mut bytes = vec![0; self.page_size];
        self.file.read_exact_at(&mut bytes, start).ok()?;
        bytes.truncate(self.usable);
        Some(Page { database: self, bytes, start: if number == 1 { HEADER } else { 0 } })
    }
}

struct Page<'a> {
    database: &'a Database,
    bytes: Vec<u8>,
    /// Where its header is.
    start: usize,
}

impl Page<'_> {
    fn kind(&self) -> u8 {
        self.bytes.get(self.start).copied().unwrap_or_default()
    }

    fn half(&self, at: usize) -> Option<usize> {
        let &[high, low] = self.bytes.get(at..at + 2)? else { return None };
        Some(usize::from(u16::from_be_bytes([high, low])))
    }

    fn word(&self, at: usize) -> Option<u32> {
        Some(u32::from_be_bytes(self.bytes.get(at..at + 4)?.try_into().ok()?))
    }

    fn last_child(&self) -> Option<u32> {
        self.word(self.start + 8)
    }

    /// Where the cells are.
    fn cells(&self) -> impl Iterator<Item = usize> {
        let count = self.half(self.start + 3).unwrap_or_default();
        let interior = matches!(self.kind(), INDEX_INTERIOR | TABLE_INTERIOR);
        let first = self.start + if interior { 12 } else { 8 };
        (0..count).map_while(move |index| self.half(first + 2 * index))
    }

    /// Whether a cell of a table's leaf is the row of this number.
    fn leaf_of(&self, cell: usize, number: i64) -> bool {
        let found = || {
            let rest = self.bytes.get(cell..)?;
            let (_, length) = varint(rest)?;
            Some(varint(rest.get(length..)?)?.0)
        };
        found() == Some(number)
    }

    /// The number and the row in a cell of a table's leaf.
    fn leaf(&self, cell: usize) -> Option<(i64, Vec<u8>)> {
        let rest = self.bytes.get(cell..)?;
        let (size, size_length) = varint(rest)?;
        let (number, number_length) = varint(rest.get(size_length..)?)?;
        let size = usize::try_from(size).ok()?;
        let payload =
            self.payload(cell + size_length + number_length, size, self.database.usable - 35)?;
        Some((number, payload))
    }

    /// The row in a cell of an index; in the interior, the number of a page is before it.
    fn entry(&self, cell: usize, interior: bool) -> Option<Vec<u8>> {
        let cell = cell + if interior { 4 } else { 0 };
        let (size, length) = varint(self.bytes.get(cell..)?)?;
        let most = (self.database.usable - 12) * 64 / 255 - 23;
        self.payload(cell + length, usize::try_from(size).ok()?, most)
    }

    /// Bytes of a row, which go on on other pages where there are more than `most`.
    fn payload(&self, at: usize, size: usize, most: usize) -> Option<Vec<u8>> {
        if size <= most {
            return self.bytes.get(at..at + size).map(<[u8]>::to_vec);
        }
        if size > PAYLOAD_MAX {
            return None;
        }
        let usable = self.database.usable;
        let least = (usable - 12) * 32 / 255 - 23;
        let here = least + (size - least) % (usable - 4);
        let here = if here <= most { here } else { least };
        let mut payload = self.bytes.get(at..at + here)?.to_vec();
        let mut next = self.word(at + here)?;
        while payload.len() < size {
            let page = self.database.page(next)?;
            let count = (size - payload.len()).min(usable - 4);
            payload.extend_from_slice(page.bytes.get(4..4 + count)?);
            next = Page { start: 0, ..page }.word(0)?;
        }
        Some(payload)
    }
}

/// How an entry of an index, a text and the number of a row, compares to a text.
fn compare(entry: &[u8], key: &[u8]) -> (Ordering, Option<i64>) {
    match record(entry).unwrap_or_default().as_slice() {
        [Value::Bytes(text), Value::Number(row), ..] => (text.as_slice().cmp(key), Some(*row)),
        // Numbers and nothing come before texts.
        _ => (Ordering::Less, None),
    }
}

/// The values of a row: the length of the types, the types, the values.
fn record(bytes: &[u8]) -> Option<Vec<Value>> {
    let (length, mut at) = varint(bytes)?;
    let length = usize::try_from(length).ok()?;
    let mut rest = bytes.get(length..)?;
    let mut values = Vec::new();
    while at < length {
        let (kind, taken) = varint(bytes.get(at..)?)?;
        at += taken;
        let kind = usize::try_from(kind).ok()?;
        let size = match kind {
            0 | 8..=11 => 0,
            1..=4 => kind,
            5 => 6,
            6 | 7 => 8,
            _ => (kind - 12) / 2,
        };
        let (value, after) = rest.split_at_checked(size)?;
        rest = after;
        values.push(match kind {
            8 => Value::Number(0),
            9 => Value::Number(1),
            1..=6 => Value::Number(number(value)),
            12.. => Value::Bytes(value.to_vec()),
            _ => Value::Other,
        });
    }
    Some(values)
}

/// A big-endian number with a sign.
fn number(bytes: &[u8]) -> i64 {
    let negative = bytes.first().is_some_and(|&byte| byte >= 0x80);
    bytes.iter().fold(if negative { -1 } else { 0 }, |number, &byte| number << 8 | i64::from(byte))
}

/// A number of seven bits a byte, and its length; the ninth byte has eight.
fn varint(bytes: &[u8]) -> Option<(i64, usize)> {
    let mut number = 0_i64;
    for (index, &byte) in bytes.iter().enumerate().take(9) {
        if index == 8 {
            return Some((number << 8 | i64::from(byte), 9));
        }
        number = number << 7 | i64::from(byte & 0x7f);
        if byte < 0x80 {
            return Some((number, index + 1));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_any_length() {
        for (bytes, expected) in [
            (&[0x7f][..], Some((127, 1))),
            (&[0x81, 0x00], Some((128, 2))),
            (&[0xff; 9], Some((-1, 9))),
            (&[0x80], None),
            (&[], None),
        ] {
            assert_eq!(varint(bytes), expected, "{bytes:x?}");
        }
        assert_eq!(number(&[0xff, 0xfe]), -2);
        assert_eq!(number(&[0x01, 0x00]), 256);
    }

    #[test]
    fn rows_of_values() {
        let row = [&[5, 1, 9, 17, 0][..], &[7], b"ab"].concat();
        let expected =
            [Value::Number(7), Value::Number(1), Value::Bytes(b"ab".to_vec()), Value::Other];
        assert_eq!(record(&row).unwrap(), expected);
        for end in 0..row.len() {
            assert_eq!(record(&row[..end]), None);
        }
    }
}
