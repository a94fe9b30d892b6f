//! Facts as text.

use std::fmt::Write;

use crate::common::unprintable::is_unprintable;
use crate::facts::Fact;
use crate::size;

/// How sizes are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sizes {
    Bytes,
    Human,
}

/// A fact as it is, not yet made fit for a table.
pub(crate) fn text(fact: &Fact, sizes: Sizes) -> Vec<u8> {
    match fact {
        Fact::Nothing => Vec::new(),
        Fact::Text(text) => text.clone(),
        Fact::Number(number) => number.to_string().into_bytes(),
        Fact::Bytes(bytes) if sizes == Sizes::Human => size::human(*bytes).into_bytes(),
        Fact::Bytes(bytes) => bytes.to_string().into_bytes(),
        // As util-linux has it.
        Fact::Flag(flag) => vec![if *flag { b'1' } else { b'0' }],
        Fact::Names(names) => {
            names.iter().map(modutils::ModuleName::as_bytes).collect::<Vec<_>>().join(&b',')
        }
        Fact::Settings(settings) => settings
            .iter()
            .map(|(name, value)| match value {
                Some(value) => [name.as_slice(), b"=", value].concat(),
                None => name.clone(),
            })
            .collect::<Vec<_>>()
            .join(&b' '),
    }
}

/// Text whose characters each take one place: what a terminal would obey or could not show is
/// written `\xNN`.
pub(crate) fn printable(text: &[u8]) -> String {
    let mut shown = String::with_capacity(text.len());
    for chunk in text.utf8_chunks() {
        for character in chunk.valid().chars() {
            if is_unprintable(character) {
                shown.push_str(&escaped(character.encode_utf8(&mut [0; 4]).as_bytes()));
            } else {
                shown.push(character);
            }
        }
        shown.push_str(&escaped(chunk.invalid()));
    }
    shown
}

/// Text without a blank, for programs that split lines at blanks.
pub(crate) fn solid(text: &[u8]) -> String {
    text.iter()
        .map(|&byte| match byte {
            b'\\' => escaped(&[byte]),
            byte if byte.is_ascii_graphic() => char::from(byte).to_string(),
            byte => escaped(&[byte]),
        })
        .collect()
}

fn escaped(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 4);
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(text, "\\x{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_escaped() {
        assert_eq!(printable(b"a b\x1b[31m\xff\xc3\xa9"), "a b\\x1b[31m\\xff\u{e9}");
        assert_eq!(printable("\u{9b}".as_bytes()), "\\xc2\\x9b");
        assert_eq!(solid(b"a b\\\xc3\xa9\n"), "a\\x20b\\x5c\\xc3\\xa9\\x0a");
    }

    #[test]
    fn facts() {
        let settings = vec![
            (b"n".to_vec(), Some(b"1,2".to_vec())),
            (b"s".to_vec(), Some(Vec::new())),
            (b"secret".to_vec(), None),
        ];
        for (fact, expected) in [
            (Fact::Nothing, &b""[..]),
            (Fact::Number(-1), b"-1"),
            (Fact::Bytes(16384), b"16K"),
            (Fact::Flag(true), b"1"),
            (Fact::Settings(settings), b"n=1,2 s= secret"),
        ] {
            assert_eq!(text(&fact, Sizes::Human), expected, "{fact:?}");
        }
        assert_eq!(text(&Fact::Bytes(16384), Sizes::Bytes), b"16384");
    }
}
