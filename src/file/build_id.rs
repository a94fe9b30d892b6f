//! The build ID of a plain file, without reading the rest of the file.

use super::elf::ElfHeader;
use crate::note::{self, Words};

/// `SHT_NOTE` of elf.h.
const SHT_NOTE: u64 = 7;

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
        let notes = read(words.long(section, at)?, length)?;
        note::build_id(&notes, words.big_endian).map(<[u8]>::to_vec)
    })
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
}
