//! The commands' imports: no circle of files, and clap in the first layer only.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The files that may know clap: they make plain options of a command line.
const COMMAND_LINES: &[&str] =
    &["common::cli", "common::conflict", "insmod::cli", "lsmod::cli", "rmmod::cli"];

/// The code of each module by its path, such as `insmod::failure`, without its tests.
fn modules() -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![(String::new(), Path::new(crate::REPOSITORY).join("bin"))];
    while let Some((prefix, folder)) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap();
            if path.is_dir() {
                folders.push((format!("{prefix}{name}::"), path));
            } else if path.extension().is_some_and(|it| it == "rs") && name != "main" {
                let text = fs::read_to_string(&path).unwrap();
                let code = text.split("#[cfg(test)]").next().unwrap();
                found.insert(format!("{prefix}{name}"), code.to_owned());
            }
        }
    }
    assert!(found.len() > 40, "where are the sources?");
    found
}

/// All paths of a use declaration: `a::{b, c::d}` is `a::b` and `a::c::d`.
fn paths(tree: &str) -> Vec<String> {
    let Some((prefix, rest)) = tree.split_once('{') else { return vec![tree.trim().to_owned()] };
    let (mut depth, mut branches) = (0, vec![String::new()]);
    for letter in rest.trim_end().trim_end_matches('}').chars() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                branches.push(String::new());
                continue;
            }
            _ => {}
        }
        branches.last_mut().unwrap().push(letter);
    }
    let branches = branches.iter().flat_map(|branch| paths(branch));
    branches.map(|branch| format!("{}{branch}", prefix.trim())).collect()
}

/// The modules that a module imports.
fn imports(name: &str, code: &str, known: &BTreeMap<String, String>) -> BTreeSet<String> {
    let parent = name.rsplit_once("::").map_or("", |(parent, _)| parent);
    let uses = code.split("\nuse ").skip(1).map(|rest| rest.split(';').next().unwrap());
    let full = uses.flat_map(paths).filter_map(|path| {
        let (first, rest) = path.split_once("::")?;
        match first {
            "crate" => Some(rest.to_owned()),
            "super" => Some(format!("{parent}::{rest}")),
            // A child.
            _ => Some(format!("{name}::{path}")),
        }
    });
    let module = |path: String| {
        let mut path = path.as_str();
        while !known.contains_key(path) {
            path = path.rsplit_once("::")?.0;
        }
        (path != name).then(|| path.to_owned())
    };
    full.filter_map(module).collect()
}

#[test]
fn files_import_in_one_direction() {
    let modules = modules();
    let mut left: BTreeMap<_, _> =
        modules.iter().map(|(name, code)| (name, imports(name, code, &modules))).collect();
    loop {
        let done: Vec<_> = left.iter().filter(|(_, of)| of.is_empty()).map(|it| *it.0).collect();
        if done.is_empty() {
            break;
        }
        for name in done {
            left.remove(name);
            for imports in left.values_mut() {
                imports.remove(name);
            }
        }
    }
    assert!(left.is_empty(), "circles, or above them: {left:#?}");
}

#[test]
fn commands_share_only_common_parts() {
    let modules = modules();
    for (name, code) in &modules {
        let command = name.split("::").next().unwrap();
        for import in imports(name, code, &modules) {
            let other = import.split("::").next().unwrap();
            let allowed = command == "lib" || other == command || other == "common";
            assert!(allowed, "{name} imports {import}");
            // The root of a command starts the rest: nothing below knows it.
            assert!(command == "lib" || import != command, "{name} imports its caller");
        }
        assert!(
            !code.contains("clap") || COMMAND_LINES.contains(&name.as_str()),
            "{name} knows clap"
        );
    }
}
