//! Loading the largest module of the distribution that starts here.

use std::fs;
use std::path::{Path, PathBuf};

use super::insert::each_compression;
use super::{is_loaded, module_name, report_times};
use crate::race::{Contender, execute_quietly};

/// A run takes long, and hardly differs from the next.
const ROUNDS: usize = 1;

pub(super) fn loaded() {
    let (file, size) = files().into_iter().find(|(file, _)| starts(file)).expect("a large module");
    let module = module_name(&file);
    let stem = file.with_extension("");
    let stem = stem.to_str().expect("a path in UTF-8");
    let mib = size as f64 / f64::from(1 << 20);
    let case = format!("insmod of {module}, {mib:.1} MiB");
    each_compression(&case, &module, stem, &|case, contenders| {
        report_times(case, ROUNDS, contenders);
    });
    with_options(&case, &module, stem);
}

/// With what has to know the module's name and its parameters.
fn with_options(case: &str, module: &str, stem: &str) {
    let run =
        |tool, line: String| Contender::new(tool, &line).after(&format!("/floor_rmmod {module}"));
    let contenders = [
        run("modutils", format!("/sbin/insmod {stem}.ko")),
        run("modutils -v", format!("/sbin/insmod -v {stem}.ko")),
        run("modutils, parameter", format!("/sbin/insmod {stem}.ko dyndbg=-p")),
    ];
    report_times(&format!("{case}, with options"), ROUNDS, &contenders);
}

/// The largest, whether it can be loaded here or not.
pub(super) fn largest() -> PathBuf {
    files().into_iter().next().expect("a large module").0
}

/// Those that the host chose, in `/`, the largest first.
fn files() -> Vec<(PathBuf, u64)> {
    let entries = fs::read_dir("/").expect("the root");
    let paths = entries.flatten().map(|entry| entry.path());
    let mut files: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "ko"))
        .map(|path| (path.clone(), fs::metadata(path).map_or(0, |meta| meta.len())))
        .collect();
    files.sort_by_key(|(_, size)| std::cmp::Reverse(*size));
    files
}

/// Whether it can be loaded and removed; what it depends on stays loaded.
fn starts(file: &Path) -> bool {
    let module = module_name(file);
    let command = |line: &str| {
        let words: Vec<_> = line.split(' ').map(str::to_owned).collect();
        execute_quietly(&words)
    };
    command(&format!("/kmod/modprobe -q {module}"))
        && is_loaded(&module)
        && command(&format!("/floor_rmmod {module}"))
}
