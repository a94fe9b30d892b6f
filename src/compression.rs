//! How module files are compressed.

/// A compression that distributions ship modules in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Compression {
    /// `.ko.gz`
    Gzip,
    /// `.ko.xz`
    Xz,
    /// `.ko.zst`
    Zstd,
}

/// Name in `/sys/module/compression` (`kernel/module/decompress.c`), magic bytes, file suffix.
const TABLE: &[(Compression, &str, &[u8], &str)] = &[
    (Compression::Gzip, "gzip", b"\x1f\x8b", ".gz"),
    (Compression::Xz, "xz", b"\xfd7zXZ\0", ".xz"),
    (Compression::Zstd, "zstd", b"\x28\xb5\x2f\xfd", ".zst"),
];

impl Compression {
    /// Returns the compression of a file that starts with these bytes.
    pub fn sniff(start: &[u8]) -> Option<Self> {
        TABLE.iter().find(|row| start.starts_with(row.2)).map(|row| row.0)
    }

    /// Returns the compression that the kernel calls by this name.
    pub fn from_kernel(name: &str) -> Option<Self> {
        TABLE.iter().find(|row| row.1 == name).map(|row| row.0)
    }

    /// Returns the kernel's name for it.
    pub fn as_str(self) -> &'static str {
        TABLE.iter().find(|row| row.0 == self).map_or("", |row| row.1)
    }

    /// Returns the end of the names of files in this compression.
    pub fn suffix(self) -> &'static str {
        TABLE.iter().find(|row| row.0 == self).map_or("", |row| row.3)
    }
}

/// The ends of module files' names: `.ko`, alone or with the suffix of a compression.
pub(crate) fn file_suffixes() -> impl Iterator<Item = String> {
    std::iter::once("").chain(TABLE.iter().map(|row| row.3)).map(|suffix| format!(".ko{suffix}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn magic_decides() {
        assert_eq!(Compression::sniff(b"\x1f\x8b\x08\0"), Some(Compression::Gzip));
        assert_eq!(Compression::sniff(b"\xfd7zXZ\0\0\x01"), Some(Compression::Xz));
        assert_eq!(Compression::sniff(b"\x28\xb5\x2f\xfd"), Some(Compression::Zstd));
        for other in [&b""[..], b"\x7fELF", b"\xfd7zXZ", b"\x1f"] {
            assert_eq!(Compression::sniff(other), None, "{other:?}");
        }
    }

    #[test]
    fn names_are_the_kernels() {
        for (compression, name, ..) in TABLE {
            assert_eq!(Compression::from_kernel(name), Some(*compression));
            assert_eq!(compression.as_str(), *name);
        }
        assert_eq!(Compression::from_kernel("lzma"), None);
    }
}
