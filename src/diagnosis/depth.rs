//! How much there is to look up after a failure.

use super::Purpose;
use super::evidence::{self, About};
use super::facts::Facts;
use crate::errno::Errno;
use crate::log;
use crate::system::System;

/// Which lookups are worth their time: to list the kernel's symbols takes tens of milliseconds, as
/// does decompressing a large module.
#[derive(Clone, Copy)]
pub(super) struct Depth {
    /// Who exports the symbols that the module needs.
    pub(super) symbols: bool,
    /// What modules of this kernel look like, and which key they are signed with.
    pub(super) reference: bool,
    pub(super) purpose: Purpose,
}

impl Depth {
    pub(super) const ALL: Self = Self { symbols: true, reference: true, purpose: Purpose::Explain };

    pub(super) fn after(
        system: &System,
        facts: &Facts,
        about: About<'_>,
        answer: Errno,
        purpose: Purpose,
    ) -> Self {
        let symbols =
            matches!(answer, Errno::ENOENT | Errno::EINVAL | Errno::ENOEXEC | Errno::EBUSY);
        let signature = matches!(answer, Errno::EKEYREJECTED | Errno::ENOKEY | Errno::EPERM);
        let fit = matches!(answer, Errno::EINVAL | Errno::ENOEXEC);
        if purpose == Purpose::Explain {
            return Self { symbols, reference: signature || fit, purpose };
        }
        // What the loader said of the call is enough to classify it; so is that it has not said
        // anything of this module since the boot, as it does of symbols and of what does not fit.
        let said = facts.log.iter().flatten().any(|evidence| evidence.finding().is_some());
        let silent = || {
            let is_finding = |text: &str| {
                evidence::read(text, 0, about).as_ref().is_some_and(|it| it.finding().is_some())
            };
            facts.log.is_some() && log::has(system, is_finding) == Some(false)
        };
        let symbols = symbols && !said && !silent();
        Self { symbols, reference: !said && (signature || fit && symbols), purpose }
    }
}
