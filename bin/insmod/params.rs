//! `--params`: the parameters that a module has.

use modutils::diagnosis::Request;
use modutils::file::Parameter;
use modutils::{Arguments, Force, System};
use serde::Serialize;

use crate::common::output;
use crate::common::report::{Explanation, Reporter};
use crate::common::status::Status;
use crate::insmod::cli::Cli;
use crate::insmod::failure::Failure;
use crate::insmod::open;

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

/// Returns the bytes to print.
pub(crate) fn run(cli: &Cli) -> Result<Vec<u8>, Failure> {
    let path = cli.file.as_ref().ok_or_else(Failure::no_file)?;
    let file = open(cli, path).map_err(|error| Failure::not_opened(path, &error))?;
    let parameters = file.image().and_then(|image| image.parameters()).map_err(|error| {
        let arguments = Arguments::default();
        let request = Request { file: &file, arguments: &arguments, force: Force::default() };
        Failure::not_read(&file, &error, System::live().check_insert(request).err())
    })?;
    Ok(if cli.json { document(&parameters) } else { table(&parameters) })
}

pub(crate) fn print(cli: &Cli, text: &[u8], reporter: &Reporter) -> Status {
    match if cli.json { output::show_json(text) } else { output::show(text) } {
        Ok(()) => Status::Done,
        Err(error) => {
            let line = format!("could not write: {error}");
            reporter.error(line.as_bytes(), &Explanation::default());
            Status::Failed
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
