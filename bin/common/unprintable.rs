//! Characters that a terminal obeys, or that nobody sees.

use std::fmt::Write;

/// Control characters; those that turn the direction of writing, so that a name reads as another;
/// and those that show nothing, so that two names look alike: what Unicode calls default ignorable,
/// its separators of lines and paragraphs, and format controls for which there is no shape.
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

/// The text with all of them, and what is no UTF-8, as util-linux writes them: `\xNN` for each
/// byte.
pub(crate) fn escaped(text: &[u8]) -> String {
    rewritten(text, |character| is_unprintable(character).then(|| bytes_of(character)))
}

/// Bytes as `\xNN`.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 4);
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(text, "\\x{byte:02x}");
    }
    text
}

fn bytes_of(character: char) -> String {
    hexadecimal(character.encode_utf8(&mut [0; 4]).as_bytes())
}

fn rewritten(text: &[u8], escape: impl Fn(char) -> Option<String>) -> String {
    let mut shown = String::with_capacity(text.len());
    for chunk in text.utf8_chunks() {
        for character in chunk.valid().chars() {
            match escape(character) {
                Some(escape) => shown.push_str(&escape),
                None => shown.push(character),
            }
        }
        shown.push_str(&hexadecimal(chunk.invalid()));
    }
    shown
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
    fn what_is_obeyed_or_unseen_is_escaped() {
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
}
