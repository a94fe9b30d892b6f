//! Files that show nothing for a while.

use super::run;

/// A file of the guest that is empty while this exists.
pub(crate) struct Hidden(&'static str);

impl Hidden {
    pub(crate) fn new(path: &'static str) -> Self {
        run(["mount", "--bind", "/dev/null", path]).succeeds();
        Self(path)
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        run(["umount", self.0]);
    }
}
