//! Loading one module, with what it needs, or looking whether it could be loaded.

use modutils::diagnosis::{Diagnosis, KernelLog, Request};
use modutils::file::{DECOMPRESSED_MAX, Image};
use modutils::insert::{Dependencies, Dependency, InsertError, InsertFailure};
use modutils::{Arguments, Force, Kernel, ModuleFile, ModuleName, RemoveMode};
use serde_json::json;

use crate::common::report::Reporter;
use crate::common::results::Record;
use crate::common::watch::Watch;
use crate::insmod::account;
use crate::insmod::cli::Cli;
use crate::insmod::dependencies;
use crate::insmod::failure::Failure;

/// A success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Loaded,
    Already,
    WouldLoad,
}

impl Outcome {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Loaded => "loaded",
            Self::Already => "already",
            Self::WouldLoad => "would-load",
        }
    }
}

pub(crate) fn run(
    kernel: &Kernel,
    cli: &Cli,
    reporter: &Reporter,
    file: &ModuleFile,
    arguments: &Arguments,
    record: &mut Record,
) -> Result<Outcome, Failure> {
    let talkative = cli.json || cli.common.verbose;
    let request = Request { file, arguments, force: cli.force() };
    if cli.strict && !arguments.is_empty() {
        refuse_unknown(file, arguments)?;
    }
    if cli.check {
        return check(kernel, cli, reporter, request, record);
    }
    let Dependencies { to_load, not_found, .. } =
        if cli.deps { kernel.dependencies(file) } else { Dependencies::default() };
    let mut loaded = Vec::new();
    let result = load_dependencies(kernel, cli, reporter, to_load, &mut loaded)
        .and_then(|()| load(kernel, cli, reporter, request));
    match result {
        Ok(()) => {
            name(record, cli, file);
            note(record, &loaded);
            say(cli, reporter, "loaded", file);
            warn_of_ignored(reporter, request, record);
            if talkative {
                remark(cli, reporter, account::of(kernel, request), record);
            }
            Ok(Outcome::Loaded)
        }
        Err(failure) if cli.if_needed && failure.is_already_loaded() => {
            Ok(already(kernel, cli, reporter, request, record))
        }
        Err(failure) => {
            take_out(kernel, &loaded);
            if cli.json || reporter.explains() {
                record.warnings.extend(dependencies::not_found(kernel, &not_found));
            }
            Err(failure)
        }
    }
}

/// Loads what the module in `file` depends on, with `--deps`, and nothing else.
pub(crate) fn with_dependencies(
    kernel: &Kernel,
    cli: &Cli,
    reporter: &Reporter,
    file: &ModuleFile,
    record: &mut Record,
) -> Result<Loaded, Failure> {
    let mut loaded = Vec::new();
    if cli.deps {
        let to_load = kernel.dependencies(file).to_load;
        if let Err(failure) = load_dependencies(kernel, cli, reporter, to_load, &mut loaded) {
            take_out(kernel, &loaded);
            return Err(failure);
        }
        note(record, &loaded);
    }
    Ok(loaded)
}

/// The modules that this call loaded, in order, with their files.
pub(crate) type Loaded = Vec<(ModuleName, ModuleFile)>;

fn note(record: &mut Record, loaded: &Loaded) {
    record.dependencies.extend(loaded.iter().map(
        |(name, file)| json!({"module": name.to_string(), "file": file.path().to_string_lossy()}),
    ));
}

/// Removes the modules that this call loaded. One that is in use by now stays.
pub(crate) fn take_out(kernel: &Kernel, loaded: &Loaded) {
    for (name, _) in loaded.iter().rev() {
        let _ = kernel.remove(name, RemoveMode::Refuse);
    }
}

fn check(
    kernel: &Kernel,
    cli: &Cli,
    reporter: &Reporter,
    request: Request<'_>,
    record: &mut Record,
) -> Result<Outcome, Failure> {
    let diagnosis = kernel.check_insert(request).err();
    let resolved =
        |found: &Diagnosis| cli.deps && dependencies::resolve(kernel, request.file, &found.cause);
    let Some(diagnosis) = diagnosis.filter(|found| !resolved(found)) else {
        name(record, cli, request.file);
        say(cli, reporter, "would load", request.file);
        warn_of_ignored(reporter, request, record);
        return Ok(Outcome::WouldLoad);
    };
    let failure = Failure::foreseen(request.file, *diagnosis);
    if cli.if_needed && failure.is_already_loaded() {
        return Ok(already(kernel, cli, reporter, request, record));
    }
    Err(failure)
}

/// With `--if-needed`, a success.
fn already(
    kernel: &Kernel,
    cli: &Cli,
    reporter: &Reporter,
    request: Request<'_>,
    record: &mut Record,
) -> Outcome {
    name(record, cli, request.file);
    if cli.json || cli.common.verbose {
        remark(cli, reporter, account::differences(kernel, request), record);
    } else if let Some(warning) = account::another_build(kernel, request) {
        // Who edits, builds and loads again would go on with the old one.
        reporter.warn(&warning);
    }
    Outcome::Already
}

/// Reports differences after a success, if asked for.
pub(crate) fn remark(cli: &Cli, reporter: &Reporter, lines: Vec<String>, record: &mut Record) {
    if cli.common.verbose {
        for line in &lines {
            reporter.warn(line);
        }
    }
    record.warnings.extend(lines);
}

/// The one thing that a success says to everybody.
pub(crate) fn warn_of_ignored(reporter: &Reporter, request: Request<'_>, record: &mut Record) {
    if request.arguments.is_empty() {
        return;
    }
    if let Some(warning) = ignored(request.file, request.arguments) {
        reporter.warn(&warning);
        record.warnings.push(warning);
    }
}

fn load_dependencies(
    kernel: &Kernel,
    cli: &Cli,
    reporter: &Reporter,
    dependencies: Vec<Dependency>,
    loaded: &mut Loaded,
) -> Result<(), Failure> {
    let arguments = Arguments::default();
    let max = cli.max_size.unwrap_or(DECOMPRESSED_MAX);
    for Dependency { name, file, .. } in dependencies {
        let file = file.with_decompressed_max(max);
        // --force is meant for the named module, not for its dependencies.
        let request = Request { file: &file, arguments: &arguments, force: Force::default() };
        match load(kernel, cli, reporter, request) {
            Ok(()) => {
                say(cli, reporter, "loaded", &file);
                loaded.push((name, file));
            }
            // Another process was faster.
            Err(failure) if failure.is_already_loaded() => {}
            Err(failure) => return Err(failure),
        }
    }
    Ok(())
}

/// Names the module in the record: of a failure, the diagnosis does.
fn name(record: &mut Record, cli: &Cli, file: &ModuleFile) {
    if cli.json {
        record.module = file.name().ok().map(|name| name.to_string());
    }
}

/// With -v, what was done.
fn say(cli: &Cli, reporter: &Reporter, what: &str, file: &ModuleFile) {
    if cli.common.verbose
        && let Ok(name) = file.name()
    {
        reporter.tell(format!("{what} {name} from {}", file.path().display()).as_bytes());
    }
}

/// Makes the call, and nothing else unless it fails.
pub(crate) fn load(
    kernel: &Kernel,
    cli: &Cli,
    reporter: &Reporter,
    request: Request<'_>,
) -> Result<(), Failure> {
    let explained = cli.json || reporter.explains();
    let log = if explained { KernelLog::open(kernel) } else { KernelLog::from_now() };
    let Request { file, arguments, force } = request;
    let doing = format!("loading {}", file.path().display());
    let watch = Watch::start(kernel, &cli.common, reporter, doing);
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

fn read(file: &ModuleFile) -> Result<Image, Failure> {
    file.image().map_err(|error| {
        let error = InsertError::from(InsertFailure::Unreadable(error));
        let request =
            Request { file, arguments: &Arguments::default(), force: modutils::Force::default() };
        let diagnosis = Kernel::running().explain(request, &error, None);
        Failure::not_inserted(file, &error, diagnosis)
    })
}

pub(crate) fn refuse_unknown(file: &ModuleFile, arguments: &Arguments) -> Result<(), Failure> {
    let parameters = read(file)?.parameters().unwrap_or_default();
    match arguments.unknown_to(&parameters).into_iter().next() {
        Some((name, nearest)) => Err(Failure::unknown_parameter(file, name, nearest)),
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
