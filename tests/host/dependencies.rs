//! The crates that a program that uses the library has to compile, and those in CONTRIBUTING.md.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Crates that only the commands need.
const FOR_COMMANDS: [&str; 5] = ["anyhow", "clap", "serde", "serde_json", "unicode-width"];

fn dependencies(options: &[&str]) -> Vec<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--offline", "--edges=normal", "--prefix=none"])
        .args(options)
        .current_dir(crate::REPOSITORY)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

#[test]
fn the_library_alone_needs_nothing_of_the_commands() {
    let library = dependencies(&["--package=modutils"]);
    assert!(library.iter().any(|name| name == "nix"), "{library:?}");
    for name in FOR_COMMANDS {
        assert!(!library.iter().any(|found| found == name), "{name} is in {library:?}");
    }
    let everything = dependencies(&["--package=modutils-tools"]);
    for name in FOR_COMMANDS {
        assert!(everything.iter().any(|found| found == name), "{name} is not needed at all?");
    }
}

/// The crates that are there, and no others.
#[test]
fn the_contributors_guide_lists_the_crates() {
    let direct = dependencies(&["--workspace", "--depth=1"]);
    let ours = |name: &&str| name.is_empty() || name.starts_with("modutils");
    let used: BTreeSet<_> = direct.iter().map(String::as_str).filter(|name| !ours(name)).collect();
    assert!(used.contains("nix"), "{used:?}");

    let guide = Path::new(crate::REPOSITORY).join("CONTRIBUTING.md");
    let guide = fs::read_to_string(guide).unwrap();
    let (_, after) = guide.split_once("\n## Dependencies\n").unwrap();
    let rows = after.split("\n## ").next().unwrap().lines();
    let names = rows.filter_map(|line| line.strip_prefix("| ")?.split(" | ").next()).skip(1);
    let listed: BTreeSet<_> = names.flat_map(|names| names.split(", ")).collect();
    assert_eq!(listed, used);
}
