//! `insmod`: load a module file into the kernel.

#[path = "../common/mod.rs"]
mod common;

mod cli;
mod message;

use std::process::ExitCode;

use modutils::{Arguments, ModuleFile, System};

use cli::Cli;
use common::report::{Explanation, Reporter};
use common::status::Status;

const TOOL: &str = "insmod";

fn main() -> ExitCode {
    match cli::parse(std::env::args_os()) {
        Ok(cli) => run(&cli),
        Err(status) => status,
    }
    .into()
}

fn run(cli: &Cli) -> Status {
    let reporter = Reporter::new(TOOL, &cli.common);
    let error = |line: &[u8], status| {
        reporter.error(line, &Explanation::default());
        status
    };
    let Some(path) = &cli.file else {
        return error(b"missing filename.", Status::Usage);
    };
    let arguments = match Arguments::new(&cli.parameters) {
        Ok(arguments) => arguments,
        Err(bad) => return error(bad.to_string().as_bytes(), Status::Misfit),
    };
    let file = match ModuleFile::open(path) {
        Ok(file) => file,
        Err(failure) => {
            return error(&message::not_opened(path, &failure), message::open_status(&failure));
        }
    };
    match modutils::insert(&System::live(), &file, &arguments, cli.force()) {
        Ok(()) => Status::Done,
        Err(failure) => error(&message::not_inserted(&file, &failure), message::status(&failure)),
    }
}
