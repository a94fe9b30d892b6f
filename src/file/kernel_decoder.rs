//! What the kernel's own decoders take: less than the formats allow.
//!
//! From `kernel/module/decompress.c`, `lib/xz/xz_dec_stream.c` and `lib/zstd`. Asking the kernel to
//! decompress a stream that it refuses costs a line in its log and an EINVAL that cannot be told
//! from that of an init function, so it is not asked.

use super::Compression;

/// Whether the kernel can decompress a file that starts with these bytes, provided that it was
/// built with the decoder for it.
pub(super) fn reads(start: &[u8]) -> bool {
    let byte = |index: usize| start.get(index).copied().unwrap_or(0);
    match Compression::sniff(start) {
        // Of the optional header fields, only the file's name is understood.
        Some(Compression::Gzip) => byte(3) & !0x08 == 0,
        // No check, or CRC32. Plain xz(1) writes CRC64.
        Some(Compression::Xz) => byte(6) == 0 && matches!(byte(7), 0 | 1) && xz_filters(start),
        Some(Compression::Zstd) => zstd_window(start).is_some_and(|window| window <= 1 << 27),
        None => false,
    }
}

/// Whether the first block's filters are LZMA2, alone or after one for x86 code, which is what
/// kernels are built with: `dec_block_header` of `lib/xz/xz_dec_stream.c`.
fn xz_filters(start: &[u8]) -> bool {
    const LZMA2: u8 = 0x21;
    const X86: u8 = 0x04;
    let Some(header) = start.get(12..) else { return false };
    let Some((&[size, flags], mut rest)) = header.split_first_chunk::<2>() else {
        return false;
    };
    if size == 0 {
        // No block at all: an empty stream.
        return true;
    }
    // Two sizes, each a number of up to nine bytes of which the last has its high bit clear.
    for present in [0x40, 0x80] {
        if flags & present != 0 {
            let end = rest.iter().position(|byte| byte & 0x80 == 0).unwrap_or(rest.len());
            rest = rest.get(end + 1..).unwrap_or_default();
        }
    }
    match flags & 0x3f {
        0 => rest.first() == Some(&LZMA2),
        1 => rest.starts_with(&[X86, 0, LZMA2]),
        _ => false,
    }
}

/// The window size that a zstd frame asks for, from its header (RFC 8878, 3.1.1.1).
fn zstd_window(start: &[u8]) -> Option<u64> {
    let descriptor = *start.get(4)?;
    let single_segment = descriptor & 0x20 != 0;
    if !single_segment {
        let window = *start.get(5)?;
        let base = 1_u64 << (10 + (window >> 3));
        return Some(base + base / 8 * u64::from(window & 7));
    }
    // With a single segment, the window is the size of the content.
    let dictionary_id = [0, 1, 2, 4].get(usize::from(descriptor & 3)).copied()?;
    let (length, offset) = match descriptor >> 6 {
        0 => (1, 0),
        1 => (2, 256),
        2 => (4, 0),
        _ => (8, 0),
    };
    let field = start.get(5 + dictionary_id..)?.get(..length)?;
    let size = field.iter().rev().fold(0_u64, |size, &byte| size << 8 | u64::from(byte));
    Some(size.saturating_add(offset))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_with_a_name_only() {
        assert!(reads(b"\x1f\x8b\x08\x00"));
        assert!(reads(b"\x1f\x8b\x08\x08"));
        assert!(!reads(b"\x1f\x8b\x08\x04"));
        assert!(!reads(b"\x1f\x8b\x08\x10"));
    }

    #[test]
    fn xz_without_check_or_with_crc32() {
        for (check, readable) in [(0, true), (1, true), (4, false), (10, false)] {
            let mut start = vec![0xfd, b'7', b'z', b'X', b'Z', 0, 0, check];
            start.extend([0, 0, 0, 0, 2, 0, 0x21, 1, 0x16]);
            assert_eq!(reads(&start), readable, "{check}");
        }
    }

    #[test]
    fn xz_with_a_filter_for_x86_at_most() {
        for (block, readable) in [
            (&[2, 0, 0x21, 1, 0x16][..], true),
            (&[3, 1, 4, 0, 0x21, 1, 0x16], true),
            (&[3, 0xc1, 0x80, 0x01, 0x05, 4, 0, 0x21, 1], true),
            // For ARM code, a delta filter, and two filters before LZMA2.
            (&[3, 1, 7, 0, 0x21, 1, 0x16], false),
            (&[3, 1, 3, 1, 0, 0x21, 1, 0x16], false),
            (&[4, 2, 4, 0, 3, 1, 0, 0x21], false),
            (&[2], false),
        ] {
            let start = [b"\xfd7zXZ\0\0\x01\0\0\0\0", block].concat();
            assert_eq!(reads(&start), readable, "{block:?}");
        }
    }

    #[cfg(feature = "zstd")]
    #[test]
    fn zstd_with_a_window_that_fits() {
        let small = zstd::encode_all(&*vec![b'x'; 100_000], 3).unwrap();
        assert!(reads(&small));
        assert_eq!(zstd_window(b"\x28\xb5\x2f\xfd\x00\x58"), Some(1 << 21));
        // Window exponent 31, as `zstd --ultra --long=31` writes.
        assert!(!reads(b"\x28\xb5\x2f\xfd\x00\xa8"));
        // A single segment of 300 bytes.
        assert_eq!(zstd_window(b"\x28\xb5\x2f\xfd\x60\x2c\x00"), Some(300));
        assert!(!reads(b"\x28\xb5\x2f\xfd"));
    }
}
