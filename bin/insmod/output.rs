//! Standard output: parameters, steps, and results as JSON.

use modutils::file::Parameter;
use serde::Serialize;

use super::options::Options;
use crate::common::output;
use crate::common::report::Reporter;
use crate::common::results::{self, Record};
use crate::common::status::Status;

/// Prints the result as JSON, if that is wanted.
pub(crate) fn result(
    record: Record,
    status: Status,
    options: &Options,
    reporter: &Reporter,
) -> Status {
    if !options.json {
        return status;
    }
    output::written(results::print(&[record]), reporter, status)
}

/// Prints the parameters of a module.
pub(crate) fn parameters(list: &[Parameter], options: &Options, reporter: &Reporter) -> Status {
    let written =
        if options.json { output::show_json(&document(list)) } else { output::show(&table(list)) };
    output::written(written, reporter, Status::Done)
}

#[derive(Serialize)]
struct Document {
    params: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    name: String,
    r#type: Option<String>,
    description: Option<String>,
}

fn document(parameters: &[Parameter]) -> Vec<u8> {
    let text = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).into_owned();
    let params = parameters
        .iter()
        .rev()
        .map(|parameter| Row {
            name: text(&parameter.name),
            r#type: parameter.kind.as_ref().map(text),
            description: parameter.description.as_ref().map(text),
        })
        .collect();
    // Neither numbers nor keys that could fail.
    let mut bytes = serde_json::to_vec(&Document { params }).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

/// A line for each: `NAME:DESCRIPTION (TYPE)`, as `modinfo -p` prints them, the last one first.
fn table(parameters: &[Parameter]) -> Vec<u8> {
    let mut text = Vec::new();
    for parameter in parameters.iter().rev() {
        text.extend_from_slice(&parameter.name);
        text.push(b':');
        if let Some(description) = &parameter.description {
            text.extend_from_slice(description);
        }
        if let Some(kind) = &parameter.kind {
            text.extend_from_slice(b" (");
            text.extend_from_slice(kind);
            text.push(b')');
        }
        text.push(b'\n');
    }
    text
}
