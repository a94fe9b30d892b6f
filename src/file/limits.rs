//! What a file may make us read. Names overlap in an ELF object's string table, so that a few
//! kilobytes can spell terabytes.

use std::ops::Range;

use object::read::ReadRef;

/// The longest name of a symbol or section, in bytes: `KSYM_NAME_LEN` of
/// `include/linux/kallsyms.h`, Linux 6.1. Longer ones are not read.
pub(super) const NAME_MAX: usize = 512;

/// The most symbols that are looked at, several times as many as the largest driver has.
pub(super) const SYMBOLS_MAX: usize = 1 << 18;

/// The most sections: `e_shnum`, which has 16 bits and, to the kernel, no extension.
pub(super) const SECTIONS_MAX: usize = u16::MAX as usize;

/// A file's bytes, in which the search for the end of a name stops at the longest possible name.
#[derive(Clone, Copy, Debug)]
pub(super) struct ShortNames<'data>(pub(super) &'data [u8]);

impl<'data> ReadRef<'data> for ShortNames<'data> {
    fn len(self) -> Result<u64, ()> {
        ReadRef::len(self.0)
    }

    fn read_bytes_at(self, offset: u64, size: u64) -> Result<&'data [u8], ()> {
        self.0.read_bytes_at(offset, size)
    }

    fn read_bytes_at_until(self, range: Range<u64>, delimiter: u8) -> Result<&'data [u8], ()> {
        let end = range.end.min(range.start.saturating_add(NAME_MAX as u64 + 1));
        self.0.read_bytes_at_until(range.start..end, delimiter)
    }
}

#[cfg(test)]
mod tests {
    use crate::error::ErrorKind;
    use crate::file::Image;

    /// The texts of a made-up object, one for sections and symbols: the second is the long one.
    const LONG: u32 = 1;
    const KNOWN: [&str; 2] = [".gnu.linkonce.this_module", ".modinfo"];

    /// An object with some sections and undefined symbols whose names start at the second text.
    fn object(long_name: usize, long_sections: usize, long_symbols: usize) -> Vec<u8> {
        let mut texts = b"\0".to_vec();
        texts.resize(1 + long_name, b'n');
        texts.push(0);
        let mut place = |text: &str| {
            let start = u32::try_from(texts.len()).unwrap();
            texts.extend_from_slice(text.as_bytes());
            texts.push(0);
            start
        };
        let [this_module, modinfo] = KNOWN.map(&mut place);
        let this = [&[0; 24][..], b"m", &[0; 39]].concat();
        let symbol = [&LONG.to_le_bytes()[..], &[0x10, 0, 0, 0], &[0; 16]].concat();
        let symbols = [&[0; 24][..], &symbol.repeat(long_symbols)].concat();

        let mut bytes = vec![0; 64];
        let mut sections = vec![0; 64];
        let mut section = |name: u32, kind: u32, data: &[u8], link: u32, entry: u64| {
            let (offset, size) = (bytes.len() as u64, data.len() as u64);
            bytes.extend_from_slice(data);
            let words = [name.to_le_bytes(), kind.to_le_bytes()].concat();
            let offsets = [2, 0, offset, size].map(u64::to_le_bytes).concat();
            let links = [link.to_le_bytes(), 1_u32.to_le_bytes()].concat();
            let rest = [8, entry].map(u64::to_le_bytes).concat();
            sections.extend([words, offsets, links, rest].concat());
        };
        section(0, 3, &texts, 0, 0);
        section(this_module, 1, &this, 0, 0);
        section(modinfo, 1, b"license=GPL\0", 0, 0);
        section(0, 2, &symbols, 1, 24);
        (0..long_sections).for_each(|_| section(LONG, 1, b"", 0, 0));

        let count = sections.len() / 64;
        let start = (bytes.len() as u64).to_le_bytes();
        // More than fit into the header are counted in the first section.
        let short = u16::try_from(count).unwrap_or(0);
        if short == 0 {
            sections[32..40].copy_from_slice(&(count as u64).to_le_bytes());
        }
        bytes.extend(sections);
        bytes[..20].copy_from_slice(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x01\0\x3e\0");
        bytes[40..48].copy_from_slice(&start);
        bytes[58..60].copy_from_slice(&64_u16.to_le_bytes());
        bytes[60..62].copy_from_slice(&short.to_le_bytes());
        bytes[62..64].copy_from_slice(&1_u16.to_le_bytes());
        bytes
    }

    #[test]
    fn names_that_overlap_are_not_multiplied() {
        let image = Image::new(object(super::NAME_MAX, 0, 3));
        assert_eq!(image.imports().unwrap().len(), 3);
        let image = Image::new(object(1 << 20, 0, 64));
        let read: usize = image.imports().unwrap().iter().map(|import| import.name.len()).sum();
        assert!(read <= image.bytes().len(), "{read} bytes of {}", image.bytes().len());
    }

    #[test]
    fn a_section_of_a_long_name_hides_no_other() {
        let image = Image::new(object(1 << 20, 1000, 1));
        assert_eq!(image.name().unwrap().as_bytes(), b"m");
        assert_eq!(image.check().unwrap_err().kind(), ErrorKind::Truncated);
    }

    #[test]
    fn as_many_sections_as_the_kernel_counts() {
        assert!(Image::new(object(1, super::SECTIONS_MAX - 5, 1)).check().is_ok());
        let error = Image::new(object(1, super::SECTIONS_MAX, 1)).check().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotAModule);
    }

    #[test]
    fn as_many_symbols_as_any_driver_has() {
        let image = Image::new(object(1, 0, super::SYMBOLS_MAX + 1000));
        assert!(image.imports().unwrap().len() <= super::SYMBOLS_MAX);
    }
}
