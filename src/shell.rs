//! Words of the commands that are advised.

use std::ffi::OsStr;
use std::fmt::Write;
use std::os::unix::ffi::OsStrExt;

/// A name or a path as an operand in a command line for people to paste into a shell: quoted
/// unless it is plain, and behind `--` where a command would take it for an option.
///
/// What cannot be shown is in the notation `$'…'` of POSIX. A shell without that takes it for
/// another word, but for nothing else.
///
/// ```
/// use modutils::shell_word;
///
/// assert_eq!(shell_word("./hello.ko"), "./hello.ko");
/// assert_eq!(shell_word("it's; reboot"), r"'it'\''s; reboot'");
/// assert_eq!(shell_word("-f"), "-- -f");
/// assert_eq!(shell_word("a\nb"), r"$'a\012b'");
/// ```
pub fn shell_word(word: impl AsRef<OsStr>) -> String {
    let word = word.as_ref().as_bytes();
    // A dash alone is no option, but stands for standard input.
    let guard = if word.starts_with(b"-") && word != b"-" { "-- " } else { "" };
    format!("{guard}{}", quoted(word))
}

fn quoted(word: &[u8]) -> String {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-+,:@%".contains(byte);
    match std::str::from_utf8(word) {
        Ok(text) if !text.is_empty() && word.iter().all(is_plain) => text.to_owned(),
        Ok(text) if text.chars().all(shows) => format!("'{}'", text.replace('\'', r"'\''")),
        _ => in_octal(word),
    }
}

fn shows(character: char) -> bool {
    // Letters by their class that nobody sees: the fillers of Hangul.
    let filler = matches!(character, '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}');
    let letter = !character.is_ascii() && character.is_alphanumeric();
    matches!(character, ' '..='~') || letter && !filler
}

/// Neither a quote nor a backslash is left as it is: that would end the word early in a shell that
/// takes this for plain quotes.
fn in_octal(word: &[u8]) -> String {
    let mut text = String::from("$'");
    for &byte in word {
        if matches!(byte, b' '..=b'~') && !matches!(byte, b'\'' | b'\\') {
            text.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(text, "\\{byte:03o}");
        }
    }
    text.push('\'');
    text
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    const WORDS: &[&[u8]] = &[
        b"",
        b"-",
        b"-x.ko",
        b"--force",
        b"plain/hello-1.ko.xz",
        b"x; reboot #.ko",
        b"$(reboot)`reboot`",
        b"it's",
        b"a\\'; echo b #\n",
        b"\x1b[2J\\",
        b"a=b",
        b"~",
        b"\xff'\xfe",
        "caf\u{e9} \u{202e}".as_bytes(),
        "caf\u{e9}".as_bytes(),
        "\u{3164}".as_bytes(),
    ];

    fn read_by(shell: &str, word: &[u8]) -> Option<Vec<u8>> {
        let line = format!("printf '%s.' {}", shell_word(OsStr::from_bytes(word)));
        Some(Command::new(shell).args(["-c", &line]).output().ok()?.stdout)
    }

    #[test]
    fn a_shell_reads_the_same_word() {
        for word in WORDS {
            let guard: &[u8] = if word.len() > 1 && word[0] == b'-' { b"--." } else { b"" };
            let expected = [guard, word, b"."].concat();
            for shell in ["bash", "zsh"] {
                let read = read_by(shell, word);
                assert!(read.is_none_or(|read| read == expected), "{shell}: {word:?}");
            }
            // Not every sh knows each notation, but each takes it for words of printf.
            let read = read_by("sh", word).unwrap();
            assert!(read.ends_with(b".") && !read.is_empty(), "{word:?}");
        }
    }

    #[test]
    fn nothing_in_it_commands_a_terminal() {
        for word in WORDS {
            let word = shell_word(OsStr::from_bytes(word));
            assert!(!word.contains(char::is_control), "{word}");
            assert!(!word.contains('\u{3164}'), "{word}");
        }
    }
}
