//! How long the shells take to list what can follow, from the key to the list.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::measure::with_times;
use crate::native::PLACE;
use crate::race::{Contender, Start, race};
use crate::result::Measured;

/// How many lists a run makes: a shell's start takes longer than one.
pub(crate) const LISTS: u32 = 10;

/// The shells, and how each runs its script in `benches/tab`. What it is called when it only
/// starts, and when it makes lists.
const SHELLS: [(&str, &str, &str); 3] = [
    ("bash, start", "bash", "bash --norc bash.sh"),
    ("fish, start", "fish", "fish --no-config fish.fish"),
    ("zsh, start", "zsh", "zsh -f zsh.zsh"),
];

const ROUNDS: usize = 11;

/// `rmmod <TAB>` and `insmod FILE <TAB>` with these loaded modules and this file, for tools in a
/// directory.
pub(crate) fn lists(modules: usize, tools: &str, file: &Path) -> Vec<Measured> {
    let parameter = parameters(tools, file).into_iter().next().expect("a parameter");
    let file = file.to_str().expect("a path in UTF-8");
    let module = crate::synthetic::name(0);
    let of_modules = of_line(&format!("rmmod, {modules} modules"), tools, "rmmod ", &module);
    let line = format!("insmod {file} ");
    [of_modules, of_line("insmod of a large module", tools, &line, &parameter)].concat()
}

fn of_line(case: &str, tools: &str, line: &str, listed: &str) -> Vec<Measured> {
    let path = std::env::var("PATH").unwrap_or_default();
    let scripts = format!("{}/benches/tab", crate::REPOSITORY);
    let mut contenders = Vec::new();
    for (start, shell, run) in SHELLS {
        for (tool, lists) in [(start, 0), (shell, LISTS)] {
            let run = format!(
                "env COMPLETIONS={}/completions PATH={tools}:{path} {} {lists}",
                crate::REPOSITORY,
                run.replacen(&format!(" {shell}."), &format!(" {scripts}/{shell}."), 1),
            );
            contenders.push(Contender::new(tool, &run).word(line).word(listed));
        }
    }
    let case = format!("TAB, {LISTS} times: {case}");
    let times = race(&contenders, ROUNDS, Start::AtOnce);
    let row = |(contender, times)| with_times(PLACE, &case, contender, times);
    contenders.iter().zip(&times).map(row).collect()
}

/// The largest of these files that has parameters.
pub(crate) fn with_parameters(tools: &str, directory: &Path) -> PathBuf {
    let entries = std::fs::read_dir(directory).expect("large modules").flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "zst"));
    files.sort_by_key(|file| std::fs::metadata(file).map_or(0, |meta| meta.len()));
    let found = files.into_iter().rev().find(|file| !parameters(tools, file).is_empty());
    found.expect("a large module with parameters")
}

/// The names of a module's parameters.
fn parameters(tools: &str, file: &Path) -> Vec<String> {
    let output = Command::new(format!("{tools}/insmod")).arg("--params").arg(file).output();
    let text = String::from_utf8(output.expect("insmod").stdout).expect("UTF-8");
    text.lines().filter_map(|line| Some(line.split_once(':')?.0.to_owned())).collect()
}
