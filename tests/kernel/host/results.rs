//! What became of each test, kept over runs: a file for each kernel. The table in tests/README.md
//! is made from them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The outcomes of the tests on one kernel, by their names: `default::insert::xz`.
pub(super) type Outcomes = BTreeMap<String, bool>;

fn directory() -> PathBuf {
    Path::new(crate::REPOSITORY).join("target/vm")
}

fn file(kernel: &str) -> PathBuf {
    directory().join("results").join(kernel)
}

/// The release of a kernel that was fetched or built, as `tests/vm/kernel.sh` notes it.
pub(super) fn release(kernel: &str) -> String {
    let file = directory().join(kernel).join("kernel/release");
    fs::read_to_string(file).unwrap_or_default().trim().to_owned()
}

/// The results on a kernel. Each line is `RELEASE TEST ok` or `RELEASE TEST failed`; what another
/// release did is no longer of interest.
pub(super) fn read(kernel: &str) -> Outcomes {
    let release = release(kernel);
    let text = fs::read_to_string(file(kernel)).unwrap_or_default();
    text.lines()
        .filter_map(|line| match line.split(' ').collect::<Vec<_>>()[..] {
            [of, name, outcome] if of == release => Some((name.to_owned(), outcome == "ok")),
            _ => None,
        })
        .collect()
}

/// Adds an outcome, or replaces that of an earlier run. A full disk must not make a test fail.
pub(super) fn note(kernel: &str, test: &str, passed: bool) {
    let mut outcomes = read(kernel);
    outcomes.insert(test.to_owned(), passed);
    let release = release(kernel);
    let line = |(test, passed): (&String, &bool)| {
        format!("{release} {test} {}\n", if *passed { "ok" } else { "failed" })
    };
    let lines: String = outcomes.iter().map(line).collect();
    let file = file(kernel);
    let _ = fs::create_dir_all(directory().join("results")).and_then(|()| fs::write(file, lines));
}
