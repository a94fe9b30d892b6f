//! Who runs the module's code: threads of the kernel, and the process that loads it.

use std::path::Path;

use super::holder::{Holder, HolderKind};
use super::search::{OmissionReason, Search};
use super::text::Text;
use crate::directory;
use crate::system;

/// Threads of the kernel that run its code: each may hold the module, as `module_put_and_exit` at
/// its end tells.
pub(super) fn of(search: &Search<'_>) -> Vec<Holder> {
    let processes = search.processes().list.iter();
    let threads = processes.filter(|seen| seen.is_kernel_thread);
    let mut list = Vec::new();
    for seen in threads.take_while(|_| !search.is_late()) {
        let Some(frames) = stack(search, &seen.dir) else { break };
        let Some(function) = function_of(&frames, search.name()) else { continue };
        let process = seen.process.clone();
        list.push(Holder::known(HolderKind::Thread { process, function: function.into() }));
    }
    list
}

/// The loader, with the process that runs the module's init function.
pub(super) fn loader(search: &Search<'_>) -> Holder {
    for seen in &search.processes().list {
        if search.is_late() || seen.is_kernel_thread {
            continue;
        }
        // Any thread of the process may have made the call.
        for thread in directory::entries(&seen.dir.join("task")).into_iter().flatten().flatten() {
            let Some(frames) = stack(search, &thread.path) else { break };
            let loads = frames.lines().any(|frame| frame.contains(" do_init_module+"));
            if loads && frames.lines().any(|frame| is_of(frame, search.name())) {
                let function = frames.lines().next().and_then(name_of).map(Text::from);
                let process = Some(seen.process.clone());
                return Holder::known(HolderKind::Loader { process, function });
            }
        }
    }
    Holder::known(HolderKind::Loader { process: None, function: None })
}

/// `[<0>] kthread_worker_fn+0x9a/0x1d0 [module]`, a line for each function.
fn stack(search: &Search<'_>, dir: &Path) -> Option<String> {
    match system::read_text(&dir.join("stack")) {
        Ok(text) => Some(text),
        Err(error) if error.is_absent() => Some(String::new()),
        Err(_) => {
            search.omit("stacks of the kernel's threads", OmissionReason::PermissionDenied);
            None
        }
    }
}

fn function_of<'t>(frames: &'t str, module: &[u8]) -> Option<&'t str> {
    frames.lines().find(|frame| is_of(frame, module)).and_then(name_of)
}

fn is_of(frame: &str, module: &[u8]) -> bool {
    let owner = frame.trim_end().strip_suffix(']').and_then(|rest| rest.rsplit_once(" ["));
    owner.is_some_and(|(_, owner)| owner.as_bytes() == module)
}

fn name_of(frame: &str) -> Option<&str> {
    frame.split_whitespace().nth(1)?.split('+').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames() {
        let frames = "[<0>] msleep+0x2d/0x40\n[<0>] h_self_run+0x12/0x30 [h_self]\n\
                      [<0>] kthread+0xe8/0x120\n";
        assert_eq!(function_of(frames, b"h_self"), Some("h_self_run"));
        assert_eq!(function_of(frames, b"h_selfish"), None);
        assert_eq!(function_of("", b"h_self"), None);
        assert_eq!(frames.lines().next().and_then(name_of), Some("msleep"));
    }
}
