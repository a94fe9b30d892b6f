//! Words of a command line that hold several parameters.
//!
//! Loaders up to kmod 33 handed the words to the kernel as they were, which split them at blanks:
//! `insmod lime.ko "path=/tmp/x format=lime"` is how manuals have it.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use crate::file::{Parameter, same_name};

/// Returns whether one of the words may hold several parameters.
pub fn has_blanks(words: &[impl AsRef<OsStr>]) -> bool {
    words.iter().any(|word| word.as_ref().as_bytes().contains(&b' '))
}

/// Takes a word apart if every piece behind a blank is `NAME` or `NAME=…` of a parameter that the
/// module declares; otherwise the blanks belong to the value, and the word is returned as it is.
pub fn split_parameters(word: &OsStr, declared: &[Parameter]) -> Vec<OsString> {
    let whole = || vec![word.to_owned()];
    let bytes = word.as_bytes();
    if bytes.contains(&b'"') {
        return whole();
    }
    let mut pieces = bytes.split(|&byte| byte == b' ').filter(|piece| !piece.is_empty());
    let Some(first) = pieces.next() else { return whole() };
    let is_parameter = |piece: &[u8]| {
        let name = piece.split(|&byte| byte == b'=').next().unwrap_or_default();
        declared.iter().any(|parameter| same_name(&parameter.name, name))
    };
    let rest: Vec<&[u8]> = pieces.collect();
    if rest.is_empty() || !first.contains(&b'=') || !rest.iter().all(|piece| is_parameter(piece)) {
        return whole();
    }
    std::iter::once(first).chain(rest).map(|piece| OsString::from_vec(piece.to_vec())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(word: &str) -> Vec<String> {
        let declared = ["path", "format", "dry_run"].map(Parameter::named);
        let pieces = split_parameters(word.as_ref(), &declared);
        pieces.into_iter().map(|piece| piece.into_string().unwrap()).collect()
    }

    #[test]
    fn words_with_several_parameters() {
        assert_eq!(split("path=/tmp/x format=lime"), ["path=/tmp/x", "format=lime"]);
        assert_eq!(
            split("path=/tmp/x  dry-run format=raw "),
            ["path=/tmp/x", "dry-run", "format=raw"]
        );
    }

    #[test]
    fn values_with_blanks() {
        for word in ["path=/a b", "path=/a format=x b", "path", "path=\"a format=b\"", "a b", " "] {
            assert_eq!(split(word), [word], "{word}");
        }
    }
}
