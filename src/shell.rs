//! Command lines for people to paste into a shell.

use std::ffi::OsStr;
use std::fmt::{self, Write};
use std::os::unix::ffi::OsStrExt;

/// A command line that a shell reads as it was composed, whatever is in its words.
///
/// What cannot be shown is in the notation `$'…'` of POSIX. A shell without that takes it for
/// another word, but for nothing else.
///
/// ```
/// use modutils::diagnosis::CommandLine;
///
/// let line = CommandLine::new("insmod").operands(["./hello.ko"]).word("greeting=it's me");
/// assert_eq!(line.to_string(), r"insmod ./hello.ko 'greeting=it'\''s me'");
/// assert_eq!(CommandLine::new("rmmod").operands(["-f"]).to_string(), "rmmod -- -f");
/// assert_eq!(CommandLine::new("umount").word("/a\nb").to_string(), r"umount $'/a\012b'");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandLine(String);

impl CommandLine {
    /// Starts with the name of a program.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        Self(quoted(program.as_ref().as_bytes()))
    }

    /// Adds an option or another word that the program must read as it is.
    #[must_use]
    pub fn word(mut self, word: impl AsRef<OsStr>) -> Self {
        self.0.push(' ');
        self.0.push_str(&quoted(word.as_ref().as_bytes()));
        self
    }

    /// Adds names or paths, behind `--` if the program would take one of them for an option.
    #[must_use]
    pub fn operands<W: AsRef<OsStr>>(self, words: impl IntoIterator<Item = W>) -> Self {
        let words: Vec<W> = words.into_iter().collect();
        // A dash alone is not an option: it stands for standard input.
        let is_option = |word: &W| {
            let word = word.as_ref().as_bytes();
            word.starts_with(b"-") && word != b"-"
        };
        let line = if words.iter().any(is_option) { self.word("--") } else { self };
        words.into_iter().fold(line, Self::word)
    }
}

impl fmt::Display for CommandLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Quotes a word for a text that is not a command, such as a step that names a file.
pub(crate) fn shell_word(word: impl AsRef<OsStr>) -> String {
    quoted(word.as_ref().as_bytes())
}

fn quoted(word: &[u8]) -> String {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-+,:@%=".contains(byte);
    // zsh looks for a program in place of a word that starts with `=`.
    let plain = !word.is_empty() && !word.starts_with(b"=") && word.iter().all(is_plain);
    match std::str::from_utf8(word) {
        Ok(text) if plain => text.to_owned(),
        Ok(text) if text.chars().all(shows) => format!("'{}'", text.replace('\'', r"'\''")),
        _ => in_octal(word),
    }
}

fn shows(character: char) -> bool {
    // Letters by their class, but invisible: the fillers of Hangul.
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
        b"=ls",
        b"~",
        b"\xff'\xfe",
        "caf\u{e9} \u{202e}".as_bytes(),
        "caf\u{e9}".as_bytes(),
        "\u{3164}".as_bytes(),
    ];

    fn read_by(shell: &str, word: &[u8]) -> Option<Vec<u8>> {
        let line = CommandLine::new("printf").word("%s.").operands([OsStr::from_bytes(word)]);
        Some(Command::new(shell).args(["-c", &line.to_string()]).output().ok()?.stdout)
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
