//! Loading one module, with its dependencies, or checking whether it could be loaded.

use modutils::diagnosis::{Diagnosis, KernelLog, Request};
use modutils::file::Parameter;
use modutils::insert::{Dependencies, Dependency, InsertError, InsertFailure};
use modutils::{Arguments, Error, Force, Kernel, ModuleFile, ModuleName, RemoveMode, System};
use serde_json::{Value, json};

use super::failure::Failure;
use super::job::Job;
use super::report::{Outcome, Report};
use super::{account, dependencies};
use crate::common::signals::Signals;
use crate::common::watch::Watch;

pub(crate) fn run(job: Job<'_>) -> Report {
    let Job { kernel, options, file, .. } = job;
    if options.strict
        && let Err(failure) = refuse_unknown(job)
    {
        return failure.into();
    }
    if options.check {
        return check(job);
    }
    let listed = options.deps.then(|| kernel.listed_dependencies(file)).flatten();
    let is_list = listed.is_some();
    let found = match listed {
        Some(listed) => listed,
        None if options.deps => kernel.dependencies(file),
        None => Dependencies::default(),
    };
    let Dependencies { to_load, mut not_found, .. } = found;
    // A single call to the kernel ends with its process.
    let mut signals = if to_load.is_empty() { None } else { Signals::collect() };
    let (mut loaded, mut result) = load_all(job, to_load, signals.as_ref());
    // The files have the last word.
    if is_list && result.as_ref().is_err_and(Failure::lacks_symbols) {
        let rest = kernel.dependencies(file);
        not_found = rest.not_found;
        if !rest.to_load.is_empty() {
            signals = signals.or_else(Signals::collect);
            let (further, end) = load_all(job, rest.to_load, signals.as_ref());
            loaded.extend(further);
            result = end;
        }
    }
    let report = concluded(job, result, &loaded, &not_found);
    let signal = signals.as_ref().and_then(Signals::status);
    // One that came too late to stop anything leaves the question whether it is loaded.
    if signal.is_some() && report.result.is_ok() && !job.reporter.is_verbose() {
        job.reporter.tell(format!("loaded {}", file.path().display()).as_bytes());
    }
    Report { signal, ..report }
}

/// The report about a load; after a failure, what was loaded for it goes.
fn concluded(
    job: Job<'_>,
    result: Result<(), Failure>,
    loaded: &Loaded,
    not_found: &[ModuleName],
) -> Report {
    let Job { kernel, options, file, .. } = job;
    match result {
        Ok(()) => {
            job.say("loaded", file);
            let mut warnings = warn_of_ignored(job);
            if options.json || job.reporter.is_verbose() {
                warnings.extend(remark(job, account::of(kernel, job.request())));
            }
            let dependencies = listed(loaded);
            Report { module: name(job), dependencies, warnings, ..Ok(Outcome::Loaded).into() }
        }
        Err(failure) if options.if_needed && failure.is_already_loaded() => already(job),
        Err(failure) => {
            take_out(kernel, loaded);
            let missing = job.explains().then(|| dependencies::not_found(kernel, not_found));
            let warnings = missing.flatten().into_iter().collect();
            Report { warnings, ..failure.into() }
        }
    }
}

/// The modules that this call loaded, in order, with their files.
pub(crate) type Loaded = Vec<(ModuleName, ModuleFile)>;

/// Loads the modules that the one in the file depends on, with `--deps`, and nothing else.
pub(crate) fn only_dependencies(
    job: Job<'_>,
    signals: Option<&Signals>,
) -> Result<Loaded, Failure> {
    if !job.options.deps {
        return Ok(Loaded::new());
    }
    let dependencies = job.kernel.dependencies(job.file).to_load;
    let (loaded, result) = load_dependencies(job, dependencies, signals);
    match result {
        Ok(()) => Ok(loaded),
        Err(failure) => {
            take_out(job.kernel, &loaded);
            Err(failure)
        }
    }
}

/// The dependencies for the record.
pub(crate) fn listed(loaded: &Loaded) -> Vec<Value> {
    let record = |(name, file): &(ModuleName, ModuleFile)| json!({"module": name.to_string(), "file": file.path().to_string_lossy()});
    loaded.iter().map(record).collect()
}

/// Removes the modules that this call loaded. One that is in use by now stays.
pub(crate) fn take_out(kernel: &Kernel, loaded: &Loaded) {
    for (name, _) in loaded.iter().rev() {
        let _ = kernel.remove(name, RemoveMode::Refuse);
    }
}

fn check(job: Job<'_>) -> Report {
    let Job { kernel, options, file, .. } = job;
    let resolved =
        |found: &Diagnosis| options.deps && dependencies::resolve(kernel, file, &found.cause);
    let doubts = match kernel.check_insert(job.request()) {
        Ok(doubts) => doubts,
        Err(diagnosis) if resolved(&diagnosis) => diagnosis.doubts,
        Err(diagnosis) => {
            let failure = Failure::foreseen(file, *diagnosis);
            let is_fine = options.if_needed && failure.is_already_loaded();
            return if is_fine { already(job) } else { failure.into() };
        }
    };
    let clauses = doubts.iter().map(ToString::to_string).collect::<Vec<_>>().join(", or ");
    let of = |start: &str| (!clauses.is_empty()).then(|| format!("{start} {clauses}"));
    job.say_of("would load", file, &of(", unless").unwrap_or_default());
    let warnings = of("the kernel will refuse it if").into_iter().chain(warn_of_ignored(job));
    Report { module: name(job), warnings: warnings.collect(), ..Ok(Outcome::WouldLoad).into() }
}

/// With `--if-needed`, a success.
fn already(job: Job<'_>) -> Report {
    let mut warnings = Vec::new();
    if job.options.json || job.reporter.is_verbose() {
        warnings = remark(job, account::differences(job.kernel, job.request()));
    } else if let Some(warning) = account::another_build(job.kernel, job.request()) {
        // A developer who builds and loads again would go on with the old build.
        job.reporter.warn(&warning);
    }
    Report { module: name(job), warnings, ..Ok(Outcome::Already).into() }
}

/// Prints warnings that only `--verbose` asks for, and returns them.
pub(crate) fn remark(job: Job<'_>, warnings: Vec<String>) -> Vec<String> {
    if job.reporter.is_verbose() {
        for line in &warnings {
            job.reporter.warn(line);
        }
    }
    warnings
}

/// Prints the one warning that a success prints without being asked, and returns it.
pub(crate) fn warn_of_ignored(job: Job<'_>) -> Vec<String> {
    if job.arguments.is_empty() {
        return Vec::new();
    }
    let warning = ignored(job.file, job.arguments);
    if let Some(warning) = &warning {
        job.reporter.warn(warning);
    }
    warning.into_iter().collect()
}

/// Loads the dependencies, and then the module itself.
fn load_all(
    job: Job<'_>,
    dependencies: Vec<Dependency>,
    signals: Option<&Signals>,
) -> (Loaded, Result<(), Failure>) {
    let (loaded, result) = load_dependencies(job, dependencies, signals);
    let result = result.and_then(|()| load_unless_stopped(job, job.request(), signals));
    (loaded, result)
}

fn load_dependencies(
    job: Job<'_>,
    dependencies: Vec<Dependency>,
    signals: Option<&Signals>,
) -> (Loaded, Result<(), Failure>) {
    let arguments = Arguments::default();
    let mut loaded = Loaded::new();
    for Dependency { name, file, .. } in dependencies {
        let file = file.with_decompressed_max(job.options.max_size);
        // --force is meant for the named module, not for its dependencies.
        let request = Request { file: &file, arguments: &arguments, force: Force::default() };
        match load_unless_stopped(job, request, signals) {
            Ok(()) => {
                job.say("loaded", &file);
                loaded.push((name, file));
            }
            // Another process was faster.
            Err(failure) if failure.is_already_loaded() => {}
            Err(failure) => return (loaded, Err(failure)),
        }
    }
    (loaded, Ok(()))
}

/// The name for the record of a success; the diagnosis has that of a failure.
fn name(job: Job<'_>) -> Option<String> {
    job.options.json.then(|| job.file.name().ok().map(|name| name.to_string())).flatten()
}

/// Makes the call, unless a signal has come.
fn load_unless_stopped(
    job: Job<'_>,
    request: Request<'_>,
    signals: Option<&Signals>,
) -> Result<(), Failure> {
    if signals.is_some_and(Signals::has_come) {
        return Err(Failure::not_tried(request.file));
    }
    load(job, request)
}

/// Makes the call, and nothing else unless it fails.
pub(crate) fn load(job: Job<'_>, request: Request<'_>) -> Result<(), Failure> {
    let kernel = job.kernel;
    let explained = job.explains();
    let log = if explained { KernelLog::open(kernel) } else { KernelLog::from_now() };
    let Request { file, arguments, force } = request;
    let doing = format!("loading {}", file.path().display());
    let watch = Watch::start(kernel, job.reporter, doing);
    let result = kernel.insert(file, arguments, force);
    drop(watch);
    result.map_err(|error| {
        if explained {
            let diagnosis = kernel.explain(request, &error, Some(log));
            Failure::not_inserted(file, &error, diagnosis)
        } else {
            let class = kernel.classify(request, &error, Some(log));
            Failure::unexplained(file, &error, class)
        }
    })
}

/// The parameters that a file declares; else, the error and why they cannot be read.
pub(crate) fn parameters(
    system: &System,
    file: &ModuleFile,
) -> Result<Vec<Parameter>, (Error, Box<Diagnosis>)> {
    file.image().and_then(|image| image.parameters()).map_err(|error| {
        let failure = InsertError::from(InsertFailure::Unreadable(error.clone()));
        let request = Request { file, arguments: &Arguments::default(), force: Force::default() };
        (error, Box::new(system.explain(request, &failure, None)))
    })
}

/// `--strict`: refuses parameters that the module does not declare.
pub(crate) fn refuse_unknown(job: Job<'_>) -> Result<(), Failure> {
    if job.arguments.is_empty() {
        return Ok(());
    }
    let parameters = parameters(job.kernel, job.file).map_err(|(error, diagnosis)| {
        let error = InsertError::from(InsertFailure::Unreadable(error));
        Failure::not_inserted(job.file, &error, *diagnosis)
    })?;
    match job.arguments.unknown_to(&parameters).into_iter().next() {
        Some((name, nearest)) => Err(Failure::unknown_parameter(job.file, name, nearest)),
        None => Ok(()),
    }
}

/// Returns the parameters that the kernel silently ignored. The module is loaded: a file that has
/// become unreadable is not worth a message.
fn ignored(file: &ModuleFile, arguments: &Arguments) -> Option<String> {
    let image = file.image().ok()?;
    let unknown = arguments.unknown_to(&image.parameters().ok()?);
    let words: Vec<String> = unknown
        .into_iter()
        .map(|(name, nearest)| match nearest {
            Some(nearest) => format!("'{name}' (did you mean '{nearest}'?)"),
            None => format!("'{name}'"),
        })
        .collect();
    let module = image.name().ok()?;
    (!words.is_empty())
        .then(|| format!("unknown parameter {} for module {module} ignored", words.join(", ")))
}
