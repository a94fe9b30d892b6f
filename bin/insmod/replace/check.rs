//! The checks of a replacement, before anything is touched.

use modutils::diagnosis::{Request, Supposed};
use modutils::file::Image;
use modutils::replace::{Plan, Step, Survey};
use modutils::{Arguments, Error, ModuleFile, ModuleName};

use super::again::{force_of, open_again};
use super::steps::file_of;
use crate::common::status::Status;
use crate::insmod::failure::Failure;
use crate::insmod::job::Job;
use crate::insmod::{dependencies, load};

/// The new file, or the list of modules, could not be read.
pub(crate) fn unreadable(job: Job<'_>, error: &Error) -> Failure {
    let file = job.file;
    if let Err(diagnosis) = job.kernel.check_insert(job.request()) {
        return Failure::foreseen(file, *diagnosis);
    }
    let line = format!("could not replace module {}: {error}", file.path().display());
    Failure::in_the_way(line, Status::Failed, "unknown", error.to_string(), Vec::new())
}

/// Checks the privilege, the new file as if the old modules were gone, and the files of the users
/// as if the new one were loaded.
pub(crate) fn all(job: Job<'_>, survey: &Survey, plan: &Plan) -> Result<(), Failure> {
    let Job { kernel, options, file, .. } = job;
    if options.strict {
        load::refuse_unknown(job)?;
    }
    let removals = plan.steps.iter().filter(|step| matches!(step, Step::Remove { .. }));
    let removed: Vec<ModuleName> = removals.map(|step| step.module().clone()).collect();
    let mut loaded: Vec<Image> = Vec::new();
    for step in &plan.steps {
        let opened;
        let (file, arguments): (&ModuleFile, &Arguments) = match step {
            Step::Load { arguments, .. } => (file, arguments),
            Step::Reload { module, arguments } => {
                let Some(path) = file_of(survey, module) else { continue };
                opened = open_again(job, path)?;
                (&opened, arguments)
            }
            _ => continue,
        };
        let request = Request { file, arguments, force: force_of(job, step) };
        let images: Vec<&Image> = loaded.iter().collect();
        let supposed = Supposed { removed: &removed, loaded: &images };
        if let Err(diagnosis) = kernel.check_insert_supposing(request, supposed)
            && !(options.deps && dependencies::resolve(kernel, file, &diagnosis.cause))
        {
            return Err(Failure::foreseen(file, *diagnosis));
        }
        loaded.extend(file.image().ok());
    }
    match kernel.check_privilege() {
        Err(diagnosis) if !options.check => Err(Failure::foreseen(file, *diagnosis)),
        _ => Ok(()),
    }
}
