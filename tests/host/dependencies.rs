//! What a program that uses the library has to compile.

use std::process::Command;

/// Crates that only the commands need.
const FOR_COMMANDS: [&str; 5] = ["anyhow", "clap", "serde", "serde_json", "tabled"];

fn dependencies(features: &[&str]) -> Vec<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--offline", "--edges=normal", "--prefix=none"])
        .args(features)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

#[test]
fn the_library_alone_needs_nothing_of_the_commands() {
    let library = dependencies(&["--no-default-features"]);
    assert!(library.iter().any(|name| name == "nix"), "{library:?}");
    for name in FOR_COMMANDS {
        assert!(!library.iter().any(|found| found == name), "{name} is in {library:?}");
    }
    let everything = dependencies(&[]);
    for name in FOR_COMMANDS {
        assert!(everything.iter().any(|found| found == name), "{name} is not needed at all?");
    }
}
