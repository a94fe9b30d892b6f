//! Module parameters as the one string that the kernel takes.
//!
//! The kernel splits it at white space outside of double quotes, knows no escape, and drops the
//! quotes around a value (`next_arg` in `lib/cmdline.c`). Each argument is therefore written in
//! the first form that a model of that function reads back as what was meant, and refused where
//! there is none.

use std::ffi::{CStr, CString, OsStr, OsString};
use std::fmt;
use std::os::unix::ffi::OsStrExt;

/// The parameters of a module, quoted for the kernel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arguments(pub(super) CString);

/// An argument that the kernel has no notation for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadArgument {
    argument: OsString,
    reason: &'static str,
}

impl Arguments {
    /// Joins `NAME=VALUE` and `NAME` arguments.
    ///
    /// A value that starts with a double quote is taken to be quoted already.
    ///
    /// ```
    /// let arguments = modutils::Arguments::new(["times=3", "greeting=good morning"])?;
    /// assert_eq!(arguments.as_c_str(), c"times=3 greeting=\"good morning\"");
    ///
    /// // The kernel has no escape: a blank outside of a pair of quotes would end the value.
    /// assert!(modutils::Arguments::new(["greeting=say \"good morning\""]).is_err());
    /// # Ok::<(), modutils::insert::BadArgument>(())
    /// ```
    ///
    /// # Errors
    /// The first argument that cannot be expressed.
    pub fn new<I>(arguments: I) -> Result<Self, BadArgument>
    where
        I: IntoIterator<Item: AsRef<OsStr>>,
    {
        let mut text = Vec::new();
        let mut arguments =
            arguments.into_iter().filter(|argument| !argument.as_ref().is_empty()).peekable();
        while let Some(argument) = arguments.next() {
            let argument = argument.as_ref();
            let after: &[u8] = if arguments.peek().is_some() { b" next" } else { b"" };
            if !text.is_empty() {
                text.push(b' ');
            }
            text.extend(
                quote(argument.as_bytes(), after)
                    .map_err(|reason| BadArgument { argument: argument.to_owned(), reason })?,
            );
        }
        match CString::new(text) {
            Ok(text) => Ok(Self(text)),
            Err(error) => Err(BadArgument {
                argument: OsStr::from_bytes(&error.into_vec()).to_owned(),
                reason: "it has a NUL byte",
            }),
        }
    }

    /// Returns the parameters as the kernel will parse them: name and value.
    pub fn iter(&self) -> impl Iterator<Item = (Vec<u8>, Option<Vec<u8>>)> {
        let mut rest = self.0.as_bytes();
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let ((name, value), after) = next_arg(rest);
            rest = after;
            Some((name.to_vec(), value.map(<[u8]>::to_vec)))
        })
    }

    /// Returns whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the string for the kernel.
    pub fn as_c_str(&self) -> &CStr {
        &self.0
    }
}

impl BadArgument {
    /// Returns the argument as it was given.
    pub fn argument(&self) -> &OsStr {
        &self.argument
    }

    /// Returns why it cannot be quoted.
    pub fn reason(&self) -> &'static str {
        self.reason
    }
}

impl fmt::Display for BadArgument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot pass '{}' to the kernel: {}", self.argument.display(), self.reason)
    }
}

impl std::error::Error for BadArgument {}

/// Quotes an argument so that the kernel reads it unchanged, and appends `after`.
fn quote(argument: &[u8], after: &[u8]) -> Result<Vec<u8>, &'static str> {
    if argument == b"--" {
        return Err("the kernel ignores all parameters after it");
    }
    // Quoted as a whole by the user: `"name=a b"`.
    if let Some(inner) = argument.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\""))
        && let (name, Some(value)) = split(inner)
        && !name.is_empty()
        && reads_back(argument, after, name, value)
    {
        return Ok(argument.to_vec());
    }
    let (name, value) = split(argument);
    if name.is_empty() {
        return Err("it has no parameter name before '='");
    }
    if name.iter().any(|&byte| is_space(byte) || byte == b'"') {
        return Err("a parameter name cannot contain spaces or quotes");
    }
    let Some(value) = value else {
        return Ok(argument.to_vec());
    };
    let meant = match value.strip_prefix(b"\"") {
        Some(inner) => inner
            .strip_suffix(b"\"")
            .ok_or("its value starts with a double quote and does not end with one")?,
        None => value,
    };
    let quoted = [name, b"=\"", meant, b"\""].concat();
    let risky = |&byte: &u8| is_space(byte) || byte >= 0x80;
    let mut forms = [argument.to_vec(), quoted];
    if argument.iter().any(risky) {
        forms.reverse();
    }
    forms
        .into_iter()
        .find(|form| reads_back(form, after, name, meant))
        .ok_or("the kernel has no way to escape a double quote")
}

fn split(argument: &[u8]) -> (&[u8], Option<&[u8]>) {
    match argument.iter().position(|&byte| byte == b'=') {
        Some(equals) => {
            let (name, value) = argument.split_at(equals);
            (name, value.get(1..))
        }
        None => (argument, None),
    }
}

/// Whether the kernel reads the text as this parameter, and the rest unchanged.
fn reads_back(text: &[u8], after: &[u8], name: &[u8], value: &[u8]) -> bool {
    let followed = [text, after].concat();
    let (first, rest) = next_arg(&followed);
    first == (name, Some(value)) && rest == after.strip_prefix(b" ").unwrap_or(after)
}

/// White space for the kernel's `isspace`: Latin-1, whatever the encoding.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r' | 0xa0)
}

type Parameter<'a> = (&'a [u8], Option<&'a [u8]>);

/// The first parameter of a text, and the rest: the model of the kernel's function.
fn next_arg(text: &[u8]) -> (Parameter<'_>, &[u8]) {
    let (text, quoted) = match text.strip_prefix(b"\"") {
        Some(rest) => (rest, true),
        None => (text, false),
    };
    let mut in_quote = quoted;
    let end = text
        .iter()
        .position(|&byte| {
            if byte == b'"' {
                in_quote = !in_quote;
            }
            is_space(byte) && !in_quote
        })
        .unwrap_or(text.len());
    let (token, rest) = text.split_at(end);
    let after = rest.iter().position(|&byte| !is_space(byte)).unwrap_or(rest.len());
    let rest = rest.get(after..).unwrap_or_default();

    let without_end = |bytes| <[u8]>::strip_suffix(bytes, b"\"").unwrap_or(bytes);
    let token = if quoted { without_end(token) } else { token };
    // An equals sign at the very start does not count.
    let parameter = match split(token) {
        (b"", Some(_)) => (token, None),
        (name, Some(value)) => {
            let unquoted = value.strip_prefix(b"\"").map(without_end);
            (name, Some(unquoted.unwrap_or(value)))
        }
        bare => bare,
    };
    (parameter, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(arguments: &[&str]) -> Result<String, String> {
        Arguments::new(arguments)
            .map(|arguments| arguments.0.into_string().unwrap())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn plain_arguments_pass_as_they_are() {
        assert_eq!(joined(&[]).unwrap(), "");
        assert_eq!(joined(&["a=1", "debug", "b=2,3"]).unwrap(), "a=1 debug b=2,3");
        assert_eq!(joined(&["", "a="]).unwrap(), "a=");
    }

    #[test]
    fn white_space_and_high_bytes_are_quoted() {
        assert_eq!(joined(&["s=a b"]).unwrap(), "s=\"a b\"");
        assert_eq!(joined(&["s='a b'"]).unwrap(), "s=\"'a b'\"");
        assert_eq!(joined(&["s=voilà"]).unwrap(), "s=\"voilà\"");
        assert_eq!(joined(&["s=\t"]).unwrap(), "s=\"\t\"");
    }

    #[test]
    fn quotes_that_are_there_are_kept() {
        assert_eq!(joined(&["s=\"a b\""]).unwrap(), "s=\"a b\"");
        assert_eq!(joined(&["s=a\"b\"c"]).unwrap(), "s=a\"b\"c");
        // One quote inside opens a quotation that would swallow what follows; quoting the whole
        // does not close it either, but an even number works out.
        assert!(joined(&["s=a\"b", "x=1"]).is_err());
        // Behind the last one there is nothing to swallow.
        assert_eq!(joined(&["x=1", "s=a\"b"]).unwrap(), "x=1 s=a\"b");
        assert_eq!(joined(&["s=a \"b"]).unwrap(), "s=\"a \"b\"");
        // Pairs that have the blanks inside of them work out, too.
        assert_eq!(joined(&["s=a\"b c\"d", "x=1"]).unwrap(), "s=a\"b c\"d x=1");
        assert_eq!(joined(&["\"s=a b\"", "x=1"]).unwrap(), "\"s=a b\" x=1");
        assert!(joined(&["s=\"a b\" x=1"]).is_err());
    }

    #[test]
    fn what_cannot_be_expressed_is_refused() {
        for bad in ["--", "=1", "a b=1", "s=a \"b c\"", "s=\"a b", "\"a b\"", "\"=1\"", "\"a=1"] {
            let error = joined(&[bad]).unwrap_err();
            assert!(error.starts_with(&format!("cannot pass '{bad}' to the kernel: ")), "{error}");
        }
    }

    #[test]
    fn the_model_follows_the_kernel() {
        for (text, expected) in [
            (&b"a=1 b"[..], ((&b"a"[..], Some(&b"1"[..])), &b"b"[..])),
            (b"cp=\"a b\" x", ((b"cp", Some(b"a b")), b"x")),
            (b"\"cp=a b\" x", ((b"cp", Some(b"a b")), b"x")),
            (b"cp=a\"b", ((b"cp", Some(b"a\"b")), b"")),
            (b"name =1", ((b"name", None), b"=1")),
            (b"=1", ((b"=1", None), b"")),
            (b"cp=voil\xc3\xa0 x", ((b"cp", Some(b"voil\xc3")), b"x")),
        ] {
            assert_eq!(next_arg(text), expected, "{}", text.escape_ascii());
        }
    }
}
