//! The apparent format of a file that is not a module: a web page, an archive, a build's object.

/// As many bytes are looked at: an HTTP header in front of a module is shorter.
pub(super) const START: usize = 1 << 14;

/// Compressions that modules do not come in.
pub(super) fn foreign_compression(start: &[u8]) -> Option<&'static str> {
    const FORMATS: &[(&[u8], &str)] = &[
        (b"BZh", "bzip2"),
        (b"\x04\x22\x4d\x18", "lz4"),
        (b"\x02\x21\x4c\x18", "lz4"),
        (b"\x5d\x00\x00", "lzma"),
        (b"\x89LZO", "lzop"),
        (b"LZIP", "lzip"),
    ];
    FORMATS.iter().find(|(magic, _)| start.starts_with(magic)).map(|(_, name)| *name)
}

const ELF: &[u8] = b"\x7fELF";

const KINDS: &[(&[u8], &str)] = &[
    (b"version https://git-lfs", "it is a Git LFS pointer; the real file was not fetched"),
    (b"PK\x03\x04", "it is a zip archive"),
    (b"!<arch>", "it is a package or a static library"),
    (b"\xed\xab\xee\xdb", "it is an RPM package"),
    (b"#!", "it is a script"),
    (b"\x1f\x8b", "it is compressed with gzip a second time"),
    (b"\xfd7zXZ", "it is compressed with xz a second time"),
    (b"\x28\xb5\x2f\xfd", "it is compressed with zstd a second time"),
    (b"BC\xc0\xde", "it is LLVM bitcode"),
];

/// Says what the start of a file looks like, as half a sentence.
pub(super) fn looks_like(start: &[u8]) -> String {
    if let Some((_, text)) = KINDS.iter().find(|(magic, _)| start.starts_with(magic)) {
        return (*text).to_owned();
    }
    let text = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start).trim_ascii_start();
    let begins =
        |word: &[u8]| text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
    if begins(b"HTTP/") {
        let header = "it begins with an HTTP header";
        let at = start.windows(ELF.len()).position(|part| part == ELF);
        return match at {
            Some(at) => format!("{header}; the module starts at byte {at}"),
            None => format!("{header}: it is the answer of a server, not a module"),
        };
    }
    let page: [&[u8]; 4] = [b"<!doctype", b"<html", b"<head", b"<?xml"];
    if page.into_iter().any(begins) {
        return "it is a web page".to_owned();
    }
    if start.get(257..262) == Some(b"ustar") {
        return "it is a tar archive".to_owned();
    }
    if start.starts_with(b"{") || begins(b"404") || begins(b"not found") {
        return "it is a text, most likely the answer of a server".to_owned();
    }
    if !start.is_empty() && start.iter().all(|&byte| byte == 0) {
        return "it starts with zeros; the copy is incomplete".to_owned();
    }
    let start = start.get(..8).unwrap_or(start);
    format!("it starts with \"{}\" instead of an ELF header", start.escape_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_load() {
        for (start, expected) in [
            (&b"<!DOCTYPE html>"[..], "it is a web page"),
            (b"\n  <HTML>", "it is a web page"),
            (
                b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n\x7fELF\x02",
                "it begins with an HTTP header; the module starts at byte 25",
            ),
            (b"\x28\xb5\x2f\xfd..", "it is compressed with zstd a second time"),
            (b"version https://git-lfs.github.com/spec/v1\n", "it is a Git LFS pointer"),
            (&[0; 64], "it starts with zeros; the copy is incomplete"),
            (b"MZ", "it starts with \"MZ\" instead of an ELF header"),
        ] {
            assert!(looks_like(start).starts_with(expected), "{}", looks_like(start));
        }
    }
}
