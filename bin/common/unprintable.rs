//! Characters that a terminal obeys, or that nobody sees.

/// Control characters; those that turn the direction of writing, so that a name reads as another;
/// and those without a width.
pub(crate) fn is_unprintable(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
        )
}

/// The text with all of them escaped.
pub(crate) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if is_unprintable(character) {
            escaped.extend(character.escape_default());
        } else {
            escaped.push(character);
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_shows_is_kept() {
        assert!("a é€漢🦀".chars().all(|character| !is_unprintable(character)));
        assert_eq!(escaped("a\u{1b}[2J\u{202e}"), "a\\u{1b}[2J\\u{202e}");
        assert!("\0\u{1b}\u{9b}\u{200b}\u{202e}\u{2066}\u{feff}".chars().all(is_unprintable));
    }
}
