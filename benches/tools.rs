//! Where the tools under comparison are.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Serialize;

/// Directories with `insmod`, `rmmod` and `lsmod`.
pub(crate) struct Tools {
    ours: String,
    kmod: String,
    /// Another kmod, if one is given by `KMOD=path`.
    newer_kmod: Option<String>,
    floors: PathBuf,
}

impl Tools {
    pub(crate) fn find(work: &Path) -> Self {
        Self {
            ours: std::env::var("MODUTILS_BIN").expect("MODUTILS_BIN: use `make bench`"),
            kmod: links(work, "kmod", &which("kmod")),
            newer_kmod: std::env::var("KMOD")
                .ok()
                .filter(|path| !path.is_empty())
                .map(|path| links(work, "newer-kmod", Path::new(&path))),
            floors: work.to_owned(),
        }
    }

    /// Where ours are.
    pub(crate) fn directory(&self) -> &str {
        &self.ours
    }

    pub(crate) fn ours(&self, tool: &str) -> String {
        format!("{}/{tool}", self.ours)
    }

    pub(crate) fn kmod(&self, tool: &str) -> String {
        format!("{}/{tool}", self.kmod)
    }

    pub(crate) fn newer_kmod(&self, tool: &str) -> Option<String> {
        self.newer_kmod.as_ref().map(|directory| format!("{directory}/{tool}"))
    }

    /// By the name under which the guest looks for it. It finds no libraries there but those of
    /// the distribution's kmod.
    pub(crate) fn copy_of_newer_kmod(&self, work: &Path) -> Option<String> {
        let copy = work.join("newer_kmod");
        fs::copy(self.newer_kmod("insmod")?, &copy).expect("a copy");
        Some(copy.to_str().expect("a path in UTF-8").to_owned())
    }

    pub(crate) fn floor(&self, tool: &str) -> String {
        self.floors.join(format!("floor_{tool}")).to_str().expect("a path in UTF-8").to_owned()
    }

    /// Compiles the least that each job takes.
    pub(crate) fn build_floors(&self) {
        for tool in ["insmod", "rmmod"] {
            let source = format!("{}/../benches/floor_{tool}.c", env!("CARGO_MANIFEST_DIR"));
            let output = self.floor(tool);
            let status =
                Command::new("cc").args(["-O2", "-static", "-s", "-o", &output, &source]).status();
            assert!(status.is_ok_and(|status| status.success()), "cc {source}");
        }
    }
}

/// How large the file of a program is.
#[derive(Serialize)]
pub(crate) struct FileSize {
    pub(crate) tool: &'static str,
    pub(crate) bytes: u64,
}

impl Tools {
    pub(crate) fn file_sizes(&self) -> Vec<FileSize> {
        let mut files = vec![
            ("insmod", self.ours("insmod")),
            ("rmmod", self.ours("rmmod")),
            ("lsmod", self.ours("lsmod")),
            ("kmod, without its libraries", self.kmod("insmod")),
            ("busybox, with all its tools", which("busybox").to_string_lossy().into_owned()),
            ("floor", self.floor("insmod")),
        ];
        files.extend(self.newer_kmod("insmod").map(|file| ("newer kmod", file)));
        files
            .into_iter()
            .map(|(tool, file)| FileSize { tool, bytes: fs::metadata(file).expect("a file").len() })
            .collect()
    }
}

fn which(program: &str) -> PathBuf {
    let path = std::env::var("PATH").unwrap_or_default() + ":/sbin:/usr/sbin";
    path.split(':')
        .map(|directory| Path::new(directory).join(program))
        .find(|file| file.exists())
        .unwrap_or_else(|| panic!("{program} is not installed"))
}

/// kmod knows by the name it is called by which of its tools it is.
fn links(work: &Path, name: &str, kmod: &Path) -> String {
    let directory = work.join(name);
    fs::create_dir_all(&directory).expect("a directory");
    let kmod = kmod.canonicalize().expect("the path of kmod");
    for tool in ["insmod", "rmmod", "lsmod", "modprobe"] {
        let link = directory.join(tool);
        let _ = fs::remove_file(&link);
        symlink(&kmod, link).expect("a link");
    }
    directory.to_str().expect("a path in UTF-8").to_owned()
}
