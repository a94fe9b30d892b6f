//! `--params`: the parameters that a module has.

use std::ffi::OsStr;

use modutils::Parameter;
use serde::Serialize;

use crate::cli::Cli;
use crate::common::report::Reporter;
use crate::common::status::Status;
use crate::failure::Failure;
use crate::results::Record;
use crate::{open, output};

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

pub(crate) fn run(cli: &Cli, path: &OsStr, reporter: &Reporter) -> Status {
    let parameters = match open(cli, path) {
        Ok(file) => match file.image().and_then(|image| image.parameters()) {
            Ok(parameters) => parameters,
            Err(error) => {
                let line = [b"could not read module ", path.as_encoded_bytes(), b": "].concat();
                let line = [line.as_slice(), error.detail().as_bytes()].concat();
                return Failure::refused(line, Status::Misfit)
                    .report(reporter, &mut Record::default());
            }
        },
        Err(error) => {
            return Failure::not_opened(path, &error).report(reporter, &mut Record::default());
        }
    };
    let text = if cli.json { document(&parameters) } else { table(&parameters) };
    match output::write(&text) {
        Ok(()) => Status::Done,
        Err(error) => {
            let line = format!("could not write: {error}").into_bytes();
            Failure::refused(line, Status::Failed).report(reporter, &mut Record::default())
        }
    }
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
