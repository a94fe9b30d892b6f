//! The architecture of the kernel, which may differ from that of this program.

use nix::sys::personality;
use nix::sys::utsname::uname;

use crate::system::{self, System};

/// The architecture of the kernel, as `uname -m` gives it to a process of its own kind.
pub(crate) fn of_kernel(system: &System) -> String {
    // Linux 6.1. It has no regard to the personality of the process.
    system::read_text(&system.sysctl("kernel/arch")).unwrap_or_else(|_| {
        // setarch(8), and containers of 32-bit systems, make uname(2) tell another architecture.
        // These flags are without the one for that.
        if !system.is_live() {
            return String::new();
        }
        let _ = personality::get().and_then(personality::set);
        let names = uname();
        names.map(|names| names.machine().to_string_lossy().into_owned()).unwrap_or_default()
    })
}

impl System {
    /// Returns whether the kernel is one of 64 bits, on which programs of 32 bits may run, too.
    pub fn has_64_bit_kernel(&self) -> bool {
        let is = |architecture: &str| architecture.contains("64") || architecture == "s390x";
        cfg!(target_pointer_width = "64") || is(&of_kernel(self))
    }
}
