//! Why the list of modules is missing.

use modutils::System;

pub(crate) fn cause(system: &System) -> &'static str {
    if system.has_proc() {
        "this kernel was built without loadable modules"
    } else {
        "/proc is not mounted"
    }
}
