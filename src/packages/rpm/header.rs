//! The header of a package: numbers of entries and of bytes, entries of four words, and the data
//! that they point into, from `lib/header.c` of rpm 4.20. All numbers are big-endian.

/// Tags of `rpmtag.h`.
const NAME: u32 = 1000;
const VERSION: u32 = 1001;
const RELEASE: u32 = 1002;
const ARCH: u32 = 1022;
const DIR_INDEXES: u32 = 1116;
const BASE_NAMES: u32 = 1117;
const DIR_NAMES: u32 = 1118;

const ENTRY: usize = 16;

pub(super) struct Header<'a> {
    entries: &'a [u8],
    data: &'a [u8],
}

impl<'a> Header<'a> {
    pub(super) fn parse(blob: &'a [u8]) -> Option<Self> {
        let (&count, rest) = blob.split_first_chunk::<4>()?;
        let (_, rest) = rest.split_first_chunk::<4>()?;
        let count = usize::try_from(u32::from_be_bytes(count)).ok()?;
        let (entries, data) = rest.split_at_checked(count.checked_mul(ENTRY)?)?;
        Some(Self { entries, data })
    }

    /// `NAME-VERSION-RELEASE.ARCHITECTURE`, as `rpm -q` prints it.
    pub(super) fn package(&self) -> String {
        let [name, version, release, arch] = [NAME, VERSION, RELEASE, ARCH].map(|tag| {
            let text = self.texts(tag).next().unwrap_or_default();
            String::from_utf8_lossy(text)
        });
        format!("{name}-{version}-{release}.{arch}")
    }

    /// The paths of its files.
    pub(super) fn files(&self, mut each: impl FnMut(&[u8])) {
        let directories: Vec<&[u8]> = self.texts(DIR_NAMES).collect();
        for (name, index) in self.texts(BASE_NAMES).zip(self.numbers(DIR_INDEXES)) {
            let directory = usize::try_from(index).ok().and_then(|index| directories.get(index));
            if let Some(directory) = directory {
                each(&[*directory, name].concat());
            }
        }
    }

    /// The number of values of a tag, and the data from where they are.
    fn find(&self, tag: u32) -> Option<(usize, &'a [u8])> {
        let entry =
            self.entries.chunks_exact(ENTRY).find(|entry| entry.starts_with(&tag.to_be_bytes()))?;
        let word = |at: usize| {
            let bytes = entry.get(at..at + 4)?.try_into().ok()?;
            usize::try_from(u32::from_be_bytes(bytes)).ok()
        };
        Some((word(12)?, self.data.get(word(8)?..)?))
    }

    fn texts(&self, tag: u32) -> impl Iterator<Item = &'a [u8]> {
        let (count, data) = self.find(tag).unwrap_or_default();
        data.split(|&byte| byte == 0).take(count)
    }

    fn numbers(&self, tag: u32) -> impl Iterator<Item = u32> {
        let (count, data) = self.find(tag).unwrap_or_default();
        let words = data.chunks_exact(4).take(count);
        words.map(|word| word.iter().fold(0, |number, &byte| number << 8 | u32::from(byte)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(values: &[(u32, u32, &[u8])]) -> Vec<u8> {
        let (mut entries, mut data) = (Vec::new(), Vec::new());
        for (tag, count, value) in values {
            let offset = u32::try_from(data.len()).unwrap();
            for word in [*tag, 0, offset, *count] {
                entries.extend(word.to_be_bytes());
            }
            data.extend_from_slice(value);
        }
        let sizes = [values.len(), data.len()].map(|size| u32::try_from(size).unwrap());
        [&sizes[0].to_be_bytes()[..], &sizes[1].to_be_bytes(), &entries, &data].concat()
    }

    #[test]
    fn files_of_a_package() {
        let blob = header(&[
            (NAME, 1, b"kernel-core\0"),
            (VERSION, 1, b"6.1\0"),
            (RELEASE, 1, b"2\0"),
            (ARCH, 1, b"x86_64\0"),
            (DIR_INDEXES, 3, &[0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9]),
            (BASE_NAMES, 3, b"a.ko\0b\0lost\0"),
            (DIR_NAMES, 2, b"/etc/\0/lib/\0"),
        ]);
        let header = Header::parse(&blob).unwrap();
        let mut files = Vec::new();
        header.files(|path| files.push(String::from_utf8_lossy(path).into_owned()));
        assert_eq!(header.package(), "kernel-core-6.1-2.x86_64");
        assert_eq!(files, ["/lib/a.ko", "/etc/b"]);
        for end in 0..blob.len() {
            if let Some(header) = Header::parse(&blob[..end]) {
                header.files(|_| {});
            }
        }
    }
}
