//! The privileges of the calling process, and whether it runs in a container: a container and a
//! plain user need different remedies.

use std::fmt;

use nix::unistd::geteuid;

use crate::remedy::Remedy;
use crate::system::{self, System};

/// What keeps the calling process from loading and removing modules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Privilege {
    /// It lacks the capability `CAP_SYS_MODULE`, which root has.
    Missing,
    /// It lacks the capability, and not even root gets it here: it was taken out of the bounding
    /// set, as container runtimes and service managers do.
    Dropped,
    /// It has the capability in a user namespace only, and the kernel asks for it outside.
    Namespace,
}

/// The calling process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Caller {
    /// What it lacks.
    pub(crate) lacks: Option<Privilege>,
    /// Whether a filter of seccomp(2) decides on its system calls.
    pub(crate) seccomp: Option<bool>,
    /// Whether another process traces it, and may change what a system call returns.
    pub(crate) traced: bool,
    /// The container that it runs in, by the name of what made it.
    pub(crate) container: Option<String>,
    /// Its name, as the kernel's log has it.
    pub(crate) command: String,
}

/// `CAP_SYS_MODULE` of capabilities(7).
const CAP_SYS_MODULE: u32 = 16;

impl Caller {
    /// Whether a filter of the process, or a tracer, may have answered in the kernel's place.
    pub(crate) fn is_filtered(&self) -> bool {
        self.seccomp == Some(true) || self.traced
    }

    pub(crate) fn read(system: &System) -> Self {
        let status = system::read_text(&system.own_process("status")).unwrap_or_default();
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            Some(line.strip_prefix(':')?.trim())
        };
        let has = |name: &str| {
            let set = u64::from_str_radix(field(name)?, 16).ok()?;
            Some(set >> CAP_SYS_MODULE & 1 == 1)
        };
        // Without /proc, assume that root has all capabilities. A captured system does not show who
        // captured it.
        let capable = has("CapEff").unwrap_or_else(|| !system.is_live() || geteuid().is_root());
        let in_namespace = is_in_user_namespace(system);
        let lacks = if in_namespace {
            Some(Privilege::Namespace)
        } else if capable {
            None
        } else if has("CapBnd") == Some(false) {
            Some(Privilege::Dropped)
        } else {
            Some(Privilege::Missing)
        };
        Self {
            lacks,
            seccomp: field("Seccomp").map(|mode| mode != "0"),
            traced: field("TracerPid").is_some_and(|pid| pid != "0"),
            container: system.container(),
            command: field("Name").unwrap_or("insmod").to_owned(),
        }
    }
}

/// Writes what keeps the process from `doing` something with modules, so that they cannot be `done`.
pub(crate) fn write_lack(
    f: &mut fmt::Formatter<'_>,
    (lacks, container): (Privilege, Option<&str>),
    (doing, done): (&str, &str),
    missing: &str,
) -> fmt::Result {
    match lacks {
        Privilege::Missing => {
            return write!(f, "{doing} modules requires CAP_SYS_MODULE {missing}");
        }
        Privilege::Dropped => write!(
            f,
            "{doing} modules requires CAP_SYS_MODULE, which even root lacks here: it was dropped \
             from the bounding set"
        ),
        Privilege::Namespace => {
            write!(f, "modules cannot be {done} from inside a user namespace, not even by root")
        }
    }?;
    container.map_or(Ok(()), |container| write!(f, " ({container} container)"))
}

/// What gives the capability back where `sudo` cannot; `action` is what to do with the module.
pub(crate) fn for_missing(lacks: Privilege, container: Option<&str>, action: &str) -> Vec<Remedy> {
    if lacks == Privilege::Namespace {
        let text = format!("{action} the module on the host, outside of the user namespace");
        return vec![Remedy::step(text)];
    }
    let Some(container) = container else {
        return vec![Remedy::step(
            "start the process with CAP_SYS_MODULE in its bounding set; a systemd service must not \
             have ProtectKernelModules=yes",
        )];
    };
    let start = match container {
        "docker" | "podman" => {
            format!("start the container with: {container} run --cap-add SYS_MODULE ...")
        }
        _ => "start the container with the capability CAP_SYS_MODULE".to_owned(),
    };
    vec![Remedy::step(format!("{action} the module on the host")), Remedy::step(start)]
}

/// What to do where a filter of seccomp(2) answers in the kernel's place.
pub(crate) fn for_filter(container: Option<&str>, action: &str, tool: &str) -> Vec<Remedy> {
    let on_host = format!("{action} the module on the host");
    match container {
        Some("docker" | "podman") => vec![
            Remedy::step(on_host),
            Remedy::step("start the container with: --security-opt seccomp=unconfined"),
        ],
        Some(_) => vec![Remedy::step(on_host)],
        None => vec![Remedy::step(format!(
            "run {tool} outside of the service or sandbox that installed the filter (systemd: \
             SystemCallFilter=)"
        ))],
    }
}

/// The kernel asks for the capability in the initial namespace, whose map is the identity.
fn is_in_user_namespace(system: &System) -> bool {
    system::read_text(&system.own_process("uid_map")).is_ok_and(|map| {
        let numbers: Vec<&str> = map.split_ascii_whitespace().collect();
        numbers != ["0", "0", "4294967295"]
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::captured::Captured;

    fn caller(status: &str, map: &str) -> Caller {
        let files = [("proc/self/status", status), ("proc/self/uid_map", map)];
        Caller::read(&Captured::with(&files).system())
    }

    const INITIAL: &str = "         0          0 4294967295\n";

    #[test]
    fn missing_privileges() {
        let all = "CapEff:\t000001ffffffffff\nCapBnd:\t000001ffffffffff\nSeccomp:\t0\n";
        let user = "CapEff:\t0000000000000000\nCapBnd:\t000001ffffffffff\nSeccomp:\t0\n";
        let docker = "CapEff:\t00000000a80425fb\nCapBnd:\t00000000a80425fb\nSeccomp:\t2\n";
        assert_eq!(caller(all, INITIAL).lacks, None);
        assert_eq!(caller(user, INITIAL).lacks, Some(Privilege::Missing));
        let found = caller(docker, INITIAL);
        assert_eq!((found.lacks, found.seccomp), (Some(Privilege::Dropped), Some(true)));
        assert_eq!(caller(all, "0 1000 1\n").lacks, Some(Privilege::Namespace));
        assert!(caller("TracerPid:\t7\n", INITIAL).traced);
    }
}
