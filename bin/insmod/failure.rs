//! A module that was not loaded: the messages, and the exit status.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use modutils::diagnosis::{Change, Class, CommandLine, Diagnosis, Remedy, WayOut};
use modutils::insert::{BadArgument, InsertError};
use modutils::remove::{Refusal, RemoveError};
use modutils::{Cause, Errno, Error, ErrorKind, ModuleFile, ModuleName, RemoveMode, System};
use serde_json::json;

use crate::common::invocation::Invocation;
use crate::common::report::{Explanation, Reporter};
use crate::common::results::Record;
use crate::common::status::Status;
use crate::insmod::{TOOL, message};
use crate::rmmod;

pub(crate) struct Failure {
    /// The line of kmod, without the prefix.
    line: Vec<u8>,
    /// Its end, behind the name of the file.
    text: String,
    errno: Option<Errno>,
    status: Status,
    diagnosis: Option<Box<Diagnosis>>,
    /// Without a diagnosis: the kind of the cause, and its text.
    reason: Option<Box<(&'static str, String)>>,
    /// Without a diagnosis: what would help.
    remedies: Vec<Remedy>,
    /// The modules that are loaded now, if that has changed.
    last_line: Option<Box<str>>,
    /// Only a check: the kernel was not asked to load it.
    foreseen: bool,
}

impl Failure {
    /// A refusal that needs no explanation.
    fn refused(line: Vec<u8>, status: Status) -> Self {
        let text = String::from_utf8_lossy(&line).into_owned();
        Self {
            line,
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
    pub(crate) fn not_read(
        file: &ModuleFile,
        error: &Error,
        diagnosis: Option<Box<Diagnosis>>,
    ) -> Self {
        let path = file.path().as_os_str().as_bytes();
        let line = [b"could not read module ", path, b": ", error.detail().as_bytes()].concat();
        Self { diagnosis, errno: error.errno(), ..Self::refused(line, Status::Misfit) }
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
        Self {
            line: message::not_opened(path, &text),
            text,
            errno: Some(errno),
            status: diagnosis.cause.class().into(),
            diagnosis: Some(Box::new(diagnosis)),
            reason: None,
            remedies: Vec::new(),
            last_line: None,
            foreseen: false,
        }
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
        Self {
            line: message::not_inserted(file, &text),
            text,
            errno: Some(error.answer()),
            status: class.into(),
            diagnosis: None,
            reason: None,
            remedies: Vec::new(),
            last_line: None,
            foreseen: false,
        }
    }

    pub(crate) fn foreseen(file: &ModuleFile, diagnosis: Diagnosis) -> Self {
        let errno = diagnosis.answer;
        let text = message::text(file, errno.unwrap_or(Errno::EINVAL));
        Self {
            line: message::not_inserted(file, &text),
            text,
            errno,
            status: diagnosis.cause.class().into(),
            diagnosis: Some(Box::new(diagnosis)),
            reason: None,
            remedies: Vec::new(),
            last_line: None,
            foreseen: true,
        }
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
        Self {
            line: message::not_inserted(file, &text),
            text,
            errno: None,
            status: Status::Misfit,
            diagnosis: Some(Box::new(diagnosis)),
            reason: None,
            remedies: Vec::new(),
            last_line: None,
            foreseen: false,
        }
    }

    /// A replacement that was not begun.
    pub(crate) fn in_the_way(
        line: String,
        status: Status,
        kind: &'static str,
        cause: String,
        remedies: Vec<Remedy>,
    ) -> Self {
        let reason = Some(Box::new((kind, cause)));
        Self { reason, remedies, ..Self::refused(line.into_bytes(), status) }
    }

    /// The old module, or one that uses it, was not removed.
    pub(crate) fn not_removed(error: &RemoveError) -> Self {
        let line = rmmod::message::not_removed(error, RemoveMode::Refuse);
        let refusal = error.refusal();
        let mut remedies = refusal.remedies();
        if matches!(refusal.obstacle(), Refusal::InUse { .. }) {
            let who = CommandLine::new("rmmod").word("--who").operands([error.name().as_os_str()]);
            remedies.insert(0, Remedy::Other(WayOut::Command(who.to_string())));
        }
        let reason = Some(Box::new((refusal.kind(), refusal.to_string())));
        let (status, errno) = (refusal.class().into(), Some(error.errno()));
        Self { errno, reason, remedies, ..Self::refused(line, status) }
    }

    /// A signal came before a module was removed.
    pub(crate) fn interrupted(module: &ModuleName) -> Self {
        let line = format!("could not remove '{module}': {}", Errno::EINTR);
        let cause = format!("interrupted before {module} was tried");
        let failure = Self::in_the_way(line, Status::Failed, "interrupted", cause, Vec::new());
        Self { errno: Some(Errno::EINTR), ..failure }
    }

    /// Another build than the file's is loaded after a replacement.
    pub(crate) fn not_proven(name: &ModuleName) -> Self {
        let line = format!("could not replace module {name}: another build is loaded");
        let cause = "the build ID in sysfs is not the one in the file".to_owned();
        Self::in_the_way(line, Status::Failed, "another-build", cause, Vec::new())
    }

    pub(crate) fn not_written(errno: Errno) -> Self {
        Self::refused(format!("could not write: {errno}").into_bytes(), Status::Failed)
    }

    /// Adds a last line about the modules that are loaded now.
    pub(crate) fn with_last_line(self, line: String) -> Self {
        Self { last_line: Some(line.into()), ..self }
    }

    /// The kernel was not asked, whatever the reason is.
    pub(crate) fn without_asking(self) -> Self {
        Self { foreseen: true, ..self }
    }

    pub(crate) fn is_already_loaded(&self) -> bool {
        self.status == Status::Already
    }

    /// Says it, notes it in the record, and returns the exit status.
    pub(crate) fn report(self, reporter: &Reporter, record: &mut Record) -> Status {
        let invocation = Invocation::of_process(TOOL);
        let remedies = self.diagnosis.as_ref().map_or(&self.remedies, |found| &found.remedies);
        let fix: Vec<WayOut> =
            remedies.iter().filter_map(|remedy| invocation.show(remedy)).collect();
        let explanation = self.diagnosis.as_ref().map_or_else(
            || Explanation {
                cause: self.reason.as_ref().map(|reason| reason.1.clone()),
                fix: fix.clone(),
                ..Explanation::default()
            },
            |found| Explanation {
                cause: Some(found.cause.to_string()),
                kernel: found.kernel_log.clone(),
                fix: fix.clone(),
            },
        );
        reporter.error(&self.line, &explanation);
        record.outcome = match self.status {
            Status::Already => "already",
            _ if self.foreseen => "would-fail",
            _ => "failed",
        };
        record.errno = self.errno.map(Errno::name);
        record.message = Some(self.text);
        if let Some(diagnosis) = self.diagnosis {
            record.module = diagnosis.module.map(|name| name.to_string());
            record.cause = serde_json::to_value(&diagnosis.cause).ok();
            record.kernel_log = diagnosis.kernel_log;
        } else {
            record.cause = self.reason.map(|reason| json!({"kind": reason.0, "text": reason.1}));
        }
        record.fix = fix;
        if let Some(line) = &self.last_line {
            reporter.tell(line.as_bytes());
        }
        self.status
    }
}
