//! Characters that a terminal obeys, or that are invisible.

use std::fmt::Write;

/// Control characters; those that turn the direction of writing, so that a name reads as another;
/// and those that show nothing, so that two names look alike: what Unicode calls default ignorable,
/// its separators of lines and paragraphs, and format controls without a shape.
///
/// Combining marks are none of these: they show on the letter before them, and names have them.
pub(crate) fn is_unprintable(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}'
                | '\u{34f}'
                | '\u{61c}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{13430}'..='\u{1343f}'
                | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

/// Escapes them, and bytes that are not UTF-8, as util-linux does: `\xNN` for each
/// byte.
pub(crate) fn escaped(text: &[u8]) -> String {
    rewritten(text, is_unprintable, in_bytes)
}

/// Escapes a text of lines, but keeps its line breaks and tabs.
pub(crate) fn escaped_lines(text: &[u8]) -> String {
    rewritten(text, is_unprintable_in_lines, in_bytes)
}

/// Escapes a JSON document, with JSON's own escapes.
pub(crate) fn escaped_json(document: &[u8]) -> String {
    rewritten(document, is_unprintable_in_lines, in_units)
}

fn is_unprintable_in_lines(character: char) -> bool {
    is_unprintable(character) && !matches!(character, '\n' | '\t')
}

fn rewritten(text: &[u8], is_bad: fn(char) -> bool, escape: fn(&mut String, char)) -> String {
    let mut shown = String::with_capacity(text.len());
    for chunk in text.utf8_chunks() {
        for character in chunk.valid().chars() {
            if is_bad(character) {
                escape(&mut shown, character);
            } else {
                shown.push(character);
            }
        }
        byte_escapes(&mut shown, chunk.invalid());
    }
    shown
}

fn in_bytes(shown: &mut String, character: char) {
    byte_escapes(shown, character.encode_utf8(&mut [0; 4]).as_bytes());
}

fn in_units(shown: &mut String, character: char) {
    for unit in character.encode_utf16(&mut [0; 2]) {
        // Writing to a String cannot fail.
        let _ = write!(shown, "\\u{unit:04x}");
    }
}

/// Bytes as `\xNN`.
pub(crate) fn byte_escapes(shown: &mut String, bytes: &[u8]) {
    for byte in bytes {
        let _ = write!(shown, "\\x{byte:02x}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_shows_is_kept() {
        let shown = "a é€漢🦀e\u{301}";
        assert!(shown.chars().all(|character| !is_unprintable(character)));
        assert_eq!(escaped(shown.as_bytes()), shown);
    }

    #[test]
    fn controls_and_invisible_characters_are_escaped() {
        let controls = "\0\n\u{1b}\u{7f}\u{9b}";
        let directions = "\u{61c}\u{200f}\u{202e}\u{2066}";
        let unseen = "\u{ad}\u{34f}\u{115f}\u{200b}\u{2028}\u{3164}\u{fe0f}\u{feff}\u{ffa0}\
                      \u{fff9}\u{13430}\u{1d173}\u{e0041}\u{e0100}";
        for character in [controls, directions, unseen].concat().chars() {
            assert!(is_unprintable(character), "{character:?}");
        }
        assert_eq!(escaped(b"a b\x1b[31m\xff\xc3\xa9"), "a b\\x1b[31m\\xff\u{e9}");
        assert_eq!(escaped("\u{9b}\u{202e}".as_bytes()), "\\xc2\\x9b\\xe2\\x80\\xae");
    }

    #[test]
    fn lines_stay_lines() {
        let text = "a\u{1b}[2J:\r\n\tb\u{e0041}\n";
        assert_eq!(escaped(text.as_bytes()), "a\\x1b[2J:\\x0d\\x0a\\x09b\\xf3\\xa0\\x81\\x81\\x0a");
        assert_eq!(escaped_lines(text.as_bytes()), "a\\x1b[2J:\\x0d\n\tb\\xf3\\xa0\\x81\\x81\n");
    }

    #[test]
    fn json_stays_the_same_document() {
        let document = "{\"a\":\"\\n\u{9b}2J\u{e0041}\u{e9}\"}\n";
        let shown = escaped_json(document.as_bytes());
        assert_eq!(shown, "{\"a\":\"\\n\\u009b2J\\udb40\\udc41\u{e9}\"}\n");
        let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(value(&shown), value(document));
    }
}
