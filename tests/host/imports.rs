//! Imports: no circle of files; in the commands, clap in the first layer only.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The files that may know clap: they make plain options of a command line.
const COMMAND_LINES: &[&str] = &[
    "common::cli",
    "common::conflict",
    "common::given",
    "insmod::cli",
    "lsmod::cli",
    "rmmod::cli",
];

/// The code of each module below a folder by its path, such as `insmod::failure`, without its tests.
fn modules(folder: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![(String::new(), Path::new(crate::REPOSITORY).join(folder))];
    while let Some((prefix, folder)) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap();
            if name == "main" || name == "tests" {
                continue;
            }
            if path.is_dir() {
                folders.push((format!("{prefix}{name}::"), path));
            } else if path.extension().is_some_and(|it| it == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
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

/// What a module names in its `use` declarations, by full paths. With a visibility, as in `pub use`,
/// they hand on instead.
fn named(name: &str, code: &str, hands_on: bool) -> Vec<String> {
    let declarations = code.split(";\n").filter_map(|part| {
        let (before, tree) = part.rsplit_once("use ")?;
        let visibility = before.rsplit_once('\n').map_or(before, |(_, line)| line);
        let is_use = ["", "pub "].contains(&visibility) || visibility.ends_with(") ");
        (is_use && visibility.is_empty() != hands_on).then_some(tree)
    });
    let full = declarations.flat_map(paths).map(|path| {
        let (mut place, mut path) = (name, path.as_str());
        if let Some(rest) = path.strip_prefix("crate::") {
            return rest.to_owned();
        }
        while let Some(rest) = path.strip_prefix("super::") {
            place = place.rsplit_once("::").map_or("", |(parent, _)| parent);
            path = rest;
        }
        let full = format!("{place}::{path}");
        full.trim_start_matches("::").to_owned()
    });
    full.collect()
}

/// The modules that a module imports: those that define what it names.
fn imports(name: &str, code: &str, known: &BTreeMap<String, String>) -> BTreeSet<String> {
    let module_of = |path: &str| {
        let mut module = path;
        while !known.contains_key(module) {
            module = module.rsplit_once("::")?.0;
        }
        Some(module.to_owned())
    };
    let source = |path: String| {
        let mut path = path;
        loop {
            let module = module_of(&path)?;
            let Some(item) = path.strip_prefix(&format!("{module}::")) else { return Some(module) };
            let end = format!("::{}", item.split("::").next().unwrap());
            let mut others = named(&module, &known[&module], true).into_iter();
            match others.find(|other| other.ends_with(&end) && *other != path) {
                Some(other) => path = other,
                None => return Some(module),
            }
        }
    };
    let modules = named(name, code, false).into_iter().filter_map(source);
    modules.filter(|module| module != name).collect()
}

/// The modules in circles, and those that import them: the others are taken away from below.
fn circles(modules: &BTreeMap<String, String>) -> BTreeMap<&String, BTreeSet<String>> {
    let mut left: BTreeMap<_, _> =
        modules.iter().map(|(name, code)| (name, imports(name, code, modules))).collect();
    loop {
        let done: Vec<_> = left.iter().filter(|(_, of)| of.is_empty()).map(|it| *it.0).collect();
        if done.is_empty() {
            return left;
        }
        for name in done {
            left.remove(name);
            for imports in left.values_mut() {
                imports.remove(name);
            }
        }
    }
}

#[test]
fn files_import_in_one_direction() {
    for folder in ["bin", "src"] {
        let modules = modules(folder);
        let left = circles(&modules);
        assert!(left.is_empty(), "{folder}: circles, or above them: {left:#?}");
    }
}

#[test]
fn a_circle_is_found() {
    let modules = [
        ("a", "mod b;\n\npub use b::Thing;\n"),
        ("a::b", "\nuse super::c::{self, other};\n\npub struct Thing;\n"),
        ("a::c", "\nuse crate::a::Thing;\nuse std::fmt;\n"),
        ("d", "\nuse crate::e::X;\n"),
        ("e", ""),
    ];
    let modules = modules.map(|(name, code)| (name.to_owned(), code.to_owned())).into();
    let left: Vec<_> = circles(&modules).into_keys().cloned().collect();
    assert_eq!(left, ["a::b", "a::c"]);
}

#[test]
fn commands_share_only_common_parts() {
    let modules = modules("bin");
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
