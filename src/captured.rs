//! A directory that looks like a captured system, for tests.

use std::fs;
use std::ops::Deref;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::system::System;

/// Removed when it is dropped.
pub(crate) struct Captured(PathBuf);

impl Captured {
    /// Returns an empty directory of its own: tests run at the same time.
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let (process, count) = (std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let root = std::env::temp_dir().join(format!("modutils-{process}-{count}"));
        fs::create_dir_all(&root).unwrap();
        Self(root)
    }

    /// Returns a directory with these files.
    pub(crate) fn with(files: &[(&str, &str)]) -> Self {
        let captured = Self::new();
        for (path, text) in files {
            captured.write(path, text);
        }
        captured
    }

    pub(crate) fn system(&self) -> System {
        System::at(&self.0)
    }

    /// Writes a file, and makes the directories above it.
    pub(crate) fn write(&self, path: impl AsRef<Path>, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.place(path.as_ref());
        fs::write(&path, bytes).unwrap();
        path
    }

    pub(crate) fn directory(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = self.join(path);
        fs::create_dir_all(&path).unwrap();
        path
    }

    /// Makes a symbolic link, and the directories above it.
    pub(crate) fn link(&self, target: impl AsRef<Path>, path: impl AsRef<Path>) {
        symlink(target, self.place(path.as_ref())).unwrap();
    }

    fn place(&self, path: &Path) -> PathBuf {
        let path = self.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    }
}

impl Deref for Captured {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.0
    }
}

impl Drop for Captured {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
