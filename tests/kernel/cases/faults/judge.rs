//! The verdict about a run in which one call failed.

use nix::sys::signal::Signal;

use super::scenario::{Effect, Scenario};
use crate::guest::{Call, Fault, Faulted, is_loaded};

impl Scenario {
    pub(super) fn judge(
        &self,
        ordinary: &Faulted,
        run: &Faulted,
        fault: Fault,
    ) -> Result<(), String> {
        // Modules that came, and those that went, are put back first.
        let mut half_done = false;
        let achieved = match self.effect {
            Effect::Loads(names) => {
                let count = names.iter().filter(|name| is_loaded(name)).count();
                self.clean();
                half_done = count > 0 && count < names.len();
                Some(count == names.len())
            }
            Effect::Removes(names) => Some(!names.iter().any(|name| is_loaded(name))),
            Effect::Shows | Effect::None => None,
        };
        if run.overlong {
            return Err("it hangs".to_owned());
        }
        let hit = run.hit.as_ref();
        if run.signal == Some(Signal::SIGABRT) && is_memory(hit) {
            // A Rust program that gets no memory, or no stack for a thread, says so and ends this way.
            let said = ["memory allocation of", "failed to allocate"];
            return if said.iter().any(|words| run.stderr.contains(words)) {
                Ok(())
            } else {
                Err("it aborts without a word".to_owned())
            };
        }
        if run.stderr.contains("panicked") {
            return Err("it panics".to_owned());
        }
        let Some(status) = run.status else { return Err("a signal ends it".to_owned()) };
        if status == 0 {
            return self.judge_success(ordinary, run, achieved, fault);
        }
        // It cannot take out what it is kept from taking out.
        if half_done && hit.is_none_or(|call| call.kind.name != "delete_module") {
            return Err("it leaves half of its work".to_owned());
        }
        if achieved == Some(true) && !writes_to(hit, 1) && ordinary.status == Some(0) {
            return Err("it denies what it did".to_owned());
        }
        let first = run.stderr.lines().next().unwrap_or_default();
        let prefix = format!("{}: ", self.line[0]);
        // In kmod's words it is the kernel that fails, and not for this module only.
        let named = self.subjects.iter().any(|subject| first.contains(subject))
            || first.ends_with("Module unloading is not supported");
        match first.strip_prefix(&prefix) {
            // Its only channel was broken.
            None if first.is_empty() && writes_to(hit, 2) => Ok(()),
            None if is_memory(hit) && !first.is_empty() => Ok(()),
            None => Err("it does not say that it failed".to_owned()),
            Some(_) if named => Ok(()),
            Some(_) => Err("it does not say what failed".to_owned()),
        }
    }

    fn judge_success(
        &self,
        ordinary: &Faulted,
        run: &Faulted,
        achieved: Option<bool>,
        fault: Fault,
    ) -> Result<(), String> {
        // A module that the kernel does not find was removed by another process.
        let gone = fault == Fault::Error(nix::errno::Errno::ENOENT)
            && run.hit.as_ref().is_some_and(|call| call.kind.name == "delete_module");
        if ordinary.status != Some(0) {
            // Then there is nothing left to wait for.
            return if gone { Ok(()) } else { Err("it claims success".to_owned()) };
        }
        if achieved == Some(false) && !gone {
            return Err("it claims what it did not do".to_owned());
        }
        // A record may have less in it.
        if run.stdout.contains("\"status\":0") && achieved == Some(true) {
            return Ok(());
        }
        let gone_reader = fault == Fault::Error(nix::errno::Errno::EPIPE);
        if run.stdout != ordinary.stdout && !(writes_to(run.hit.as_ref(), 1) && gone_reader) {
            // Facts that cannot be read may be missing, and then nothing else may differ.
            let rows = |text: &str| text.lines().count();
            if matches!(self.effect, Effect::Shows)
                && reads_extras(run.hit.as_ref())
                && rows(&run.stdout) == rows(&ordinary.stdout)
            {
                return Ok(());
            }
            return Err(format!("it prints something else:\n{}", run.stdout));
        }
        Ok(())
    }
}

fn is_memory(hit: Option<&Call>) -> bool {
    hit.is_some_and(|call| matches!(call.kind.name, "brk" | "mmap" | "mremap"))
}

fn writes_to(hit: Option<&Call>, descriptor: u64) -> bool {
    hit.is_some_and(|call| call.kind.name == "write" && call.first == descriptor)
}

/// Facts about modules beyond their list, which is all or nothing.
fn reads_extras(hit: Option<&Call>) -> bool {
    hit.is_some_and(|call| match &call.path {
        Some(path) => path.starts_with("/sys/") || path.starts_with("/lib/modules/"),
        None => matches!(call.kind.name, "read" | "getdents64" | "statx" | "fstat"),
    })
}
