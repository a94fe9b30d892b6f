//! The limits of the kernel's own decoders, which accept less than the formats allow.
//!
//! From `kernel/module/decompress.c`, `lib/xz/xz_dec_stream.c` and `lib/zstd`. Asking the kernel to
//! decompress a stream that it refuses costs a line in its log, and its EINVAL looks like that of
//! an init function, so it is not asked.

use super::Compression;

/// A filter that xz knows for the code of a processor: its number in the format, the part of the
/// kernel that undoes it, and the architecture that has it for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CodeFilter {
    id: u8,
    /// The option of the kernel's configuration.
    pub(crate) option: &'static str,
    /// How the architecture begins in the words of `uname -m`.
    pub(crate) architectures: &'static [&'static str],
}

/// From `dec_block_header` of `lib/xz/xz_dec_stream.c` and `lib/xz/Kconfig`, Linux 7.
const CODE_FILTERS: &[CodeFilter] = &[
    code_filter(4, "CONFIG_XZ_DEC_X86", &["x86", "i3", "i4", "i5", "i6"]),
    code_filter(5, "CONFIG_XZ_DEC_POWERPC", &["ppc"]),
    code_filter(7, "CONFIG_XZ_DEC_ARM", &["arm"]),
    code_filter(8, "CONFIG_XZ_DEC_ARMTHUMB", &["arm"]),
    code_filter(9, "CONFIG_XZ_DEC_SPARC", &["sparc"]),
    // Since Linux 6.12: the architecture alone does not show it.
    code_filter(10, "CONFIG_XZ_DEC_ARM64", &[]),
    code_filter(11, "CONFIG_XZ_DEC_RISCV", &[]),
];

const fn code_filter(
    id: u8,
    option: &'static str,
    architectures: &'static [&'static str],
) -> CodeFilter {
    CodeFilter { id, option, architectures }
}

/// Whether the kernel can decompress a file that starts with these bytes, provided that it was
/// built with the decoder for it.
pub(super) fn reads(start: &[u8], has_filter: impl FnOnce(CodeFilter) -> bool) -> bool {
    let byte = |index: usize| start.get(index).copied().unwrap_or(0);
    match Compression::sniff(start) {
        // Of the optional header fields, only the file's name is understood.
        Some(Compression::Gzip) => byte(3) & !0x08 == 0,
        // No check, or CRC32. Plain xz(1) writes CRC64.
        Some(Compression::Xz) => {
            byte(6) == 0
                && matches!(byte(7), 0 | 1)
                && match xz_filters(start) {
                    Filters::None => true,
                    Filters::Code(filter) => has_filter(filter),
                    Filters::Other => false,
                }
        }
        Some(Compression::Zstd) => zstd_window(start).is_some_and(|window| window <= 1 << 27),
        None => false,
    }
}

/// The filter that runs before LZMA2.
enum Filters {
    None,
    /// A filter that a kernel may support.
    Code(CodeFilter),
    /// A filter, or several, that no kernel supports.
    Other,
}

/// The filters of the first block.
fn xz_filters(start: &[u8]) -> Filters {
    const LZMA2: u8 = 0x21;
    let header = start.get(12..).and_then(<[u8]>::split_first_chunk::<2>);
    let Some((&[size, flags], mut rest)) = header else { return Filters::Other };
    if size == 0 {
        // No block at all: an empty stream.
        return Filters::None;
    }
    // Two sizes, each a number of up to nine bytes of which the last has its high bit clear.
    for present in [0x40, 0x80] {
        if flags & present != 0 {
            let end = rest.iter().position(|byte| byte & 0x80 == 0).unwrap_or(rest.len());
            rest = rest.get(end + 1..).unwrap_or_default();
        }
    }
    match (flags & 0x3f, rest) {
        (0, [LZMA2, ..]) => Filters::None,
        (1, [id, 0, LZMA2, ..]) => {
            let known = CODE_FILTERS.iter().copied().find(|filter| filter.id == *id);
            known.map_or(Filters::Other, Filters::Code)
        }
        _ => Filters::Other,
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
    // With a single segment, the window is the size of the decompressed data.
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

    /// By a kernel for x86.
    fn taken(start: &[u8]) -> bool {
        reads(start, |filter| filter.option == "CONFIG_XZ_DEC_X86")
    }

    #[test]
    fn gzip_with_a_name_only() {
        assert!(taken(b"\x1f\x8b\x08\x00"));
        assert!(taken(b"\x1f\x8b\x08\x08"));
        assert!(!taken(b"\x1f\x8b\x08\x04"));
        assert!(!taken(b"\x1f\x8b\x08\x10"));
    }

    #[test]
    fn xz_without_check_or_with_crc32() {
        for (check, readable) in [(0, true), (1, true), (4, false), (10, false)] {
            let mut start = vec![0xfd, b'7', b'z', b'X', b'Z', 0, 0, check];
            start.extend([0, 0, 0, 0, 2, 0, 0x21, 1, 0x16]);
            assert_eq!(taken(&start), readable, "{check}");
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
            assert_eq!(taken(&start), readable, "{block:?}");
        }
    }

    #[cfg(feature = "zstd")]
    #[test]
    fn zstd_with_a_window_that_fits() {
        let small = zstd::encode_all(&*vec![b'x'; 100_000], 3).unwrap();
        assert!(taken(&small));
        assert_eq!(zstd_window(b"\x28\xb5\x2f\xfd\x00\x58"), Some(1 << 21));
        // Window exponent 31, as `zstd --ultra --long=31` writes.
        assert!(!taken(b"\x28\xb5\x2f\xfd\x00\xa8"));
        // A single segment of 300 bytes.
        assert_eq!(zstd_window(b"\x28\xb5\x2f\xfd\x60\x2c\x00"), Some(300));
        assert!(!taken(b"\x28\xb5\x2f\xfd"));
    }
}
