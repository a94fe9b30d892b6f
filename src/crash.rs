//! Modules whose init or exit function crashed, as the kernel's log shows it.
//!
//! An oops ends the process that ran the function. The module stays as it was, half loaded or half
//! removed, until reboot: in `/proc/modules`, it looks like one that is slow.

use std::collections::HashSet;

use crate::loaded::State;
use crate::log;
use crate::name::ModuleName;
use crate::system::{self, System};

/// The function that crashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Crash {
    Init,
    Exit,
}

impl Crash {
    /// Whether it left the module in this state, rather than being an older one.
    pub(crate) fn explains(self, state: &State) -> bool {
        match self {
            Self::Init => *state == State::Loading,
            Self::Exit => *state == State::Unloading,
        }
    }
}

/// The state of the module, in words.
pub(crate) fn text(crash: Crash, name: &ModuleName) -> String {
    match crash {
        Crash::Init => {
            format!("the init function of {name} crashed; {name} stays loading until reboot")
        }
        Crash::Exit => {
            format!("the exit function of {name} crashed; {name} stays unloading until reboot")
        }
    }
}

/// The crash that left a module in this state.
pub(crate) fn behind(system: &System, name: &ModuleName, state: &State) -> Option<Crash> {
    if *state == State::Live {
        None
    } else {
        of(system, name).filter(|crash| crash.explains(state))
    }
}

/// Whether the init or exit function of this module crashed, if the log still shows it and may be
/// read.
pub(crate) fn of(system: &System, name: &ModuleName) -> Option<Crash> {
    find(&reports(system)?, name)
}

/// Those of the modules whose init function crashed.
pub(crate) fn inits(system: &System, names: &HashSet<ModuleName>) -> HashSet<ModuleName> {
    let reports = if names.is_empty() { None } else { reports(system) };
    let crashed = |name: &&ModuleName| {
        reports.as_ref().is_some_and(|lines| find(lines, name) == Some(Crash::Init))
    };
    names.iter().filter(crashed).cloned().collect()
}

/// The lines of the log if anything crashed.
fn reports(system: &System) -> Option<Vec<String>> {
    has_happened(system).then(|| log::texts(system))
}

/// Whether the kernel has died of an oops or a BUG since it booted.
pub(crate) fn has_happened(system: &System) -> bool {
    /// Bit 7 of the taints: an oops or a BUG, see `Documentation/admin-guide/tainted-kernels.rst`.
    const DIED: u64 = 1 << 7;
    let taints = system::read_text(&system.sysctl("kernel/tainted"));
    taints.is_ok_and(|text| text.parse().is_ok_and(|taints: u64| taints & DIED != 0))
}

/// Looks for a report whose stack leads from the call of the function into the module.
fn find(lines: &[String], name: &ModuleName) -> Option<Crash> {
    const STARTS: &[&str] =
        &["Oops:", "BUG: ", "kernel BUG at", "general protection fault", "Unable to handle kernel"];
    let mark = format!(" [{name}]");
    let (mut in_report, mut in_module) = (false, false);
    let mut found = None;
    for line in lines {
        if STARTS.iter().any(|start| line.contains(start)) {
            (in_report, in_module) = (true, in_module && in_report);
        } else if line.contains("---[ end trace") {
            (in_report, in_module) = (false, false);
        } else if in_report {
            let is_frame = line.contains("+0x");
            in_module |= is_frame && line.contains(&mark);
            if is_frame && in_module {
                if line.contains("do_one_initcall") || line.contains("do_init_module") {
                    found = Some(Crash::Init);
                } else if line.contains("delete_module") {
                    found = Some(Crash::Exit);
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From Linux 6.12 on x86-64, shortened.
    const REPORT: &str = "BUG: kernel NULL pointer dereference, address: 0000000000000000
#PF: supervisor write access in kernel mode
Oops: Oops: 0002 [#1] PREEMPT SMP NOPTI
CPU: 0 UID: 0 PID: 71 Comm: insmod Tainted: G           OE      6.12.0 #1
RIP: 0010:t_stuck_init+0x1c/0x1000 [t_stuck]
Code: 00 00 00
Call Trace:
 <TASK>
 ? page_fault_oops+0x158/0x570
 do_one_initcall+0x59/0x220
 do_init_module+0x4a/0x200
 __do_sys_finit_module+0xac/0x120
 </TASK>
Modules linked in: t_stuck(OE+) t_other(OE)
---[ end trace 0000000000000000 ]---
RIP: 0010:t_stuck_init+0x1c/0x1000 [t_stuck]
";

    fn found(text: &str, name: &str) -> Option<Crash> {
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        find(&lines, &ModuleName::new(name).unwrap())
    }

    #[test]
    fn reports() {
        assert_eq!(found(REPORT, "t_stuck"), Some(Crash::Init));
        // A module that is only linked in, and one whose name begins alike.
        assert_eq!(found(REPORT, "t_other"), None);
        assert_eq!(found(REPORT, "t_st"), None);
        let exit = REPORT.replace(" do_one_initcall+0x59/0x220\n do_init_module+0x4a/0x200\n", "");
        assert_eq!(found(&exit, "t_stuck"), None);
        let exit = exit.replace("__do_sys_finit_module", "__do_sys_delete_module.constprop.0");
        assert_eq!(found(&exit, "t_stuck"), Some(Crash::Exit));
        // Elsewhere: the crash was not in the module.
        let elsewhere = REPORT.replace(" [t_stuck]", "");
        assert_eq!(found(&elsewhere, "t_stuck"), None);
        let later =
            format!("{}\n[t_stuck]+0x1\n do_init_module+0x4a/0x200\n", "---[ end trace 0 ]---");
        assert_eq!(found(&later, "t_stuck"), None);
    }
}
