//! `--json`: one document, `{"modules":[…]}`, an object for each module.

use std::borrow::Cow;

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;

use crate::lsmod::columns::Column;
use crate::lsmod::facts::Fact;

/// One module: the facts of each column under its name.
pub(crate) struct Row {
    pub(crate) facts: Vec<(Column, Fact)>,
}

/// Returns the document, with records of the names that match no loaded module.
pub(crate) fn document(rows: &[Row], absent: &[Value]) -> Result<Vec<u8>, serde_json::Error> {
    text(&Document { modules: Some(rows), not_loaded: absent, error: None })
}

/// Returns the document for an unreadable list of modules.
pub(crate) fn failure(message: &str, cause: Option<&str>) -> Result<Vec<u8>, serde_json::Error> {
    text(&Document { modules: None, not_loaded: &[], error: Some(Failure { message, cause }) })
}

fn text(document: &Document<'_>) -> Result<Vec<u8>, serde_json::Error> {
    let mut text = serde_json::to_vec(document)?;
    text.push(b'\n');
    Ok(text)
}

#[derive(serde::Serialize)]
struct Document<'a> {
    modules: Option<&'a [Row]>,
    #[serde(rename = "not-loaded", skip_serializing_if = "<[Value]>::is_empty")]
    not_loaded: &'a [Value],
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Failure<'a>>,
}

#[derive(serde::Serialize)]
struct Failure<'a> {
    message: &'a str,
    cause: Option<&'a str>,
}

impl Serialize for Row {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(Some(self.facts.len()))?;
        for (column, fact) in &self.facts {
            object.serialize_entry(&column.heading().to_ascii_lowercase(), fact)?;
        }
        object.end()
    }
}

impl Serialize for Fact {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Nothing => serializer.serialize_none(),
            Self::Text(text) => serializer.serialize_str(&unicode(text)),
            Self::Number(number) => serializer.serialize_i64(*number),
            Self::Bytes(bytes) => serializer.serialize_u64(*bytes),
            Self::Flag(flag) => serializer.serialize_bool(*flag),
            Self::Names(names) => {
                serializer.collect_seq(names.iter().map(|name| unicode(name.as_bytes())))
            }
            Self::Words(words) => serializer.collect_seq(words.iter().map(|word| unicode(word))),
            Self::Settings(settings) => serializer.collect_map(
                settings.iter().map(|(name, value)| (unicode(name), value.as_deref().map(unicode))),
            ),
        }
    }
}

/// JSON has no other text.
fn unicode(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_fact() {
        let row = Row {
            facts: vec![
                (Column::Name, Fact::Text(b"a\"\xff".to_vec())),
                (Column::Size, Fact::Bytes(16384)),
                (Column::Refcnt, Fact::Nothing),
                (Column::UsedBy, Fact::Names(Vec::new())),
                (Column::Permanent, Fact::Flag(false)),
                (Column::Params, Fact::Settings(vec![(b"n".to_vec(), None)])),
            ],
        };
        let text = String::from_utf8(document(&[row], &[]).unwrap()).unwrap();
        assert_eq!(
            text,
            "{\"modules\":[{\"name\":\"a\\\"\u{fffd}\",\"size\":16384,\"refcnt\":null,\
             \"used-by\":[],\"permanent\":false,\"params\":{\"n\":null}}]}\n"
        );
    }

    #[test]
    fn a_failure_claims_nothing() {
        let text = String::from_utf8(failure("no", None).unwrap()).unwrap();
        assert_eq!(text, "{\"modules\":null,\"error\":{\"message\":\"no\",\"cause\":null}}\n");
    }
}
