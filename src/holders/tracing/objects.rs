//! What in tracing can hold a module.

use std::fmt;

use crate::holders::{Process, Text};

/// A probe or a patch.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize),
    serde(tag = "object", rename_all = "kebab-case", rename_all_fields = "kebab-case")
)]
#[non_exhaustive]
pub enum TracingObject {
    /// A live patch that is enabled.
    LivePatch {
        /// Its directory in sysfs.
        path: Text,
    },
    /// A process that counts or samples trace events with `perf_event_open(2)`.
    Perf {
        /// The process.
        #[cfg_attr(feature = "serde", serde(flatten))]
        process: Process,
    },
    /// A trigger that switches one of its trace events.
    Trigger {
        /// The trace event that has the trigger, a directory in tracefs.
        path: Text,
        /// The trigger.
        trigger: Text,
    },
    /// A probe on a file of one of its file systems.
    Uprobe {
        /// Group and name of the probe.
        event: Text,
        /// The file.
        path: Text,
    },
    /// A BPF program or link on one of its functions or trace points.
    Bpf {
        /// A process that has it.
        #[cfg_attr(feature = "serde", serde(flatten))]
        #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
        process: Option<Process>,
        /// Number of the link.
        #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
        link: Option<u32>,
        /// Number of the program.
        program: u32,
        /// The function or trace point.
        #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
        target: Option<Text>,
        /// A file of bpffs that keeps it.
        #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
        path: Option<Text>,
    },
}

impl fmt::Display for TracingObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uprobe { event, path } => write!(f, "uprobe {event} is on {path}"),
            Self::LivePatch { path } => write!(f, "live patch {path} is enabled"),
            Self::Perf { process } => write!(f, "{process} counts trace events with perf"),
            Self::Trigger { path, trigger } => write!(f, "{path} has the trigger {trigger}"),
            Self::Bpf { process, link, program, target, path } => {
                match (process, path) {
                    (Some(process), _) => write!(f, "{process} has ")?,
                    (None, Some(path)) => write!(f, "{path} keeps ")?,
                    (None, None) => {}
                }
                match link {
                    Some(link) => write!(f, "BPF link {link} of program {program}")?,
                    None => write!(f, "BPF program {program}")?,
                }
                target.as_ref().map_or(Ok(()), |target| write!(f, " on {target}"))
            }
        }
    }
}
