//! Words of a command line.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use modutils::loaded::Pattern;
use modutils::{Arguments, ModuleFile, ModuleName};

type Parameter = (Vec<u8>, Option<Vec<u8>>);

/// Arguments, separated by NULs: as quoted for the kernel, a model of the kernel's reading
/// gives back.
pub fn parameters(bytes: &[u8]) {
    let words: Vec<_> = bytes.split(|&byte| byte == 0).map(OsStr::from_bytes).collect();
    let Ok(arguments) = Arguments::new(&words) else { return };
    let meant: Vec<_> = words
        .iter()
        .map(|word| word.as_bytes())
        .filter(|word| !word.is_empty())
        .map(meaning)
        .collect();
    let read = kernel_reads(arguments.as_c_str().to_bytes());
    assert_eq!(read, meant, "{}", arguments.as_c_str().to_bytes().escape_ascii());
    assert_eq!(arguments.iter().collect::<Vec<_>>(), read);
    assert_eq!(arguments.is_empty(), read.is_empty());
}

/// What the user means by a word; quotes around a whole value are the user's own quoting.
fn meaning(word: &[u8]) -> Parameter {
    // So may be quotes around the whole word.
    let whole = word.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\""));
    let word = whole.unwrap_or(word);
    let Some(equals) = word.iter().position(|&byte| byte == b'=') else {
        return (word.to_vec(), None);
    };
    let value = &word[equals + 1..];
    if whole.is_some() {
        return (word[..equals].to_vec(), Some(value.to_vec()));
    }
    let inner = value.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\""));
    (word[..equals].to_vec(), Some(inner.unwrap_or(value).to_vec()))
}

/// A model of how the kernel takes a parameter string apart (`kernel/params.c`, `lib/cmdline.c`):
/// words end at white space outside of double quotes, the first `=` ends the name, and a quote is
/// dropped at the start of a word or of a value, with the one at the word's end.
fn kernel_reads(text: &[u8]) -> Vec<Parameter> {
    let mut parameters = Vec::new();
    let mut rest = text;
    loop {
        rest = &rest[rest.iter().take_while(|&&byte| is_separator(byte)).count()..];
        if rest.is_empty() {
            return parameters;
        }
        let quoted = rest[0] == b'"';
        let (word, after) = split_word(&rest[usize::from(quoted)..], quoted);
        rest = after;
        let parameter = take_apart(word, quoted);
        if parameter == (b"--".to_vec(), None) {
            return parameters;
        }
        parameters.push(parameter);
    }
}

/// White space in the kernel's opinion, which knows Latin-1.
fn is_separator(byte: u8) -> bool {
    byte == 0xa0 || byte == b' ' || (b'\t'..=b'\r').contains(&byte)
}

/// Splits at the first separator outside of quotes.
fn split_word(text: &[u8], quoted: bool) -> (&[u8], &[u8]) {
    let mut inside = quoted;
    let end = text.iter().position(|&byte| {
        inside ^= byte == b'"';
        !inside && is_separator(byte)
    });
    text.split_at(end.unwrap_or(text.len()))
}

fn take_apart(word: &[u8], quoted: bool) -> Parameter {
    let without_end = |text: &[u8]| text.strip_suffix(b"\"").unwrap_or(text).to_vec();
    let equals = word.iter().position(|&byte| byte == b'=').filter(|&at| at > 0);
    let Some(equals) = equals else {
        return (if quoted { without_end(word) } else { word.to_vec() }, None);
    };
    let (name, value) = (word[..equals].to_vec(), &word[equals + 1..]);
    let value = match value.strip_prefix(b"\"") {
        Some(inner) => without_end(inner),
        None if quoted => without_end(value),
        None => value.to_vec(),
    };
    (name, Some(value))
}

/// A pattern and a name, separated by a NUL.
pub fn names(bytes: &[u8]) {
    let mut words = bytes.splitn(2, |&byte| byte == 0);
    let (pattern, name) = (words.next().unwrap_or(b""), words.next().unwrap_or(b""));
    let _ = ModuleFile::is_named(OsStr::from_bytes(pattern));
    let path = Path::new(OsStr::from_bytes(name));
    if let Ok(found) = ModuleName::from_file_name(path) {
        assert!(found.as_bytes().len() <= ModuleName::MAX);
    }
    match ModuleName::new(name) {
        Ok(found) => {
            assert_eq!(found.as_bytes().len(), name.len());
            assert!(!found.as_bytes().iter().any(|byte| matches!(byte, 0 | b'-' | b'/')));
            // The naive way takes exponential time.
            if pattern.split(|&byte| byte == b'*').count() <= 4 && pattern.len() <= 24 {
                assert_eq!(
                    Pattern::new(pattern).matches(&found),
                    fits(pattern, found.as_bytes()),
                    "{} {}",
                    pattern.escape_ascii(),
                    name.escape_ascii()
                );
            }
        }
        Err(_) => assert!(
            matches!(name, b"" | b"." | b"..")
                || name.len() > ModuleName::MAX
                || name.iter().any(|b| matches!(b, 0 | b'/'))
        ),
    }
}

/// The definition of a pattern, as glob(7) words it.
fn fits(pattern: &[u8], name: &[u8]) -> bool {
    let fold = |byte: u8| if byte == b'-' { b'_' } else { byte };
    let Some((&first, after)) = pattern.split_first() else { return name.is_empty() };
    if first == b'*' {
        return (0..=name.len()).any(|count| fits(after, &name[count..]));
    }
    let Some((&byte, rest)) = name.split_first() else { return false };
    if first == b'?' {
        return fits(after, rest);
    }
    if first == b'['
        && let Some((members, negated, after)) = bracket(after)
    {
        return members.contains(&fold(byte)) != negated && fits(after, rest);
    }
    fold(first) == fold(byte) && fits(after, rest)
}

/// All bytes that a bracket expression stands for, whether it is negated, and what follows it.
fn bracket(text: &[u8]) -> Option<(Vec<u8>, bool, &[u8])> {
    let negated = matches!(text.first(), Some(b'!' | b'^'));
    let mut place = usize::from(negated);
    let start = place;
    let mut members = Vec::new();
    loop {
        let &byte = text.get(place)?;
        if byte == b']' && place > start {
            return Some((members, negated, &text[place + 1..]));
        }
        match (text.get(place + 1), text.get(place + 2)) {
            (Some(b'-'), Some(&high)) if high != b']' => {
                members.extend(byte..=high);
                place += 3;
            }
            _ => {
                members.push(if byte == b'-' { b'_' } else { byte });
                place += 1;
            }
        }
    }
}
