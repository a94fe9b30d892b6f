//! Holders in words.

use std::fmt;

use super::Holders;
use super::holder::{Certainty, Holder, HolderKind};
use super::process::{Access, Namespace};
use super::text::Text;

fn within(
    f: &mut fmt::Formatter<'_>,
    object: &impl fmt::Display,
    namespace: Option<&Namespace>,
) -> fmt::Result {
    write!(f, "{object}")?;
    namespace.map_or(Ok(()), |namespace| write!(f, " {namespace}"))
}

fn listed(f: &mut fmt::Formatter<'_>, texts: &[Text]) -> fmt::Result {
    let mut separator = "";
    for text in texts {
        write!(f, "{separator}{text}")?;
        separator = ", ";
    }
    Ok(())
}

impl HolderKind {
    /// Returns what removing the module does to something that holds no reference.
    pub fn consequence(&self) -> Option<String> {
        match self {
            Self::Device { name } => Some(format!("device {name} will lose its driver")),
            Self::Interface { name } => Some(format!("network interface {name} will disappear")),
            _ => None,
        }
    }
}

impl fmt::Display for HolderKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Module { name, held_by } => {
                write!(f, "used by module {name}")?;
                if let Some(first) = held_by.first() {
                    write!(f, ", which is held: {}", first.kind)?;
                }
                if held_by.len() > 1 {
                    write!(f, ", and {} more", held_by.len() - 1)?;
                }
                Ok(())
            }
            Self::Unlisted { name, reason } => write!(f, "module {name} {reason}"),
            Self::Itself { reason, .. } => write!(f, "it holds itself: {reason}"),
            Self::Network { object, namespace } => within(f, object, namespace.as_ref()),
            Self::Netfilter { object, namespace } => within(f, object, namespace.as_ref()),
            Self::Tracing { object } => write!(f, "{object}"),
            Self::Loader { process: None, .. } => {
                f.write_str("held by the loader until its init function returns")
            }
            Self::Loader { process: Some(process), function } => {
                write!(f, "{process} is loading it: its init function has not returned")?;
                let Some(function) = function else { return Ok(()) };
                write!(f, " (waits in {function})")
            }
            Self::Thread { process, function } => {
                write!(f, "kernel thread {process} runs its function {function}")
            }
            Self::ConfigObject { path } => write!(f, "{path} exists"),
            Self::SysfsObject { path } => write!(f, "{path} is in use"),
            Self::Process { process, tid, path, access } => {
                write!(f, "{process} ")?;
                if let Some(tid) = tid {
                    write!(f, "thread {tid} ")?;
                }
                match access {
                    Access::Open => write!(f, "has {path} open"),
                    Access::Mapped => write!(f, "has {path} mapped"),
                    Access::IoUring => write!(f, "has {path} registered with io_uring"),
                    Access::Bound => write!(f, "has a socket bound to {path}"),
                    Access::InFlight => write!(f, "has {path} in flight in a socket"),
                    Access::Directory => write!(f, "works in the directory {path}"),
                    Access::Program => write!(f, "runs {path}"),
                }
            }
            Self::Socket { process, protocol } => {
                write!(f, "{process} has {protocol} sockets")
            }
            Self::Mount { filesystem, path, namespace } => {
                write!(f, "{filesystem} is mounted on {path}")?;
                namespace.as_ref().map_or(Ok(()), |namespace| write!(f, " {namespace}"))
            }
            Self::Export { path, client } => {
                write!(f, "the NFS server exports {path} to {client}")
            }
            Self::Loop { name, path } => write!(f, "{name} is bound to {path}"),
            Self::Swap { name } => write!(f, "swap space on {name}"),
            Self::BlockDevice { name, dm_name: None } => write!(f, "block device {name} uses it"),
            Self::BlockDevice { name, dm_name: Some(dm_name) } => {
                write!(f, "block device {dm_name} ({name}) uses it")
            }
            Self::Scheduler { name } => write!(f, "I/O scheduler of {name}"),
            Self::Crypto { name, used_by } if used_by.is_empty() => {
                write!(f, "algorithm {name} is in use")
            }
            Self::Crypto { name, used_by } => {
                write!(f, "algorithm {name} is in use, probably by ")?;
                listed(f, used_by)
            }
            Self::Device { name } => write!(f, "device {name} is bound to it (holds no reference)"),
            Self::Interface { name } => {
                write!(f, "network interface {name} belongs to it (holds no reference)")
            }
        }
    }
}

/// The holder, how certain that is unless it is known, and the number of its references.
impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind)?;
        let is_device = matches!(&self.kind, HolderKind::Process { access: Access::Open, .. });
        match self.certainty {
            Certainty::Known => {}
            Certainty::Likely if is_device => f.write_str(" (probably a device of this module)")?,
            Certainty::Likely => f.write_str(" (probably)")?,
            Certainty::Possible => f.write_str(" (possibly)")?,
        }
        match self.references {
            0 | 1 => Ok(()),
            count => write!(f, " ({count} references)"),
        }
    }
}

/// How many holders a sentence names.
const NAMED_MAX: usize = 8;

/// How many sources are named that were not inspected for one reason.
const SOURCES_MAX: usize = 4;

impl Holders {
    /// Returns what holds references, without what goes away with the module.
    pub fn holding(&self) -> impl Iterator<Item = &Holder> {
        self.list.iter().filter(|holder| holder.kind.consequence().is_none())
    }

    /// Returns phrases about references whose holder is unknown, and about what was not inspected.
    pub fn remainder(&self) -> Vec<String> {
        let unknown = match self.unexplained {
            Some(0) => None,
            Some(1) => Some("1 reference of unknown origin".to_owned()),
            Some(count) => Some(format!("{count} references of unknown origin")),
            None => Some("the kernel keeps no count of references".to_owned()),
        };
        unknown.into_iter().chain(self.uninspected()).collect()
    }

    /// Returns one phrase about everything that was not inspected.
    pub fn uninspected(&self) -> Option<String> {
        let same = self.omissions.chunk_by(|a, b| a.reason == b.reason).filter_map(|same| {
            let named = same.iter().take(SOURCES_MAX).map(|omission| omission.source.as_str());
            let sources = named.collect::<Vec<_>>().join(", ");
            let more = match same.len().checked_sub(SOURCES_MAX) {
                Some(more @ 1..) => format!(" and {more} more"),
                _ => String::new(),
            };
            Some(format!("{sources}{more} ({})", same.first()?.reason))
        });
        let phrases: Vec<_> = same.collect();
        (!phrases.is_empty()).then(|| format!("not inspected: {}", phrases.join("; ")))
    }

    /// Completes a number of references by who holds them: eight holders at most.
    pub(crate) fn complete(&self, references: &str) -> String {
        if self.list.is_empty() && self.omissions.is_empty() {
            return format!("{references} of unknown origin");
        }
        let mut phrases: Vec<_> = self.holding().map(ToString::to_string).collect();
        let more = phrases.len().saturating_sub(NAMED_MAX);
        if more > 0 {
            phrases.truncate(NAMED_MAX);
            phrases.push(format!("{more} more"));
        }
        phrases.extend(self.remainder());
        format!("{references}: {}", phrases.join("; "))
    }

    /// Returns what holds the modules that use it, if anything does.
    pub(crate) fn chain(&self) -> Option<String> {
        let is_held = |holder: &&Holder| matches!(&holder.kind, HolderKind::Module { held_by, .. } if !held_by.is_empty());
        let phrases: Vec<_> = self.list.iter().filter(is_held).map(ToString::to_string).collect();
        (!phrases.is_empty()).then(|| phrases.join("; "))
    }
}
