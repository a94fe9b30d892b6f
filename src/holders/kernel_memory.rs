//! The memory of the kernel, as `/proc/kcore` shows it.

use std::fs::File;
use std::os::unix::fs::FileExt;

use crate::system::System;

/// More than the headers take, in bytes.
const HEADERS_MAX: usize = 16 << 10;

/// The memory of a kernel for 64-bit machines.
pub(super) struct KernelMemory {
    file: File,
    ranges: Vec<Range>,
}

/// Addresses, and where in the file they begin.
struct Range {
    address: u64,
    size: u64,
    offset: u64,
}

impl KernelMemory {
    /// None where it is not shown: without privilege, or in a locked-down kernel.
    pub(super) fn open(system: &System) -> Option<Self> {
        let file = File::open(system.kernel_core()).ok()?;
        let mut headers = vec![0; HEADERS_MAX];
        let length = file.read_at(&mut headers, 0).ok()?;
        headers.truncate(length);
        let ranges = ranges(&headers)?;
        Some(Self { file, ranges })
    }

    /// Reads at most `size` bytes from an address on; none if nothing is there.
    pub(super) fn read(&self, address: u64, size: u64) -> Option<Vec<u8>> {
        self.ranges.iter().find_map(|range| {
            let inside =
                address.checked_sub(range.address).filter(|inside| *inside < range.size)?;
            let size = usize::try_from(size.min(range.size - inside)).ok()?;
            let mut bytes = vec![0; size];
            let length = self.file.read_at(&mut bytes, range.offset.checked_add(inside)?).ok()?;
            bytes.truncate(length);
            Some(bytes)
        })
    }
}

/// The loadable segments of an ELF file of this machine's kind, see elf(5).
fn ranges(headers: &[u8]) -> Option<Vec<Range>> {
    const CLASS_64: u8 = 2;
    const LOADABLE: u32 = 1;
    if !headers.starts_with(b"\x7fELF") || headers.get(4) != Some(&CLASS_64) {
        return None;
    }
    let start = usize::try_from(word(headers, 32)?).ok()?;
    let size = usize::from(u16::from_ne_bytes(*headers.get(54..)?.first_chunk()?));
    let count = usize::from(u16::from_ne_bytes(*headers.get(56..)?.first_chunk()?));
    let rows = headers.get(start..)?.chunks_exact(size.max(1)).take(count);
    let loadable = rows.filter(|row| {
        let kind = row.first_chunk().copied().map(u32::from_ne_bytes);
        kind == Some(LOADABLE)
    });
    let ranges = loadable.filter_map(|row| {
        Some(Range { offset: word(row, 8)?, address: word(row, 16)?, size: word(row, 40)? })
    });
    Some(ranges.collect())
}

fn word(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::captured::Captured;

    /// A file with one program header, for the bytes after it at the address 0x1000.
    pub(in crate::holders) fn core(bytes: &[u8]) -> Vec<u8> {
        let mut file = b"\x7fELF\x02\x01\x01".to_vec();
        file.resize(64, 0);
        file[32..40].copy_from_slice(&64_u64.to_ne_bytes());
        file[54..56].copy_from_slice(&56_u16.to_ne_bytes());
        file[56..58].copy_from_slice(&1_u16.to_ne_bytes());
        file.extend(1_u32.to_ne_bytes());
        file.extend(0_u32.to_ne_bytes());
        let size = u64::try_from(bytes.len()).unwrap();
        let words: [u64; 6] = [120, 0x1000, 0, size, size, 1];
        file.extend(words.iter().flat_map(|word| word.to_ne_bytes()));
        file.extend(bytes);
        file
    }

    #[test]
    fn memory_by_address() {
        let root = Captured::new();
        root.write("proc/kcore", core(b"name"));
        let memory = KernelMemory::open(&root.system()).unwrap();
        assert_eq!(memory.read(0x1001, 9), Some(b"ame".to_vec()));
        assert_eq!(memory.read(0x1000, 2), Some(b"na".to_vec()));
        assert_eq!(memory.read(0x1004, 1), None);
        assert_eq!(memory.read(0, 1), None);
        root.write("proc/kcore", &core(b"name")[..50]);
        assert!(KernelMemory::open(&root.system()).is_none());
    }
}
