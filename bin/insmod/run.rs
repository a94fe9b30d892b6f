//! One call of insmod.

use modutils::file::Parameter;
use modutils::{Kernel, System};

use super::failure::Failure;
use super::job::Job;
use super::options::{Action, Options, TOOL};
use super::report::Report;
use super::{file, load, output, replace};
use crate::common::report::Reporter;
use crate::common::status::Status;

pub(crate) fn run(options: &Options) -> Status {
    let reporter = &Reporter::new(TOOL, options.messages);
    let report = if options.action == Action::ListParameters {
        match parameters(options) {
            Ok(list) => return output::parameters(&list, options, reporter),
            Err(failure) => failure.into(),
        }
    } else {
        attempt(options, reporter)
    };
    let (status, record) = report.tell(options, reporter);
    output::result(record, status, options, reporter)
}

fn attempt(options: &Options, reporter: &Reporter) -> Report {
    let (file, arguments) = match file::read(options, reporter) {
        Ok(read) => read,
        Err(failure) => return failure.into(),
    };
    let kernel = &Kernel::running();
    let job = Job { kernel, options, reporter, file: &file, arguments: &arguments };
    match options.action {
        Action::Replace(how) => replace::run(job, how),
        _ => load::run(job),
    }
}

/// `--params`: the parameters that a module has.
fn parameters(options: &Options) -> Result<Vec<Parameter>, Failure> {
    let path = options.file.as_ref().ok_or_else(Failure::no_file)?;
    let file = file::open(options, path).map_err(|error| Failure::not_opened(path, &error))?;
    load::parameters(&System::live(), &file)
        .map_err(|(error, diagnosis)| Failure::not_read(&file, &error, diagnosis))
}
