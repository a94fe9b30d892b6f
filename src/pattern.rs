//! Patterns of module names, as the shell has them for file names: see glob(7).

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use crate::name::ModuleName;

/// A pattern that stands for all module names of its form: `*` for any bytes, `?` for one,
/// `[a-z]` for one of a set, `[!a-z]` for one outside the set.
///
/// As in a name, `-` and `_` are one character. A `[` without a `]` stands for itself. There are
/// no quotes, because no module's name needs them.
///
/// ```
/// use modutils::ModuleName;
/// use modutils::loaded::Pattern;
///
/// let sound = Pattern::new("snd-*");
/// assert!(sound.matches(&ModuleName::new("snd_timer")?));
/// assert!(!sound.matches(&ModuleName::new("sound")?));
/// # Ok::<(), modutils::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Byte(u8),
    AnyByte,
    AnyBytes,
    OneOf(Vec<(u8, u8)>),
    NoneOf(Vec<(u8, u8)>),
}

impl Pattern {
    /// Returns whether a command line argument is a pattern rather than a name.
    pub fn is_pattern(argument: &OsStr) -> bool {
        argument.as_bytes().iter().any(|byte| b"*?[".contains(byte))
    }

    /// Parses a pattern. Every text is one, even if it stands for a single name only.
    pub fn new(text: impl AsRef<[u8]>) -> Self {
        let mut parts = Vec::new();
        let mut rest = text.as_ref();
        while let Some((&byte, after)) = rest.split_first() {
            rest = after;
            parts.push(match byte {
                b'?' => Part::AnyByte,
                // Several in a row say no more than one.
                b'*' if parts.last() == Some(&Part::AnyBytes) => continue,
                b'*' => Part::AnyBytes,
                b'[' => match set(after) {
                    Some((part, after)) => {
                        rest = after;
                        part
                    }
                    None => Part::Byte(b'['),
                },
                byte => Part::Byte(fold(byte)),
            });
        }
        Self(parts)
    }

    /// Returns whether it stands for this name.
    pub fn matches(&self, name: &ModuleName) -> bool {
        let (mut parts, mut bytes) = (self.0.as_slice(), name.as_bytes());
        // Where to go on when a later part does not fit: after the last `*`, which then takes one
        // byte more. Earlier ones need no second try, so that no pattern takes long.
        let mut retry = None;
        loop {
            match (parts.split_first(), bytes.split_first()) {
                (None, None) => return true,
                (Some((Part::AnyBytes, after)), _) => {
                    parts = after;
                    retry = Some((after, bytes));
                    continue;
                }
                (Some((part, parts_after)), Some((&byte, bytes_after))) if part.is(fold(byte)) => {
                    (parts, bytes) = (parts_after, bytes_after);
                    continue;
                }
                _ => {}
            }
            let Some((after_star, taken_from)) = retry else { return false };
            let Some((_, shorter)) = taken_from.split_first() else { return false };
            (parts, bytes) = (after_star, shorter);
            retry = Some((after_star, shorter));
        }
    }
}

impl Part {
    fn is(&self, byte: u8) -> bool {
        let within =
            |ranges: &[(u8, u8)]| ranges.iter().any(|(low, high)| (low..=high).contains(&&byte));
        match self {
            Self::Byte(own) => *own == byte,
            Self::AnyByte => true,
            Self::OneOf(ranges) => within(ranges),
            Self::NoneOf(ranges) => !within(ranges),
            // Takes any number of bytes, which is for the caller to arrange.
            Self::AnyBytes => false,
        }
    }
}

/// The set that follows a `[`, and what follows its `]`.
fn set(text: &[u8]) -> Option<(Part, &[u8])> {
    let (negated, mut rest) = match text {
        [b'!' | b'^', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    let mut ranges = Vec::new();
    loop {
        rest = match rest {
            // A `]` that comes first does not end the set: `[]a]` holds `]` and `a`.
            [b']', rest @ ..] if !ranges.is_empty() => {
                return Some((
                    if negated { Part::NoneOf(ranges) } else { Part::OneOf(ranges) },
                    rest,
                ));
            }
            [low, b'-', high, rest @ ..] if *high != b']' => {
                ranges.push((*low, *high));
                rest
            }
            [byte, rest @ ..] => {
                ranges.push((fold(*byte), fold(*byte)));
                rest
            }
            [] => return None,
        };
    }
}

fn fold(byte: u8) -> u8 {
    if byte == b'-' { b'_' } else { byte }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, name: &str) -> bool {
        Pattern::new(pattern).matches(&ModuleName::new(name).unwrap())
    }

    #[test]
    fn what_matches() {
        for (pattern, name) in [
            ("snd_*", "snd_hda_intel"),
            ("snd-*", "snd_hda_intel"),
            ("*", "a"),
            ("**", "a"),
            ("*_intel", "snd_hda_intel"),
            ("snd*a*l", "snd_hda_intel"),
            ("*a*b*c*", "xxaxbxbxcx"),
            ("?oop", "loop"),
            ("snd*", "snd"),
            ("t[0-9]", "t7"),
            ("t[!0-9]", "tx"),
            ("t[^0-9]", "tx"),
            ("t[]a]", "t]"),
            ("t[a-]", "t_"),
            ("t[", "t["),
            ("t[a", "t[a"),
            ("plain", "plain"),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn what_does_not() {
        for (pattern, name) in [
            ("snd_*", "soundcore"),
            ("snd_*", "snd"),
            ("?", "ab"),
            ("*a", "ab"),
            ("t[0-9]", "tx"),
            ("t[!0-9]", "t7"),
            ("t[0-9]", "t"),
            ("plain", "plain2"),
            ("", "a"),
        ] {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn many_stars_take_no_time() {
        assert!(!matches(&"*a".repeat(500), &"a".repeat(55)));
        assert!(!matches(&"*a*b".repeat(20), &"a".repeat(55)));
    }

    #[test]
    fn patterns_differ_from_names() {
        for (argument, is_pattern) in
            [("snd_*", true), ("a?", true), ("[ab]", true), ("a_b", false)]
        {
            assert_eq!(Pattern::is_pattern(OsStr::new(argument)), is_pattern, "{argument}");
        }
    }
}
