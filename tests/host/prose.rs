//! Words of the translated English that these texts once had, and other spellings than ours.

use std::fs;
use std::path::{Path, PathBuf};

/// Words and phrases in lower case.
const BANNED: &[&str] = &[
    "told",
    "of it",
    "what is",
    "content",
    "nobody",
    "somebody",
    "for ever",
    "made of",
    "already so",
    "is loaded already",
    "are loaded already",
    "just being unloaded",
    "just being removed",
    "is of it",
    "cannot be attributed",
    "like its parameters",
    "looked into",
    "time was up",
    "does not like",
    "is looked at",
    "is looked for",
    "not enough memory",
    "licence",
    "licences",
    "behaviour",
    "colour",
    "colours",
    "cancelled",
    "favour",
    "flavour",
    "flavours",
    "honour",
    "neighbour",
    "initialise",
    "initialised",
    "initialises",
    "initialising",
    "initialisation",
    "recognise",
    "recognised",
    "serialise",
    "serialised",
    "normalise",
    "normalised",
    "organise",
    "catalogue",
];

/// "is no module" says in German that it is not one; "there is no" and "is no longer" are English.
const NEGATION: &str = "is no";

/// Everything that people read: comments as much as texts.
const PLACES: &[&str] = &[
    "src",
    "bin",
    "dm",
    "sys",
    "tests",
    "benches",
    "examples",
    "fuzz/src",
    "man",
    "completions",
    "schema",
    "packaging",
    "Makefile",
    "README.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "CHANGELOG.md",
];

fn files(place: PathBuf, found: &mut Vec<PathBuf>) {
    if place.is_dir() {
        for entry in fs::read_dir(place).unwrap() {
            files(entry.unwrap().path(), found);
        }
        return;
    }
    let name = place.file_name().unwrap().to_str().unwrap();
    if !name.starts_with("LICENSE") && name != "prose.rs" {
        found.push(place);
    }
}

/// The words of a text in lower case, each with its line: a phrase may continue in the next line,
/// behind the mark of a comment.
fn words(text: &str) -> Vec<(usize, String)> {
    let mut words = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim_start_matches([' ', '\t', '/', '!', '#', '*']);
        for word in line.split(|it: char| !it.is_alphanumeric() && !"'’-".contains(it)) {
            if !word.is_empty() {
                words.push((number + 1, word.to_lowercase()));
            }
        }
    }
    words
}

fn stands_at(words: &[(usize, String)], phrase: &str) -> bool {
    let mut words = words.iter();
    phrase.split(' ').all(|part| words.next().is_some_and(|(_, word)| word == part))
}

fn faults(text: &str) -> Vec<(usize, &'static str)> {
    let words = words(text);
    let mut faults = Vec::new();
    for start in 0..words.len() {
        let line = words[start].0;
        for phrase in BANNED {
            if stands_at(&words[start..], phrase) {
                faults.push((line, *phrase));
            }
        }
        let before = start.checked_sub(1).map_or("", |it| &words[it].1);
        let english = before == "there" || stands_at(&words[start..], "is no longer");
        if stands_at(&words[start..], NEGATION) && !english {
            faults.push((line, NEGATION));
        }
    }
    faults
}

#[test]
fn texts_are_plain_english() {
    let mut found = Vec::new();
    for place in PLACES {
        files(Path::new(crate::REPOSITORY).join(place), &mut found);
    }
    let mut hits = Vec::new();
    for file in found {
        // Compiled modules and packages.
        let Ok(text) = fs::read_to_string(&file) else { continue };
        for (line, phrase) in faults(&text) {
            let file = file.strip_prefix(crate::REPOSITORY).unwrap().display();
            hits.push(format!("{file}:{line}: {phrase}"));
        }
    }
    assert!(hits.is_empty(), "write these differently:\n{}", hits.join("\n"));
}

#[test]
fn phrases_are_found_across_lines() {
    let text = "/// Prints what\n/// is loaded; there is no file,\n// and it is no\n# longer here. It is no file.";
    assert_eq!(faults(text), [(1, "what is"), (4, NEGATION)]);
}
