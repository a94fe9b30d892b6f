//! What `insmod --json` and `rmmod --json` print: one document, `{"results":[…]}`, with a record
//! for each module that was asked for.

use modutils::Errno;
use modutils::diagnosis::WayOut;
use serde::Serialize;
use serde_json::Value;

use super::output;
use super::status::Status;

/// The result for one module.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Record {
    /// The name that the kernel knows it by, as far as it is known.
    pub module: Option<String>,
    /// The file, as it was given.
    pub file: Option<String>,
    /// One word: `loaded`, `removed`, `already`, `would-load`, `would-remove`, `would-fail`, `held`
    /// or `failed`.
    pub outcome: &'static str,
    /// The exit status that this record alone would give.
    pub status: u8,
    /// The symbol of the system call's error.
    pub errno: Option<String>,
    /// The first line of the failure, after the name of the module.
    pub message: Option<String>,
    /// An object with `kind`, `text`, and the fields of the kind.
    pub cause: Option<Value>,
    /// What the kernel logged about it, verbatim.
    pub kernel_log: Vec<String>,
    /// Commands or steps that would help.
    pub fix: Vec<WayOut>,
    /// The holders of the module: objects with `kind` and the fields of that kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holders: Option<Vec<Value>>,
    /// References that no holder accounts for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unexplained: Option<i64>,
    /// References that were taken and dropped during a time: `milliseconds`, `lost` and `changes`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recorded: Option<Value>,
    /// Where the module is in its life: `live`, `loading`, `unloading`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// It can never be removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permanent: Option<bool>,
    /// Modules that were loaded before it: objects with `module` and `file`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dependencies: Vec<Value>,
    /// The steps of a replacement: objects with `action`, `module`, `file`, `outcome` and
    /// `milliseconds`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Value>,
    /// Warnings.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// Prints the document.
pub(crate) fn print(records: &[Record]) -> Result<(), Errno> {
    output::show_json(&document(records))
}

/// Returns the document for a command line with a mistake in it.
pub(crate) fn of_mistake(message: &str) -> Vec<u8> {
    let (message, status) = (Some(message.to_owned()), Status::Usage as u8);
    document(&[Record { outcome: "failed", status, message, ..Record::default() }])
}

fn document(records: &[Record]) -> Vec<u8> {
    #[derive(Serialize)]
    struct Document<'a> {
        results: &'a [Record],
    }
    // Neither numbers nor keys that could fail.
    let mut text = serde_json::to_vec(&Document { results: records }).unwrap_or_default();
    text.push(b'\n');
    text
}
