//! Notes: how an ELF object names its build.

/// `NT_GNU_BUILD_ID` of elf.h.
const NT_GNU_BUILD_ID: u32 = 3;

/// Finds the build ID among the notes of a section: each is three words, a name and a description,
/// both filled up to four bytes.
pub(crate) fn build_id(notes: &[u8], big_endian: bool) -> Option<&[u8]> {
    let words = Words { is_64: false, big_endian };
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
            return value.get(..description);
        }
        rest = value.get(padded(description)?..)?;
    }
}

/// The note as it is in a file for this machine.
pub(crate) fn of_build_id(id: &[u8]) -> Vec<u8> {
    let length = u32::try_from(id.len()).unwrap_or(u32::MAX);
    let words = [4, length, NT_GNU_BUILD_ID].map(u32::to_ne_bytes).concat();
    [&words, &b"GNU\0"[..], id].concat()
}

/// Numbers in the byte order and of the size that an ELF object has.
pub(crate) struct Words {
    pub(crate) is_64: bool,
    pub(crate) big_endian: bool,
}

impl Words {
    /// A number of some bytes.
    pub(crate) fn number(&self, bytes: &[u8], at: usize, size: usize) -> Option<u64> {
        let bytes = bytes.get(at..at.checked_add(size)?)?;
        let fold = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        Some(if self.big_endian {
            bytes.iter().fold(0, fold)
        } else {
            bytes.iter().rev().fold(0, fold)
        })
    }

    /// A number of the size of an address.
    pub(crate) fn long(&self, bytes: &[u8], at: usize) -> Option<u64> {
        self.number(bytes, at, if self.is_64 { 8 } else { 4 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_note_among_others() {
        let big_endian = cfg!(target_endian = "big");
        let other = [[4_u32, 3, 7].map(u32::to_ne_bytes).concat(), b"GNU\0abc\0".to_vec()].concat();
        let notes = [other, of_build_id(b"12345")].concat();
        assert_eq!(super::build_id(&notes, big_endian), Some(&b"12345"[..]));
        assert_eq!(super::build_id(&notes[..notes.len() - 1], big_endian), None);
        assert_eq!(super::build_id(b"", big_endian), None);
    }
}
