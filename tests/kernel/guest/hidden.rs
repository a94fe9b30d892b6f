//! Files that show nothing, or something else, for a while.

use std::fs;

use super::run;

/// A file of the guest that has other contents while this exists.
pub(crate) struct Hidden(&'static str);

impl Hidden {
    /// It is empty.
    pub(crate) fn new(path: &'static str) -> Self {
        Self::behind("/dev/null", path)
    }

    pub(crate) fn behind_text(text: &str, path: &'static str) -> Self {
        let file = "/tmp/shown_instead";
        fs::write(file, text).unwrap();
        Self::behind(file, path)
    }

    fn behind(file: &str, path: &'static str) -> Self {
        run(["mount", "--bind", file, path]).succeeds();
        Self(path)
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        run(["umount", self.0]);
    }
}
