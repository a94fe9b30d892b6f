//! A module that was not loaded: the messages, and the exit status.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use modutils::diagnosis::{Change, Class, Diagnosis, Remedy};
use modutils::insert::{BadArgument, InsertError};
use modutils::remove::{Refusal, RemoveError};
use modutils::{Cause, Errno, Error, ErrorKind, ModuleFile, ModuleName, RemoveMode, System};

use super::message;
use crate::common::status::Status;
use crate::common::{output, refusal};

pub(crate) struct Failure {
    /// The file that it is about: FILE, or that of another module.
    file: Option<Box<PathBuf>>,
    /// The line of kmod, without the prefix.
    pub(super) line: Box<[u8]>,
    /// Its end, behind the name of the file.
    pub(super) text: String,
    pub(super) errno: Option<Errno>,
    pub(super) status: Status,
    pub(super) diagnosis: Option<Box<Diagnosis>>,
    /// Without a diagnosis: the kind of the cause, and its text.
    pub(super) reason: Option<Box<(&'static str, String)>>,
    /// Without a diagnosis: what would help.
    pub(super) remedies: Vec<Remedy>,
    /// The modules that are loaded now, if that has changed.
    pub(super) last_line: Option<Box<str>>,
    /// Nothing was done yet: the kernel was not asked to load it.
    pub(super) foreseen: bool,
}

/// Why it does not show that the build in the file is loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unproven {
    /// The build IDs, in hexadecimal digits.
    AnotherBuild {
        loaded: String,
        file: String,
    },
    NotLoaded,
    /// The build ID cannot be read, for this reason.
    Unreadable(String),
}

impl Failure {
    /// A refusal that needs no explanation.
    fn refused(line: Vec<u8>, status: Status) -> Self {
        let text = String::from_utf8_lossy(&line).into_owned();
        Self {
            file: None,
            line: line.into(),
            text,
            errno: None,
            status,
            diagnosis: None,
            reason: None,
            remedies: Vec::new(),
            last_line: None,
            foreseen: false,
        }
    }

    pub(crate) fn no_file() -> Self {
        Self::refused(b"missing filename.".to_vec(), Status::Usage)
    }

    pub(crate) fn second_file(second: &OsStr) -> Self {
        let remedies = vec![Remedy::Load(second.into())];
        let second = second.as_bytes();
        let line = [
            b"only one module can be loaded at a time; '",
            second,
            b"' looks like a second module file",
        ]
        .concat();
        Self { remedies, ..Self::refused(line, Status::Usage) }
    }

    /// The file was opened, and its parameters cannot be read.
    pub(crate) fn not_read(file: &ModuleFile, error: &Error, diagnosis: Box<Diagnosis>) -> Self {
        let path = file.path().as_os_str().as_bytes();
        let line = [b"could not read module ", path, b": ", error.detail().as_bytes()].concat();
        let refused = Self::refused(line, diagnosis.cause.class().into());
        Self { diagnosis: Some(diagnosis), errno: error.errno(), ..refused }.about(file.path())
    }

    /// A parameter that the kernel has no notation for.
    pub(crate) fn inexpressible(bad: &BadArgument) -> Self {
        let cause = Cause::from(bad);
        let refused = Self::refused(bad.to_string().into_bytes(), Status::Misfit);
        Self { diagnosis: Some(Box::new(Diagnosis::new(cause))), ..refused }
    }

    pub(crate) fn not_opened(path: &OsStr, error: &Error) -> Self {
        let errno = match error.kind() {
            ErrorKind::TooLarge => Errno::EFBIG,
            _ => error.errno().unwrap_or(Errno::EIO),
        };
        let diagnosis = match errno {
            Errno::EFBIG => Diagnosis::new(Cause::TooLarge { detail: error.detail().to_owned() }),
            errno => System::live().explain_unopened(path.as_ref(), errno),
        };
        let text = errno.to_string();
        let line = message::not_opened(path, &text);
        let refused = Self::refused(line, diagnosis.cause.class().into());
        Self { text, errno: Some(errno), diagnosis: Some(Box::new(diagnosis)), ..refused }
            .about(path)
    }

    /// The same, before anything was done.
    pub(crate) fn not_opened_in_advance(path: &Path, error: &Error) -> Self {
        Self { foreseen: true, ..Self::not_opened(path.as_os_str(), error) }
    }

    pub(crate) fn not_inserted(
        file: &ModuleFile,
        error: &InsertError,
        diagnosis: Diagnosis,
    ) -> Self {
        let class = diagnosis.cause.class();
        Self { diagnosis: Some(Box::new(diagnosis)), ..Self::unexplained(file, error, class) }
    }

    /// A failure of which only the line and the status are wanted.
    pub(crate) fn unexplained(file: &ModuleFile, error: &InsertError, class: Class) -> Self {
        let text = message::text(file, error.answer());
        let refused = Self::refused(message::not_inserted(file, &text), class.into());
        Self { text, errno: Some(error.answer()), ..refused }.about(file.path())
    }

    /// Whether the kernel lacks symbols that the module needs; its init function has not run.
    pub(crate) fn lacks_symbols(&self) -> bool {
        self.errno == Some(Errno::ENOENT) && self.status == Status::Misfit
    }

    pub(crate) fn foreseen(file: &ModuleFile, diagnosis: Diagnosis) -> Self {
        let errno = diagnosis.answer;
        let text = message::text(file, errno.unwrap_or(Errno::EINVAL));
        let line = message::not_inserted(file, &text);
        let refused = Self::refused(line, diagnosis.cause.class().into());
        Self { text, errno, diagnosis: Some(Box::new(diagnosis)), foreseen: true, ..refused }
            .about(file.path())
    }

    /// The kernel would load the module and ignore the parameter.
    pub(crate) fn unknown_parameter(
        file: &ModuleFile,
        name: String,
        nearest: Option<String>,
    ) -> Self {
        let text = format!("Unknown parameter '{name}'");
        let mut diagnosis = Diagnosis::new(Cause::UnknownParameter { name, nearest });
        diagnosis.module = file.name().ok();
        diagnosis.remedies.push(Remedy::Repeat(Change::ListParameters));
        let refused = Self::refused(message::not_inserted(file, &text), Status::Misfit);
        Self { text, diagnosis: Some(Box::new(diagnosis)), ..refused }.about(file.path())
    }

    /// A replacement that was not begun.
    pub(crate) fn in_the_way(
        line: impl Into<Vec<u8>>,
        status: Status,
        kind: &'static str,
        cause: String,
        remedies: Vec<Remedy>,
    ) -> Self {
        let reason = Some(Box::new((kind, cause)));
        Self { reason, remedies, ..Self::refused(line.into(), status) }
    }

    /// The old module, or one that uses it, was not removed.
    pub(crate) fn not_removed(error: &RemoveError) -> Self {
        let line = refusal::not_removed(error, RemoveMode::Refuse);
        let refusal = error.refusal();
        let mut remedies = refusal.remedies();
        if matches!(refusal.obstacle(), Refusal::InUse { .. }) {
            remedies.insert(0, Remedy::ShowHolders(error.name().clone()));
        }
        let reason = Some(Box::new((refusal.kind(), refusal.to_string())));
        let (status, errno) = (refusal.class().into(), Some(error.errno()));
        Self { errno, reason, remedies, ..Self::refused(line, status) }
    }

    /// A signal came before a module was loaded.
    pub(crate) fn not_tried(file: &ModuleFile) -> Self {
        let line = message::not_inserted(file, &Errno::EINTR.to_string());
        let cause = format!("interrupted before {} was tried", file.path().display());
        let failure = Self::in_the_way(line, Status::Failed, "interrupted", cause, Vec::new());
        Self { errno: Some(Errno::EINTR), ..failure }
    }

    /// A signal came before a module was removed.
    pub(crate) fn interrupted(module: &ModuleName) -> Self {
        let line = format!("could not remove '{module}': {}", Errno::EINTR);
        let cause = format!("interrupted before {module} was tried");
        let failure = Self::in_the_way(line, Status::Failed, "interrupted", cause, Vec::new());
        Self { errno: Some(Errno::EINTR), ..failure }
    }

    /// After a replacement, it does not show that the build in the file is loaded.
    pub(crate) fn not_proven(name: &ModuleName, fault: Unproven) -> Self {
        let (kind, text, cause) = match fault {
            Unproven::AnotherBuild { loaded, file } => (
                "another-build",
                "another build is loaded",
                format!("the build ID in sysfs is {loaded}; that of the file is {file}"),
            ),
            Unproven::NotLoaded => (
                "not-loaded",
                "it is not loaded",
                format!("{name} was loaded, and another process has removed it"),
            ),
            Unproven::Unreadable(cause) => {
                ("unverified-build", "the loaded build cannot be verified", cause)
            }
        };
        let line = format!("could not replace module {name}: {text}");
        Self::in_the_way(line, Status::Failed, kind, cause, Vec::new())
    }

    pub(crate) fn not_written(errno: Errno) -> Self {
        Self::refused(output::not_written(errno).into_bytes(), Status::Failed)
    }

    /// Adds a last line about the modules that are loaded now.
    pub(crate) fn with_last_line(self, line: String) -> Self {
        Self { last_line: Some(line.into()), ..self }
    }

    fn about(self, file: impl AsRef<Path>) -> Self {
        Self { file: Some(Box::new(file.as_ref().to_owned())), ..self }
    }

    /// Returns the file that it is about, if that is not the one of the call.
    pub(crate) fn other_file(&self, of_call: Option<&OsStr>) -> Option<&Path> {
        let file = self.file.as_deref()?.as_path();
        (Some(file.as_os_str()) != of_call).then_some(file)
    }

    pub(crate) fn is_already_loaded(&self) -> bool {
        self.status == Status::Already
    }
}
