//! One call of lsmod.

use std::mem::ManuallyDrop;

use modutils::loaded::ModuleList;
use modutils::{Snapshot, System};

use super::classic::{self, DirectoryHash};
use super::options::{Options, TOOL};
use super::select::Wanted;
use super::{columns, output, report};
use crate::common::report::Reporter;
use crate::common::status::Status;

pub(crate) fn run(options: &Options) -> Status {
    let reporter = &Reporter::new(TOOL, options.messages);
    if options.list_columns {
        return output::print(output::View::Bytes(columns::list()), reporter, Status::Done);
    }
    let system = &System::live();
    if options.is_plain() {
        let text = ModuleList::read(system).and_then(|list| {
            classic::whole(&list, options.headings, DirectoryHash::of_kernel(system))
        });
        return match text {
            // Unchanged on a terminal, too: it is kmod's byte for byte.
            Ok(text) => output::print(output::View::Safe(text), reporter, Status::Done),
            Err(error) => report::no_list(options, system, &error, reporter),
        };
    }
    let snapshot = match Snapshot::take(system) {
        // The process ends soon: to free each name first would take a while.
        Ok(snapshot) => ManuallyDrop::new(snapshot),
        Err(error) => return report::no_list(options, system, &error, reporter),
    };
    let (wanted, missing) = Wanted::new(&options.modules, &snapshot);
    let absent = report::missing(options, system, &missing, reporter);
    let status = if missing.is_empty() { Status::Done } else { Status::Failed };
    match output::view(options, system, &snapshot, &wanted, &absent) {
        Ok(view) => output::print(view, reporter, status),
        Err(error) => report::failed(&error, reporter),
    }
}
