//! The library's modules import downwards only, and keep to their subject.

use std::fs;
use std::path::{Path, PathBuf};

/// Each module may import those of a lower rank, and itself.
const RANKS: &[(&str, u8)] = &[
    ("errno", 0),
    ("note", 0),
    ("compression", 0),
    ("taint", 0),
    ("shell", 0),
    ("order", 0),
    ("lines", 0),
    ("symbols", 1),
    ("nearest", 1),
    ("class", 1),
    ("error", 1),
    ("directory", 2),
    ("name", 2),
    ("syscall", 2),
    ("remedy", 3),
    ("pattern", 3),
    ("system", 3),
    ("architecture", 4),
    ("memory", 3),
    ("kernel", 4),
    ("log", 4),
    ("file", 4),
    ("loaded", 4),
    ("stack", 4),
    ("caller", 4),
    ("crash", 5),
    ("trace", 4),
    ("holders", 5),
    ("depmod", 5),
    ("modprobe", 4),
    ("packages", 4),
    ("installed", 6),
    ("lasting", 6),
    ("insert", 7),
    ("remove", 7),
    ("diagnosis", 8),
    ("availability", 9),
    ("replace", 9),
];

/// Words that belong to one module only.
const OWNERS: &[(&str, &str)] = &[
    ("\"/proc", "system"),
    ("\"/sys", "system"),
    ("\"/lib/modules", "system"),
    ("nix::kmod", "syscall"),
    ("object::", "file"),
    ("clap", "no module"),
    ("anyhow", "no module"),
];

struct Source {
    path: PathBuf,
    module: String,
    text: String,
}

fn sources() -> Vec<Source> {
    let src = Path::new(crate::REPOSITORY).join("src");
    let mut found = Vec::new();
    let mut folders = vec![src.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let inside = path.strip_prefix(&src).unwrap();
            let first = inside.components().next().unwrap().as_os_str().to_str().unwrap();
            let module = first.trim_end_matches(".rs").to_owned();
            let text = fs::read_to_string(&path).unwrap();
            // What only tests import has no rank.
            if module != "lib" && module != "captured" {
                found.push(Source { path, module, text });
            }
        }
    }
    assert!(found.len() >= RANKS.len(), "where are the sources?");
    found
}

/// The code of a line, without comment.
fn code(line: &str) -> &str {
    line.split("//").next().unwrap_or_default()
}

fn rank(module: &str) -> u8 {
    match RANKS.iter().find(|(name, _)| *name == module) {
        Some((_, rank)) => *rank,
        None => panic!("src/{module}: give it a rank here and a row in CONTRIBUTING.md"),
    }
}

#[test]
fn imports_point_downwards() {
    for Source { path, module, text } in sources() {
        for (number, line) in text.lines().enumerate() {
            for after in code(line).split("crate::").skip(1) {
                let imported: String =
                    after.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                if imported == "captured" {
                    continue;
                }
                let known = RANKS.iter().any(|(name, _)| *name == imported);
                assert!(known, "{}:{}: crate::{imported}?", path.display(), number + 1);
                assert!(
                    imported == module || rank(&imported) < rank(&module),
                    "{}:{}: {module} may not import {imported}",
                    path.display(),
                    number + 1
                );
            }
        }
    }
}

#[test]
fn every_module_has_a_rank() {
    for source in sources() {
        rank(&source.module);
    }
}

#[test]
fn the_guide_names_every_module() {
    let guide = fs::read_to_string(Path::new(crate::REPOSITORY).join("CONTRIBUTING.md")).unwrap();
    for (module, _) in RANKS {
        assert!(guide.contains(&format!("| `{module}` |")), "{module} is not in the table");
    }
}

#[test]
fn each_subject_has_one_home() {
    for Source { path, module, text } in sources() {
        for (number, line) in text.lines().enumerate() {
            for (word, owner) in OWNERS {
                assert!(
                    !code(line).contains(word) || module == *owner,
                    "{}:{}: {word} belongs to {owner}",
                    path.display(),
                    number + 1
                );
            }
        }
    }
}

/// What two programs need is a package or a library: code is compiled once.
#[test]
fn no_file_is_part_of_two_programs() {
    let root = Path::new(crate::REPOSITORY);
    let mut places: Vec<PathBuf> =
        ["src", "bin", "tests", "fuzz", "benches", "examples"].map(|name| root.join(name)).into();
    let mut files = 0;
    while let Some(place) = places.pop() {
        if place.is_dir() {
            let inside = fs::read_dir(&place).unwrap().map(|entry| entry.unwrap().path());
            places.extend(inside.filter(|path| !path.ends_with("target")));
        } else if place.extension().is_some_and(|end| end == "rs") {
            let text = fs::read_to_string(&place).unwrap();
            let elsewhere = text.lines().any(|line| line.trim_start().starts_with("#[path"));
            assert!(!elsewhere, "{}", place.display());
            files += 1;
        }
    }
    assert!(files > 400, "where are the sources?");
}
