//! Words of a command line.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use modutils::{Arguments, ModuleName, NAME_MAX, Pattern, is_path};

type Parameter = (Vec<u8>, Option<Vec<u8>>);

/// Arguments, separated by NULs: what is quoted for the kernel, a copy of the kernel's own way of
/// reading gives back.
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
    let Some(equals) = word.iter().position(|&byte| byte == b'=') else {
        return (word.to_vec(), None);
    };
    let value = &word[equals + 1..];
    let inner = value.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\""));
    (word[..equals].to_vec(), Some(inner.unwrap_or(value).to_vec()))
}

/// `parse_args` of `kernel/params.c` and `next_arg` of `lib/cmdline.c`, as they work: over a buffer
/// that ends with NUL, byte by byte, writing NULs into it. Only the loop over the words, for
/// which the kernel calls a function, collects them here.
fn kernel_reads(text: &[u8]) -> Vec<Parameter> {
    let isspace = |byte: u8| matches!(byte, 9..=13 | 32 | 160);
    let mut buffer = [text, b"\0\0"].concat();
    let until_nul = |buffer: &[u8], start: usize| {
        buffer[start..].iter().take_while(|&&byte| byte != 0).copied().collect::<Vec<_>>()
    };
    let mut parameters = Vec::new();
    let mut args = 0;
    while isspace(buffer[args]) {
        args += 1;
    }
    while buffer[args] != 0 {
        let (mut equals, mut in_quote, mut quoted) = (0, false, false);
        if buffer[args] == b'"' {
            args += 1;
            in_quote = true;
            quoted = true;
        }
        let mut i = 0;
        while buffer[args + i] != 0 {
            if isspace(buffer[args + i]) && !in_quote {
                break;
            }
            if equals == 0 && buffer[args + i] == b'=' {
                equals = i;
            }
            if buffer[args + i] == b'"' {
                in_quote = !in_quote;
            }
            i += 1;
        }
        let param = args;
        let mut value = None;
        if equals != 0 {
            buffer[args + equals] = 0;
            let mut start = args + equals + 1;
            if buffer[start] == b'"' {
                start += 1;
                if buffer[args + i - 1] == b'"' {
                    buffer[args + i - 1] = 0;
                }
            }
            value = Some(start);
        }
        if quoted && i > 0 && buffer[args + i - 1] == b'"' {
            buffer[args + i - 1] = 0;
        }
        if buffer[args + i] != 0 {
            buffer[args + i] = 0;
            args += i + 1;
        } else {
            args += i;
        }
        while isspace(buffer[args]) {
            args += 1;
        }
        let name = until_nul(&buffer, param);
        if value.is_none() && name == b"--" {
            break;
        }
        parameters.push((name, value.map(|start| until_nul(&buffer, start))));
    }
    parameters
}

/// A pattern and a name, separated by a NUL.
pub fn names(bytes: &[u8]) {
    let mut words = bytes.splitn(2, |&byte| byte == 0);
    let (pattern, name) = (words.next().unwrap_or(b""), words.next().unwrap_or(b""));
    let _ = is_path(OsStr::from_bytes(pattern));
    let path = Path::new(OsStr::from_bytes(name));
    if let Ok(found) = ModuleName::from_file_name(path) {
        assert!(found.as_bytes().len() <= NAME_MAX);
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
            name.is_empty() || name.len() > NAME_MAX || name.iter().any(|b| matches!(b, 0 | b'/'))
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
