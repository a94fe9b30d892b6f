//! The running kernel, which alone can be changed.

use std::ops::Deref;

use crate::system::System;

/// The running kernel: the only type that loads and removes modules.
///
/// It reads as any [`System`] does: the methods of the running system are its own, too.
#[derive(Clone, Debug)]
pub struct Kernel {
    system: System,
}

impl Kernel {
    /// Returns the kernel that this program runs on.
    pub fn running() -> Self {
        Self { system: System::live() }
    }

    /// Returns the system that the kernel shows itself in.
    pub fn system(&self) -> &System {
        &self.system
    }
}

impl Deref for Kernel {
    type Target = System;

    fn deref(&self) -> &System {
        &self.system
    }
}
