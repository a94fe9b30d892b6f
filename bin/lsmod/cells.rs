//! Facts as text.

use crate::common::unprintable::byte_escapes;
use crate::lsmod::facts::Fact;
use crate::lsmod::size;

/// How sizes are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sizes {
    Bytes,
    Human,
}

/// Returns a fact as text, without escapes.
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
        Fact::Words(words) => words.join(&b','),
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

/// Text without a blank, for programs that split lines at blanks.
pub(crate) fn solid(text: &[u8]) -> String {
    let mut solid = String::with_capacity(text.len());
    for &byte in text {
        if byte.is_ascii_graphic() && byte != b'\\' {
            solid.push(char::from(byte));
        } else {
            byte_escapes(&mut solid, &[byte]);
        }
    }
    solid
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn solid_text_has_no_blanks() {
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
