//! The table of kernels and features in tests/README.md, made from what the tests found: how many
//! succeeded, of those that were run, and of those there are. Kernels that no test was run on here
//! keep what the table says of them.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};

use super::results::{self, Outcomes};
use super::{boots, script, tests_of};

/// Something that users care about, and the tests that show it.
struct Feature {
    name: &'static str,
    /// How the names of its tests begin. If several features have a beginning of a name, it is the
    /// longest that counts, and then the first.
    tests: &'static [&'static str],
    /// What the kernel must have for it.
    needs: Option<&'static str>,
}

/// The tests of a feature on a kernel.
#[derive(Clone, Default)]
struct Count {
    passed: usize,
    run: usize,
    all: usize,
}

/// What the table says of a kernel.
struct Column {
    kernel: String,
    release: String,
    package: String,
    /// In the order of the features.
    cells: Vec<String>,
}

const fn feature(name: &'static str, tests: &'static [&'static str]) -> Feature {
    Feature { name, tests, needs: None }
}

const FEATURES: &[Feature] = &[
    feature(
        "load: parameters, force, refusals in kmod's words",
        &["insert::", "refusals::", "insert_lines::", "no_unload::load", "uml::load"],
    ),
    feature(
        "load: dependencies, standard input, JSON, the library",
        &["insert_options::", "library::", "no_unload::dependencies", "uml::dependencies"],
    ),
    Feature {
        needs: Some("CONFIG_MODULE_DECOMPRESS=y"),
        ..feature("compressed, for the kernel to undo", &["insert::xz", "insert_options::filters"])
    },
    feature(
        "compressed, undone by `insmod`",
        &[
            "insert::compression_is_detected",
            "insert::gzip",
            "insert::xz",
            "insert::xz_with_a_check_that_kernels_cannot_take",
            "insert::zstd",
            "insert_options::filters",
            "insert_options::several_streams",
            "insert_options::standard_input_compressed",
            "no_unload::compressed",
        ],
    ),
    feature("damaged files, and every module of the distribution", &["bad_files::", "files::"]),
    feature(
        "says why a module was not loaded",
        &["diagnosis_", "reports::", "mutations::", "no_unload::diagnosis"],
    ),
    feature("signatures enforced (`module.sig_enforce`)", &["enforced::"]),
    feature("lockdown", &["lockdown::"]),
    feature("blacklist, `modules_disabled`, `nomodule`", &["forbidden::", "nomodule::"]),
    feature(
        "remove: users first, patterns, force",
        &[
            "remove::",
            "remove_options::",
            "remove_text::",
            "remove_lines::",
            "remedies::",
            "no_unload::remove",
            "uml::remove",
        ],
    ),
    feature("replace a loaded module by another build", &["replace::", "interrupted::"]),
    feature("functions that hang or crash", &["stuck::", "crashes::"]),
    feature("remove: several at the same time", &["races::"]),
    feature(
        "wait, woken by the kernel's event",
        &["wait::", "wait_ends::", "wait_paths::", "lateness::"],
    ),
    feature(
        "wait by the clock, where there are no events",
        &["lateness::by_clock", "wait_paths::on_and_off_by_clock", "uml::wait"],
    ),
    feature("wait in one call, as up to Linux 3.12 (injected)", &["wait_in_call::"]),
    feature("who holds a module", &["holders::", "search_time::", "no_unload::who", "uml::who"]),
    feature(
        "list: kmod's bytes, columns, JSON, tree",
        &[
            "absent::",
            "overrides::",
            "provenance::",
            "crowd::",
            "list::",
            "list_options::",
            "list_text::",
            "no_unload::list",
            "uml::list",
        ],
    ),
    feature("without /proc, /sys or a libc", &["bare::", "bare_system::"]),
    feature("any system call fails", &["faults::"]),
];

/// They are about the tests.
const NO_FEATURE: &str = "lane::";

const BEGIN: &str = "<!-- Made by `make kernels-table` from the results of the tests. -->\n";
const END: &str = "<!-- Up to here. -->\n";
const HEAD: &str = "tests that succeeded, of those run (of all there are)";
const NOT_RUN: &str = "not run";

pub(super) fn rewrite() -> ExitCode {
    match rewrite_readme() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the table of kernels: {error}");
            ExitCode::FAILURE
        }
    }
}

fn rewrite_readme() -> Result<(), Box<dyn Error>> {
    let readme = Path::new(crate::REPOSITORY).join("tests/README.md");
    let text = fs::read_to_string(&readme)?;
    let marks = "tests/README.md lacks the marks of the table";
    let (before, rest) = text.split_once(BEGIN).ok_or(marks)?;
    let (old, after) = rest.split_once(END).ok_or(marks)?;
    let columns = columns(read(old))?;
    fs::write(&readme, format!("{before}{BEGIN}{}{END}{after}", table(&columns)?))?;
    Ok(())
}

/// The columns in the text of a table.
fn read(text: &str) -> Vec<Column> {
    let rows: Vec<Vec<&str>> = text
        .lines()
        .filter_map(|line| {
            Some(line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ").collect())
        })
        .collect();
    let head = rows.iter().position(|row| row[0] == HEAD).unwrap_or(rows.len());
    let (kernels, features) = rows.split_at(head);
    let column = |row: &Vec<&str>| {
        let [kernel, release, package] = row[..] else { return None };
        let place = features.first()?.iter().position(|it| *it == kernel)?;
        let cell = |feature: &Feature| {
            let row = features.iter().find(|row| row[0] == feature.name);
            row.and_then(|row| row.get(place)).map_or(NOT_RUN, |cell| *cell).to_owned()
        };
        Some(Column {
            kernel: kernel.to_owned(),
            release: release.to_owned(),
            package: package.trim_matches('`').to_owned(),
            cells: FEATURES.iter().map(cell).collect(),
        })
    };
    kernels.iter().filter_map(column).collect()
}

/// Those of the kernels that have results, and the old ones of all others.
fn columns(mut old: Vec<Column>) -> Result<Vec<Column>, Box<dyn Error>> {
    let names = script(Command::new("tests/vm/flavors.sh").arg("all"))?;
    let mut columns = Vec::new();
    let mut made = Vec::new();
    for kernel in names.lines() {
        let outcomes = results::read(kernel);
        let known = old.iter().position(|column| column.kernel == kernel);
        let known = known.map(|index| old.remove(index));
        if outcomes.is_empty() {
            columns.extend(known);
            continue;
        }
        let packages = script(Command::new("tests/vm/flavors.sh").arg(kernel))?;
        columns.push(Column {
            kernel: kernel.to_owned(),
            release: results::release(kernel),
            package: packages.split_whitespace().nth(2).unwrap_or_default().to_owned(),
            cells: cells(kernel, &outcomes)?,
        });
        made.push(kernel);
    }
    if made.is_empty() {
        return Err("there are no results in target/vm/outcomes: run `make check-kernel`".into());
    }
    println!("tests/README.md: the table of kernels has new columns for {}", made.join(", "));
    columns.append(&mut old);
    Ok(columns)
}

fn table(columns: &[Column]) -> Result<String, Box<dyn Error>> {
    let mut text = "\n| kernel | release | made from the package |\n|---|---|---|\n".to_owned();
    for Column { kernel, release, package, .. } in columns {
        writeln!(text, "| {kernel} | {release} | `{package}` |")?;
    }
    let mut rows: Vec<String> = FEATURES.iter().map(|it| format!("| {} |", it.name)).collect();
    write!(text, "\n| {HEAD} |")?;
    for column in columns {
        write!(text, " {} |", column.kernel)?;
        for (row, cell) in rows.iter_mut().zip(&column.cells) {
            write!(row, " {cell} |")?;
        }
    }
    writeln!(text, "\n|---|{}", "---|".repeat(columns.len()))?;
    for row in rows {
        writeln!(text, "{row}")?;
    }
    text.push('\n');
    Ok(text)
}

/// The cells of a kernel's column.
fn cells(kernel: &str, outcomes: &Outcomes) -> Result<Vec<String>, Box<dyn Error>> {
    let config = configuration(kernel);
    let mut counts = vec![Count::default(); FEATURES.len()];
    for test in tests(kernel, outcomes) {
        if in_area(&test, NO_FEATURE) > 0 {
            continue;
        }
        let (index, _) = FEATURES
            .iter()
            .enumerate()
            .filter(|(_, feature)| {
                feature.needs.is_none_or(|line| config.lines().any(|it| it == line))
            })
            .map(|(index, feature)| {
                (index, feature.tests.iter().map(|begin| in_area(&test, begin)).max().unwrap_or(0))
            })
            .rev()
            .max_by_key(|&(_, length)| length)
            .filter(|&(_, length)| length > 0)
            .ok_or_else(|| format!("tests/kernel/host/table.rs has no feature for {test}"))?;
        counts[index].all += 1;
        counts[index].run += usize::from(outcomes.contains_key(&test));
        counts[index].passed += usize::from(outcomes.get(&test) == Some(&true));
    }
    let cell = |count: &Count| match count {
        Count { all: 0, .. } => "–".to_owned(),
        Count { run: 0, .. } => NOT_RUN.to_owned(),
        Count { passed, run, all } if run < all => format!("{passed}/{run} (of {all})"),
        Count { passed, run, .. } => format!("{passed}/{run}"),
    };
    Ok(counts.iter().map(cell).collect())
}

/// How much of a test's name a beginning is, with or without the boot.
fn in_area(test: &str, begin: &str) -> usize {
    let without_boot = test.split_once("::").map_or(test, |(_, rest)| rest);
    if test.starts_with(begin) || without_boot.starts_with(begin) { begin.len() } else { 0 }
}

/// All tests there are for a kernel; those without a machine, as far as they were run.
fn tests(kernel: &str, outcomes: &Outcomes) -> Vec<String> {
    let guests = boots(kernel)
        .into_iter()
        .flat_map(|boot| tests_of(boot).map(move |test| format!("{}::{test}", boot.name)));
    let hosts = outcomes.keys().filter(|name| name.matches("::").count() == 1).cloned();
    guests.chain(hosts).collect()
}

/// The configuration of a distribution's kernel.
fn configuration(kernel: &str) -> String {
    let file = format!("target/vm/{kernel}/kernel/config");
    fs::read_to_string(Path::new(crate::REPOSITORY).join(file)).unwrap_or_default()
}
