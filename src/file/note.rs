//! The note with the build ID, without reading the rest of a plain file.

use super::elf::ElfHeader;

/// `SHT_NOTE` and `NT_GNU_BUILD_ID` of elf.h.
const SHT_NOTE: u64 = 7;
const NT_GNU_BUILD_ID: u32 = 3;

/// Headers of so many sections are read, and so much of a section of notes.
const SECTIONS_MAX: u64 = 1 << 16;
const NOTES_MAX: u64 = 1 << 16;

/// Looks through the sections with notes of an object whose bytes `read` gets: as many from an
/// offset on as are asked for, if there are that many.
pub(super) fn build_id(read: &dyn Fn(u64, u64) -> Option<Vec<u8>>) -> Option<Vec<u8>> {
    let start = read(0, 64).or_else(|| read(0, 52))?;
    let header = ElfHeader::read(&start).ok()?;
    let big_endian = start.get(5) == Some(&2);
    let words = Words { is_64: header.is_64, big_endian };
    let (offset, size_of, count) =
        if header.is_64 { (0x28, 0x3a, 0x3c) } else { (0x20, 0x2e, 0x30) };
    let headers = words.long(&start, offset)?;
    let (size, count) = (words.number(&start, size_of, 2)?, words.number(&start, count, 2)?);
    let table = read(headers, size.checked_mul(count.min(SECTIONS_MAX))?)?;
    let (at, length) = if header.is_64 { (0x18, 0x20) } else { (0x10, 0x14) };
    let sections = table.chunks_exact(usize::try_from(size).ok().filter(|size| *size > 0)?);
    let mut notes = sections.filter(|section| words.number(section, 4, 4) == Some(SHT_NOTE));
    notes.find_map(|section| {
        let length = words.long(section, length)?.min(NOTES_MAX);
        find(&read(words.long(section, at)?, length)?, &words)
    })
}

/// Notes are three words, a name and a description, each filled up to four bytes.
fn find(notes: &[u8], words: &Words) -> Option<Vec<u8>> {
    let mut rest = notes;
    loop {
        let [name, description, kind] = [0, 4, 8]
            .map(|at| words.number(rest, at, 4).and_then(|size| usize::try_from(size).ok()));
        let (name, description, kind) = (name?, description?, kind?);
        let body = rest.get(12..)?;
        let padded = |size: usize| size.checked_next_multiple_of(4);
        let value = body.get(padded(name)?..)?;
        let is_it = u32::try_from(kind) == Ok(NT_GNU_BUILD_ID) && body.get(..name)? == b"GNU\0";
        if is_it {
            return value.get(..description).map(<[u8]>::to_vec);
        }
        rest = value.get(padded(description)?..)?;
    }
}

/// The note as it is in a file for this machine.
pub(super) fn of_build_id(id: &[u8]) -> Vec<u8> {
    let length = u32::try_from(id.len()).unwrap_or(u32::MAX);
    let words = [4, length, NT_GNU_BUILD_ID].map(u32::to_ne_bytes).concat();
    [&words, &b"GNU\0"[..], id].concat()
}

struct Words {
    is_64: bool,
    big_endian: bool,
}

impl Words {
    /// A number of some bytes.
    fn number(&self, bytes: &[u8], at: usize, size: usize) -> Option<u64> {
        let bytes = bytes.get(at..at.checked_add(size)?)?;
        let fold = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        Some(if self.big_endian {
            bytes.iter().fold(0, fold)
        } else {
            bytes.iter().rev().fold(0, fold)
        })
    }

    /// A number of the size of an address.
    fn long(&self, bytes: &[u8], at: usize) -> Option<u64> {
        self.number(bytes, at, if self.is_64 { 8 } else { 4 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file::Image;

    fn read_from(bytes: &[u8]) -> Option<Vec<u8>> {
        build_id(&|at, count| {
            let at = usize::try_from(at).ok()?;
            bytes.get(at..at.checked_add(usize::try_from(count).ok()?)?).map(<[u8]>::to_vec)
        })
    }

    #[test]
    fn the_same_as_from_the_whole_object() {
        let hello = std::fs::read("tests/fixtures/hello.ko").unwrap();
        let image = Image::new(hello.clone());
        assert_eq!(read_from(&hello).as_deref(), image.build_id());
        for end in 0..hello.len() {
            read_from(&hello[..end]);
        }
    }

    #[test]
    fn the_note_among_others() {
        let words = Words { is_64: true, big_endian: cfg!(target_endian = "big") };
        let other = [[4_u32, 3, 7].map(u32::to_ne_bytes).concat(), b"GNU\0abc\0".to_vec()].concat();
        let notes = [other, of_build_id(b"12345")].concat();
        assert_eq!(find(&notes, &words).as_deref(), Some(&b"12345"[..]));
        assert_eq!(find(&notes[..notes.len() - 1], &words), None);
        assert_eq!(find(b"", &words), None);
    }
}
