//! What became of each test, kept over runs: a file for each boot of a kernel, as these run at the
//! same time. The table in tests/README.md is made from them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The outcomes of the tests on one kernel, by their names: `default::insert::xz`.
pub(super) type Outcomes = BTreeMap<String, bool>;

fn directory() -> PathBuf {
    Path::new(crate::REPOSITORY).join("target/vm")
}

/// The directory of a kernel's results.
fn of(kernel: &str) -> PathBuf {
    directory().join("outcomes").join(kernel)
}

/// The release of a kernel that was fetched or built, as `tests/vm/kernel.sh` notes it.
pub(super) fn release(kernel: &str) -> String {
    let file = directory().join(kernel).join("kernel/release");
    fs::read_to_string(file).unwrap_or_default().trim().to_owned()
}

/// The results on a kernel.
pub(super) fn read(kernel: &str) -> Outcomes {
    let release = release(kernel);
    let files = fs::read_dir(of(kernel)).into_iter().flatten().flatten();
    files.flat_map(|file| read_file(&file.path(), &release)).collect()
}

/// Each line is `RELEASE TEST ok` or `RELEASE TEST failed`; what another release did is no longer of
/// interest.
fn read_file(file: &Path, release: &str) -> Outcomes {
    let text = fs::read_to_string(file).unwrap_or_default();
    text.lines()
        .filter_map(|line| match line.split(' ').collect::<Vec<_>>()[..] {
            [of, name, outcome] if of == release => Some((name.to_owned(), outcome == "ok")),
            _ => None,
        })
        .collect()
}

/// Adds an outcome, or replaces that of an earlier run. A full disk must not make a test fail.
pub(super) fn note(kernel: &str, test: &str, passed: bool) {
    let release = release(kernel);
    let (boot, _) = test.split_once("::").unwrap_or((test, ""));
    let file = of(kernel).join(boot);
    let mut outcomes = read_file(&file, &release);
    outcomes.insert(test.to_owned(), passed);
    let line = |(test, passed): (&String, &bool)| {
        format!("{release} {test} {}\n", if *passed { "ok" } else { "failed" })
    };
    let lines: String = outcomes.iter().map(line).collect();
    let _ = fs::create_dir_all(of(kernel)).and_then(|()| fs::write(file, lines));
}
