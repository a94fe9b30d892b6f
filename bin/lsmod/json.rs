//! `--json`: one document, `{"modules":[…]}`, an object for each module.

use modutils::loaded::LoadedModule;
use serde_json::Value;

use crate::lsmod::columns::Column;
use crate::lsmod::facts::{Fact, Facts};
use crate::lsmod::writing::{
    append, append_address, append_decimal, append_signed, append_start, is_plain,
};

/// Returns the document, with records of the names that match no loaded module.
///
/// Written by hand: a serializer takes several times as long for the rows.
pub(crate) fn document(
    modules: &[&LoadedModule],
    columns: &[Column],
    facts: &Facts<'_>,
    absent: &[Value],
) -> Result<Vec<u8>, serde_json::Error> {
    let befores = std::iter::once('{').chain(std::iter::repeat(','));
    let keys: Vec<_> =
        columns.iter().zip(befores).map(|(column, before)| Key::new(*column, before)).collect();
    let mut text = b"{\"modules\":[".to_vec();
    for (index, module) in modules.iter().enumerate() {
        if index > 0 {
            text.push(b',');
        }
        for key in &keys {
            append_start(&mut text, &key.block, key.length);
            value(&mut text, &facts.fact(module, key.column))?;
        }
        text.push(b'}');
    }
    text.push(b']');
    if !absent.is_empty() {
        text.extend_from_slice(b",\"not-loaded\":");
        serde_json::to_writer(&mut text, absent)?;
    }
    text.extend_from_slice(b"}\n");
    Ok(text)
}

/// A column, with what stands before its value.
struct Key {
    column: Column,
    /// Longer than each key.
    block: [u8; 16],
    length: usize,
}

impl Key {
    fn new(column: Column, before: char) -> Self {
        let text = format!("{before}\"{}\":", column.heading().to_ascii_lowercase());
        let mut block = [b' '; 16];
        for (place, byte) in block.iter_mut().zip(text.bytes()) {
            *place = byte;
        }
        Self { column, block, length: text.len() }
    }
}

/// Returns the document for an unreadable list of modules.
pub(crate) fn failure(
    message: &str,
    cause: Option<Cause<'_>>,
) -> Result<Vec<u8>, serde_json::Error> {
    let mut text =
        serde_json::to_vec(&Document { modules: (), error: Failure { message, cause } })?;
    text.push(b'\n');
    Ok(text)
}

/// Returns the document for a command line with a mistake in it.
pub(crate) fn of_mistake(message: &str) -> Vec<u8> {
    // Neither numbers nor keys that could fail.
    failure(message, None).unwrap_or_default()
}

#[derive(serde::Serialize)]
struct Document<'a> {
    /// Null.
    modules: (),
    error: Failure<'a>,
}

#[derive(serde::Serialize)]
struct Failure<'a> {
    message: &'a str,
    cause: Option<Cause<'a>>,
}

/// Why there is no list, as `insmod` and `rmmod` have it for a module.
#[derive(serde::Serialize)]
pub(crate) struct Cause<'a> {
    /// One of their words.
    pub(crate) kind: &'static str,
    pub(crate) text: &'a str,
}

fn value(text: &mut Vec<u8>, fact: &Fact<'_>) -> Result<(), serde_json::Error> {
    match fact {
        Fact::Nothing => append(text, b"null"),
        Fact::Text(bytes) => string(text, bytes)?,
        Fact::Number(number) => append_signed(text, *number),
        Fact::Bytes(bytes) => append_decimal(text, *bytes),
        Fact::Address(address) => {
            text.push(b'"');
            append_address(text, *address);
            text.push(b'"');
        }
        Fact::Flag(flag) => append(text, if *flag { b"true" } else { b"false" }),
        Fact::Names(names) => {
            let names = names.iter().map(modutils::ModuleName::as_bytes);
            list(text, *b"[]", names, string)?;
        }
        Fact::Words(words) => list(text, *b"[]", words, |text, word| string(text, word))?,
        Fact::Settings(settings) => list(text, *b"{}", settings, |text, (name, value)| {
            string(text, name)?;
            text.push(b':');
            match value {
                Some(value) => string(text, value)?,
                None => append(text, b"null"),
            }
            Ok(())
        })?,
    }
    Ok(())
}

fn list<T>(
    text: &mut Vec<u8>,
    [open, close]: [u8; 2],
    parts: impl IntoIterator<Item = T>,
    write: impl Fn(&mut Vec<u8>, T) -> Result<(), serde_json::Error>,
) -> Result<(), serde_json::Error> {
    text.push(open);
    for (index, part) in parts.into_iter().enumerate() {
        if index > 0 {
            text.push(b',');
        }
        write(text, part)?;
    }
    text.push(close);
    Ok(())
}

/// JSON has no text but Unicode.
fn string(text: &mut Vec<u8>, bytes: &[u8]) -> Result<(), serde_json::Error> {
    if !is_plain(bytes, *b"\"\\") {
        return serde_json::to_writer(text, &String::from_utf8_lossy(bytes));
    }
    text.push(b'"');
    append(text, bytes);
    text.push(b'"');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use modutils::{Snapshot, System};
    use std::borrow::Cow;
    use std::collections::HashMap;

    #[test]
    fn each_kind_of_fact() {
        let settings = vec![(b"n".to_vec(), None), (b"m".to_vec(), Some(b"1\n".to_vec()))];
        for (fact, expected) in [
            (Fact::Nothing, "null"),
            (Fact::Text(Cow::Borrowed(b"a\"\xff")), "\"a\\\"\u{fffd}\""),
            (Fact::Number(-1), "-1"),
            (Fact::Bytes(16384), "16384"),
            (Fact::Address(0xc000), "\"0x000000000000c000\""),
            (Fact::Names(Cow::Owned(Vec::new())), "[]"),
            (Fact::Flag(false), "false"),
            (Fact::Words(vec![b"a".to_vec(), b"b".to_vec()]), "[\"a\",\"b\"]"),
            (Fact::Settings(settings), "{\"n\":null,\"m\":\"1\\n\"}"),
        ] {
            let mut text = Vec::new();
            value(&mut text, &fact).unwrap();
            assert_eq!(String::from_utf8(text).unwrap(), expected, "{fact:?}");
        }
    }

    #[test]
    fn keys_fit() {
        for column in Column::all() {
            let mut text = Vec::new();
            let key = Key::new(column, ',');
            append_start(&mut text, &key.block, key.length);
            let heading = column.heading().to_ascii_lowercase();
            assert_eq!(text, format!(",\"{heading}\":").as_bytes());
        }
    }

    fn of_rows(rows: &str, absent: &[Value]) -> String {
        let snapshot = Snapshot::parse(rows.as_bytes()).unwrap();
        let system = System::at("/nonexistent");
        let facts = Facts::new(&system, &snapshot, HashMap::new());
        let modules: Vec<_> = snapshot.modules().iter().collect();
        let columns = [Column::Name, Column::Refcnt, Column::UsedBy];
        String::from_utf8(document(&modules, &columns, &facts, absent).unwrap()).unwrap()
    }

    #[test]
    fn documents() {
        assert_eq!(of_rows("", &[]), "{\"modules\":[]}\n");
        assert_eq!(
            of_rows("a 1 1 b, Live 0x0\nb 1 - - Live 0x0\n", &[serde_json::json!({"name": "c"})]),
            "{\"modules\":[{\"name\":\"a\",\"refcnt\":1,\"used-by\":[\"b\"]},\
             {\"name\":\"b\",\"refcnt\":null,\"used-by\":[]}],\"not-loaded\":[{\"name\":\"c\"}]}\n"
        );
    }

    #[test]
    fn a_failure_claims_nothing() {
        let text = String::from_utf8(failure("no", None).unwrap()).unwrap();
        assert_eq!(text, "{\"modules\":null,\"error\":{\"message\":\"no\",\"cause\":null}}\n");
        let cause = Cause { kind: "unknown", text: "why" };
        let text = String::from_utf8(failure("no", Some(cause)).unwrap()).unwrap();
        assert!(text.ends_with("\"cause\":{\"kind\":\"unknown\",\"text\":\"why\"}}}\n"), "{text}");
    }
}
