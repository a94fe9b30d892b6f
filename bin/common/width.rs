//! How much of a text fits in a line.

use unicode_width::UnicodeWidthChar;

/// Returns the start of a text that takes at most so many columns. East Asian characters and emoji
/// take two.
pub(crate) fn fitting(text: &str, mut columns: usize) -> &str {
    for (index, character) in text.char_indices() {
        match columns.checked_sub(character.width().unwrap_or_default()) {
            Some(left) => columns = left,
            None => return text.get(..index).unwrap_or_default(),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_of_two_columns() {
        assert_eq!(fitting("short", 80), "short");
        assert_eq!(fitting("short", 2), "sh");
        assert_eq!(fitting("x", 0), "");
        assert_eq!(fitting("\u{6f22}\u{5b57} \u{1f980}x", 5), "\u{6f22}\u{5b57} ");
        assert_eq!(fitting("\u{6f22}\u{5b57} \u{1f980}x", 7), "\u{6f22}\u{5b57} \u{1f980}");
        assert_eq!(fitting("e\u{301}\u{2764}x", 2), "e\u{301}\u{2764}");
    }
}
