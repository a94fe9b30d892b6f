//! How watchdogs stop.

use std::ffi::OsStr;
use std::path::Path;

use super::holder::Holder;
use super::search::Search;
use super::text::Text;
use crate::remedy::WayOut;
use crate::system;

/// The step for a watchdog that does not stop.
pub(super) const NO_WAY_OUT: &str =
    "restart the system: this watchdog cannot be stopped (nowayout)";

/// Whether a watchdog does not stop once it runs.
pub(super) fn has_no_way_out(dir: &Path) -> bool {
    system::read_text(&dir.join("nowayout")).is_ok_and(|value| value == "1")
}

/// Adds to the command that ends a process what stops the watchdog that it had open: a watchdog
/// runs on and restarts the system.
pub(super) fn with_stop(search: &Search<'_>, path: &Path, mut holder: Holder) -> Holder {
    let name = path.file_name().unwrap_or_default();
    let name = if name == "watchdog" { OsStr::new("watchdog0") } else { name };
    let dir = search.system.class_dir("watchdog").join(name);
    let is_watchdog = name.as_encoded_bytes().starts_with(b"watchdog") && dir.exists();
    if !is_watchdog || holder.is_caller {
        return holder;
    }
    if has_no_way_out(&dir) {
        return holder.ended_by_step(NO_WAY_OUT);
    }
    if let Some(WayOut::Command(command)) = &mut holder.way_out {
        let node = Text::from(Path::new("/dev").join(name));
        *command = format!("{command}; sleep 1; echo V > {}", node.word());
    }
    holder
}
