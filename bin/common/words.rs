//! Options whose value stands in a word of its own.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

/// An option with a value, and whether a word looks like a value; otherwise it is the file.
type Valued = (&'static str, fn(&[u8]) -> bool);

const VALUED: &[Valued] = &[
    ("--explain", |value| matches!(value, b"always" | b"never" | b"auto")),
    ("--max-size", |value| value.first().is_some_and(u8::is_ascii_digit)),
];

/// [`joined`] for a whole command line, whose first word is the program.
pub(crate) fn joined_behind_program(mut argv: Vec<OsString>, ends_at_file: bool) -> Vec<OsString> {
    let words = argv.split_off(argv.len().min(1));
    argv.extend(joined(words, ends_at_file));
    argv
}

/// Writes `--explain always` as `--explain=always`, in front of `--` and, in `insmod`, of the file.
pub(crate) fn joined(words: Vec<OsString>, ends_at_file: bool) -> Vec<OsString> {
    let mut result: Vec<OsString> = Vec::with_capacity(words.len());
    let mut words = words.into_iter().peekable();
    while let Some(word) = words.next() {
        let is_end = word == "--" || ends_at_file && !word.as_bytes().starts_with(b"-");
        let value = words.next_if(|next| !is_end && is_value(&word, next));
        result.push(match value {
            Some(value) => {
                let mut joined = word;
                joined.push("=");
                joined.push(value);
                joined
            }
            None => word,
        });
        if is_end {
            break;
        }
    }
    result.extend(words);
    result
}

fn is_value(option: &OsStr, word: &OsStr) -> bool {
    VALUED.iter().any(|(name, fits)| option == *name && fits(word.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_in_words_of_their_own() {
        for (line, expected) in [
            ("--explain always x.ko", "--explain=always x.ko"),
            ("--max-size 2G --explain never x.ko", "--max-size=2G --explain=never x.ko"),
            ("--explain ./always.ko", "--explain ./always.ko"),
            ("x.ko --explain always", "x.ko --explain always"),
            ("-- --explain always", "-- --explain always"),
            ("--max-size", "--max-size"),
        ] {
            let words = line.split(' ').map(OsString::from).collect();
            let found = joined(words, true);
            assert_eq!(found.join(OsStr::new(" ")), expected);
        }
    }
}
