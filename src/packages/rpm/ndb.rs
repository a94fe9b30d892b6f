//! `ndb`, rpm's own data base: slots of four words that say where each package's header is, from
//! `lib/backend/ndb/rpmpkg.c` of rpm 4.20. All numbers are little-endian.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

const MAGIC: &[u8] = b"RpmP";
const SLOT: &[u8] = b"Slot";
const BLOB: &[u8] = b"BlbS";

/// A page of slots; the first two slots of the first are the file's own header.
const PAGE: u64 = 4096;
const SLOT_SIZE: usize = 16;
const BLOCK: u64 = 16;

/// A header is smaller, and there are fewer pages of slots.
const BLOB_MAX: u32 = 64 << 20;
const PAGES_MAX: u32 = 4096;

/// Calls `each` with each header until it returns a break. Damaged headers are skipped.
pub(super) fn blobs(path: &Path, each: &mut dyn FnMut(&[u8]) -> bool) -> Option<()> {
    let file = File::open(path).ok()?;
    let start = bytes(&file, 0, 32)?;
    if !start.starts_with(MAGIC) {
        return None;
    }
    let pages = word(&start, 12)?.min(PAGES_MAX);
    for page in 0..pages {
        let slots = bytes(&file, u64::from(page) * PAGE, usize::try_from(PAGE).ok()?)?;
        for slot in slots.chunks_exact(SLOT_SIZE).filter(|slot| slot.starts_with(SLOT)) {
            let (Some(package), Some(block)) = (word(slot, 4), word(slot, 8)) else { continue };
            // A slot without a package is free.
            if package != 0
                && let Some(blob) = blob(&file, package, block)
                && !each(&blob)
            {
                return Some(());
            }
        }
    }
    Some(())
}

fn blob(file: &File, package: u32, block: u32) -> Option<Vec<u8>> {
    let start = u64::from(block) * BLOCK;
    let head = bytes(file, start, 16)?;
    let length = word(&head, 12)?;
    let is_it = head.starts_with(BLOB) && word(&head, 4) == Some(package) && length <= BLOB_MAX;
    is_it.then(|| bytes(file, start + 16, usize::try_from(length).ok()?))?
}

fn bytes(file: &File, at: u64, count: usize) -> Option<Vec<u8>> {
    // Not more than there is, whatever the file says.
    if at.checked_add(count as u64)? > file.metadata().ok()?.len() {
        return None;
    }
    let mut bytes = vec![0; count];
    file.read_exact_at(&mut bytes, at).ok()?;
    Some(bytes)
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file with one slot in use, written by the description of the format.
    fn database(blob: &[u8]) -> Vec<u8> {
        let words =
            |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>();
        let length = u32::try_from(blob.len()).unwrap();
        let mut file = [MAGIC, &words(&[0, 1, 1, 2, 0, 0, 0])].concat();
        file.extend([SLOT, &words(&[0, 0, 0])].concat());
        file.extend([SLOT, &words(&[1, 256, 3])].concat());
        file.resize(4096, 0);
        file.extend([BLOB, &words(&[1, 1, length]), blob].concat());
        file
    }

    fn read(bytes: &[u8]) -> Vec<Vec<u8>> {
        super::super::all_blobs(blobs, bytes)
    }

    #[test]
    fn blobs_of_used_slots() {
        let file = database(b"header");
        assert_eq!(read(&file), [b"header"]);
        for end in [0, 3, 32, 4095, 4100, file.len() - 1] {
            assert!(read(&file[..end]).is_empty(), "{end}");
        }
        assert!(read(b"SQLite format 3\0").is_empty());
    }
}
