//! Where a thread is inside the kernel, from `/proc/PID/task/TID/stack`.
//!
//! That file is for root only, and there with `CONFIG_STACKTRACE`; `wchan` beside it names the one
//! function in which the thread sleeps (proc(5)).

use std::fmt;

use crate::name::ModuleName;
use crate::system::{self, System};

/// A function on a kernel stack.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Frame {
    function: String,
    /// The module that the function belongs to.
    module: Option<ModuleName>,
}

/// The place in the kernel of a thread that loads or removes a module.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Whereabouts {
    /// The part of the load or removal.
    pub stage: Stage,
    /// The cause of a wait, if the stack shows it.
    pub wait: Option<Wait>,
    /// The innermost function that says something: of the module where one of its functions runs,
    /// else the one that sleeps.
    pub function: Option<String>,
}

/// A part of a load or a removal.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage {
    /// The init function of a module runs; `None` if it left the stack to a function that it calls
    /// last.
    Init(Option<ModuleName>),
    /// The exit function of a module runs; `None` as for init.
    Exit(Option<ModuleName>),
    /// It waits for the init function of another module: one that it depends on, or one of the
    /// same name. `load_module` sleeps itself only then (`resolve_symbol_wait` and
    /// `module_patient_check_exists` in `kernel/module/main.c`, Linux 6.12).
    OtherInit,
    /// It waits for another process that loads the same file (Linux 6.5 and later).
    SameFile,
    /// The kernel reads, decompresses or links the module, or frees it.
    Kernel,
}

/// The cause of a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Wait {
    /// A period of time.
    Sleep,
    /// A firmware file.
    Firmware,
    /// A user-space helper, such as modprobe.
    Helper,
    /// An event or another thread.
    Event,
    /// The end of grace periods: RCU.
    GracePeriod,
    /// Something that the stack does not show, such as a lock: the functions of the scheduler and
    /// of locks are skipped (`in_sched_functions`).
    Other,
}

impl Whereabouts {
    /// Looks where a thread of this process is. `None` if neither file may be read, or the thread
    /// is not in the kernel.
    pub fn of_own_thread(system: &System, thread: u32) -> Option<Self> {
        let read = |file: &str| {
            system::read_text(&system.own_process(&format!("task/{thread}/{file}"))).ok()
        };
        if let Some(text) = read("stack") {
            let mut found = Self::read(&text)?;
            // The state stands behind the name, which may have any bytes in it.
            let state = read("stat")
                .and_then(|stat| stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next()));
            if found.wait.is_none() && matches!(state, Some('D' | 'S')) {
                found.wait = Some(Wait::Other);
            }
            return Some(found);
        }
        // A thread that waits for events is between two calls.
        let is_call = |function: &String| function != "0" && !function.contains("poll");
        let function = read("wchan").filter(is_call)?;
        Some(Self::from_frames(&[Frame { module: None, function }]))
    }

    /// Reads the text of a `stack` file; `None` if the thread neither loads nor removes a module.
    pub fn read(text: &str) -> Option<Self> {
        const CALLS: &[&str] = &["init_module", "load_module", "delete_module", "do_one_initcall"];
        let frames: Vec<Frame> = text.lines().filter_map(frame).collect();
        let mut functions = frames.iter().map(|frame| frame.function.as_str());
        let loads = functions.any(|function| CALLS.iter().any(|call| function.contains(call)));
        loads.then(|| Self::from_frames(&frames))
    }

    fn from_frames(frames: &[Frame]) -> Self {
        /// Functions of `delete_module` itself, before and after the exit function.
        const REMOVAL: &[&str] = &["free_module", "async_synchronize", "notifier", "klp_"];
        let calls = |names: &[&str]| {
            frames.iter().position(|frame| names.iter().any(|name| frame.function.contains(name)))
        };
        // The outermost: an init function calls into other modules.
        let own = |frames: &[Frame]| frames.iter().rev().find_map(|frame| frame.module.clone());
        let until = |end: usize| frames.get(..end).unwrap_or_default();
        let (stage, inner) = if let Some(end) = calls(&["do_one_initcall"]) {
            (Stage::Init(own(until(end))), until(end))
        } else if let Some(end) = calls(&["delete_module"]) {
            let module = own(until(end));
            let is_removal = module.is_none() && (end == 0 || calls(REMOVAL).is_some());
            (if is_removal { Stage::Kernel } else { Stage::Exit(module) }, until(end))
        } else if calls(&["resolve_symbol", "simplify_symbols", "add_unformed_module"]).is_some()
            || calls(&["module_patient_check_exists"]).is_some()
            || calls(&["load_module"]) == Some(0)
        {
            (Stage::OtherInit, frames)
        } else if calls(&["idempotent"]).is_some()
            && calls(&["load_module", "init_module_from_file"]).is_none()
        {
            (Stage::SameFile, frames)
        } else {
            (Stage::Kernel, frames)
        };
        let of_module = inner.iter().find(|frame| frame.module.is_some());
        let function = of_module.or(inner.first()).map(|frame| frame.function.clone());
        Self { stage, wait: waits_for(inner), function }
    }
}

/// The first of these that a stack has, from the inside, says what its thread waits for.
fn waits_for(frames: &[Frame]) -> Option<Wait> {
    const WAITS: &[(&str, Wait)] = &[
        ("firmware", Wait::Firmware),
        ("fw_load", Wait::Firmware),
        ("call_usermodehelper", Wait::Helper),
        ("request_module", Wait::Helper),
        ("msleep", Wait::Sleep),
        ("usleep", Wait::Sleep),
        ("hrtimeout", Wait::Sleep),
        ("synchronize_rcu", Wait::GracePeriod),
        ("synchronize_srcu", Wait::GracePeriod),
        ("rcu_barrier", Wait::GracePeriod),
        ("wait_for_completion", Wait::Event),
        ("wait_for_common", Wait::Event),
        ("kthread_stop", Wait::Event),
        ("flush_work", Wait::Event),
        ("async_synchronize", Wait::Event),
        ("schedule_timeout", Wait::Sleep),
    ];
    WAITS.iter().find_map(|(name, wait)| {
        frames.iter().any(|frame| frame.function.contains(name)).then_some(*wait)
    })
}

/// `[<0>] FUNCTION+0x1c/0x1000 [MODULE]`; before Linux 4.11 with the address instead of 0.
fn frame(line: &str) -> Option<Frame> {
    let (_, rest) = line.split_once(">] ")?;
    let mut words = rest.split_whitespace();
    let function = words.next()?.split('+').next()?.to_owned();
    let module = words.next().and_then(|word| word.strip_prefix('[')?.strip_suffix(']'));
    let is_end = function.starts_with("0x");
    (!is_end).then(|| Frame {
        function,
        module: module.and_then(|name| ModuleName::new(name.as_bytes()).ok()),
    })
}

impl fmt::Display for Whereabouts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.stage {
            Stage::Init(Some(module)) => write!(f, "in the init function of {module}")?,
            Stage::Init(None) => f.write_str("in the init function")?,
            Stage::Exit(Some(module)) => write!(f, "in the exit function of {module}")?,
            Stage::Exit(None) => f.write_str("in the exit function")?,
            Stage::OtherInit => f.write_str("waiting for the init function of another module")?,
            Stage::SameFile => {
                f.write_str("waiting for another process that is loading the same file")?;
            }
            Stage::Kernel => f.write_str("in the kernel")?,
        }
        if let Some(wait) = self.wait
            && matches!(self.stage, Stage::Init(_) | Stage::Exit(_) | Stage::Kernel)
        {
            f.write_str(match wait {
                Wait::Sleep => ", sleeping",
                Wait::Firmware => ", waiting for firmware",
                Wait::Helper => ", waiting for a user-space helper",
                Wait::Event => ", waiting for an event",
                Wait::GracePeriod => ", waiting for an RCU grace period",
                Wait::Other => ", blocked",
            })?;
        }
        self.function.as_ref().map_or(Ok(()), |function| write!(f, " ({function})"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stacks() {
        for (stack, expected) in [
            (
                "[<0>] msleep+0x33/0x40\n[<0>] t_slow_init+0x1c/0x1000 [t_slow]\n\
                 [<0>] do_one_initcall+0x59/0x220\n[<0>] do_init_module+0x4a/0x200\n\
                 [<0>] __do_sys_finit_module+0xac/0x120\n[<0>] do_syscall_64+0x58/0x80\n",
                "in the init function of t_slow, sleeping (t_slow_init)",
            ),
            (
                "[<0>] lock_it+0x1/0x2 [t_lib]\n\
                 [<0>] t_lock_init+0x1c/0x1000 [t_lock]\n[<0>] do_one_initcall+0x59/0x220\n",
                "in the init function of t_lock (lock_it)",
            ),
            // The exit function called msleep last, and is not on the stack any more.
            (
                "[<0>] msleep+0x2d/0x40\n[<0>] __do_sys_delete_module.constprop.0+0x1ac/0x2f0\n",
                "in the exit function, sleeping (msleep)",
            ),
            (
                "[<0>] module_patient_check_exists.constprop.0+0xd5/0x130\n\
                 [<0>] load_module+0x6e/0x2\n[<0>] init_module_from_file+0x89/0xe0\n\
                 [<0>] idempotent_init_module+0x11d/0x310\n",
                "waiting for the init function of another module \
                 (module_patient_check_exists.constprop.0)",
            ),
            (
                "[<0>] idempotent_init_module+0x11d/0x310\n\
                 [<0>] __x64_sys_finit_module+0x5e/0xb0\n",
                "waiting for another process that is loading the same file \
                 (idempotent_init_module)",
            ),
            (
                "[<0>] msleep+0x2d/0x40\n[<0>] t_slow_exit+0x15/0x1000 [t_slow]\n\
                 [<0>] __do_sys_delete_module.constprop.0+0x1ac/0x2f0\n",
                "in the exit function of t_slow, sleeping (t_slow_exit)",
            ),
            (
                "[<0>] load_module+0x120e/0x1fd0\n[<0>] resolve_symbol_wait+0x1/0x2\n",
                "waiting for the init function of another module (load_module)",
            ),
            (
                "[<0>] module_patient_check_exists.isra.0+0xd5/0x130\n[<0>] load_module+0x6e/0x2\n",
                "waiting for the init function of another module \
                 (module_patient_check_exists.isra.0)",
            ),
            (
                "[<ffffffff810a5a0e>] synchronize_rcu_normal+0x9/0x80\n\
                 [<ffffffff810a5a0e>] free_module+0x1/0x2\n\
                 [<ffffffff810a5a0e>] SyS_delete_module+0x1/0x2\n\
                 [<ffffffffffffffff>] 0xffffffffffffffff\n",
                "in the kernel, waiting for an RCU grace period (synchronize_rcu_normal)",
            ),
        ] {
            assert_eq!(Whereabouts::read(stack).unwrap().to_string(), expected);
        }
        for text in ["", "garbage\n", "[<0>] 0xffff\n", "[<0>]", "[<0>] \n"] {
            assert_eq!(Whereabouts::read(text), None, "{text:?}");
        }
    }
}
