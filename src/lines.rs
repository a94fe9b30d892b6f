//! The lines of long lists.

use std::io::{ErrorKind, Read, Result};
use std::ops::ControlFlow;

use memchr::{memchr, memrchr};

/// How much is read at a time; no line is longer.
pub(crate) const PIECE: usize = 1 << 16;

/// Reads a list in pieces of whole lines, until `take` has enough.
///
/// # Errors
/// The error of reading it.
pub(crate) fn each_piece(
    list: &mut dyn Read,
    take: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
) -> Result<()> {
    let mut buffer = vec![0; PIECE];
    let mut held = 0;
    loop {
        let Some(free) = buffer.get_mut(held..) else { return Ok(()) };
        let read = match list.read(free) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            read => read?,
        };
        let text = buffer.get(..held + read).unwrap_or_default();
        // At the end, a line may lack its end.
        let whole = match memrchr(b'\n', text) {
            Some(end) if read > 0 => end + 1,
            _ if read == 0 || text.len() == PIECE => text.len(),
            _ => 0,
        };
        let (whole_lines, rest) = text.split_at(whole);
        if take(whole_lines).is_break() || read == 0 {
            return Ok(());
        }
        held = rest.len();
        buffer.copy_within(whole..whole + held, 0);
    }
}

/// Returns the lines of a text, without their ends.
pub(crate) fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut left = text;
    std::iter::from_fn(move || {
        if left.is_empty() {
            return None;
        }
        let end = memchr(b'\n', left).unwrap_or(left.len());
        let (line, rest) = left.split_at(end);
        left = rest.get(1..).unwrap_or_default();
        Some(line)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_and_without_an_end() {
        let all = |text: &'static [u8]| lines(text).collect::<Vec<_>>();
        assert_eq!(all(b"a\n\nbc"), [b"a".as_slice(), b"", b"bc"]);
        assert_eq!(all(b"a\n"), [b"a"]);
        assert!(all(b"").is_empty());
    }
}
