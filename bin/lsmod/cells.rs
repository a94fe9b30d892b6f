//! Facts as text.

use crate::common::unprintable::byte_escapes;
use crate::lsmod::facts::Fact;
use crate::lsmod::size;
use crate::lsmod::writing::{append, append_address, append_decimal, append_signed, is_plain};

/// How sizes are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sizes {
    Bytes,
    Human,
}

/// Appends a fact, without escapes.
pub(crate) fn write(text: &mut Vec<u8>, fact: &Fact<'_>, sizes: Sizes) {
    match fact {
        Fact::Nothing => {}
        Fact::Text(bytes) => append(text, bytes),
        Fact::Number(number) => append_signed(text, *number),
        Fact::Bytes(bytes) if sizes == Sizes::Human => size::append_human(text, *bytes),
        Fact::Bytes(bytes) => append_decimal(text, *bytes),
        Fact::Address(address) => append_address(text, *address),
        // As util-linux has it.
        Fact::Flag(flag) => text.push(if *flag { b'1' } else { b'0' }),
        Fact::Names(names) => {
            let names = names.iter().map(modutils::ModuleName::as_bytes);
            join(text, names, b',', append);
        }
        Fact::Words(words) => join(text, words, b',', |text, word| append(text, word)),
        Fact::Settings(settings) => join(text, settings, b' ', |text, (name, value)| {
            append(text, name);
            if let Some(value) = value {
                text.push(b'=');
                append(text, value);
            }
        }),
    }
}

fn join<T>(
    text: &mut Vec<u8>,
    parts: impl IntoIterator<Item = T>,
    between: u8,
    write: impl Fn(&mut Vec<u8>, T),
) {
    for (index, part) in parts.into_iter().enumerate() {
        if index > 0 {
            text.push(between);
        }
        write(text, part);
    }
}

/// Appends a fact without a blank, for programs that split lines at blanks.
pub(crate) fn write_solid(text: &mut Vec<u8>, fact: &Fact<'_>, sizes: Sizes) {
    let start = text.len();
    write(text, fact, sizes);
    let written = text.get(start..).unwrap_or_default();
    if !is_plain(written, *b" \\") {
        let written = text.split_off(start);
        append(text, solid(&written).as_bytes());
    }
}

fn solid(text: &[u8]) -> String {
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
        let mut text = Vec::new();
        for part in [&b"a b\\\xc3\xa9\n"[..], b"|plain"] {
            write_solid(&mut text, &Fact::Text(part.into()), Sizes::Human);
        }
        assert_eq!(text, b"a\\x20b\\x5c\\xc3\\xa9\\x0a|plain");
    }

    #[test]
    fn facts() {
        let settings = vec![
            (b"n".to_vec(), Some(b"1,2".to_vec())),
            (b"s".to_vec(), Some(Vec::new())),
            (b"secret".to_vec(), None),
        ];
        let text = |fact: &Fact<'_>, sizes| {
            let mut text = Vec::new();
            write(&mut text, fact, sizes);
            text
        };
        for (fact, expected) in [
            (Fact::Nothing, &b""[..]),
            (Fact::Number(-1), b"-1"),
            (Fact::Bytes(16384), b"16K"),
            (Fact::Address(0xffff_ffff_c000_0000), b"0xffffffffc0000000"),
            (Fact::Flag(true), b"1"),
            (Fact::Words(vec![b"a".to_vec(), b"b".to_vec()]), b"a,b"),
            (Fact::Settings(settings), b"n=1,2 s= secret"),
        ] {
            assert_eq!(text(&fact, Sizes::Human), expected, "{fact:?}");
        }
        assert_eq!(text(&Fact::Bytes(16384), Sizes::Bytes), b"16384");
    }
}
