//! Manual pages, `--help` and completions say what the code does: nothing more, nothing less.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use modutils::diagnosis::Class;
use modutils::holders::HolderKind;
use modutils::replace::Obstacle;
use modutils::{Cause, Refusal};
use modutils_tools::{Meanings, Record, Status, insmod, lsmod, rmmod};
use serde_json::{Value, to_value};

use crate::command::run;

const TOOLS: [&str; 3] = ["insmod", "rmmod", "lsmod"];

/// Accepted for old scripts, and only the manual page tells.
const SILENT: &[(&str, &str)] = &[("insmod", "-p")];

type Words = BTreeSet<String>;

fn path(file: &str) -> PathBuf {
    Path::new(crate::REPOSITORY).join(file)
}

fn text(file: &str) -> String {
    fs::read_to_string(path(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn help(tool: &str) -> String {
    run(tool, &["--help"]).status(0).stdout.clone()
}

/// The part of a manual page below one heading.
fn section(tool: &str, heading: &str) -> String {
    let page = text(&format!("man/{tool}.8"));
    let start = format!(".Sh {heading}\n");
    let Some((_, after)) = page.split_once(&start) else {
        panic!("man/{tool}.8 has no section {heading}")
    };
    after.split(".Sh ").next().unwrap_or_default().to_owned()
}

fn documented(words: &Words, tool: &str) -> Words {
    let is_silent = |word: &&String| SILENT.contains(&(tool, word.as_str()));
    words.iter().filter(|word| !is_silent(word)).cloned().collect()
}

fn long(words: &Words) -> Words {
    words.iter().filter(|word| word.starts_with("--")).cloned().collect()
}

/// Options at the start of the lines of `--help`: `-w, --wait[=<TIME>]`.
fn options_of_help(tool: &str) -> Words {
    let mut words = Words::new();
    for line in help(tool).lines().filter(|line| line.starts_with("  ")) {
        let line = line.trim_start();
        if line.starts_with('-') {
            let spelled = line.split("  ").next().unwrap_or_default();
            words.extend(spelled.split(", ").map(|word| {
                let end = word.find(|c: char| c != '-' && !c.is_alphanumeric());
                word[..end.unwrap_or(word.len())].to_owned()
            }));
        }
    }
    assert!(words.contains("--version"), "{words:?}");
    words
}

/// Options in the tags of the manual page: `.It Fl w , Fl -wait Ns Op = Ns Ar time`.
fn options_of_page(tool: &str) -> Words {
    let mut words = Words::new();
    for line in section(tool, "OPTIONS").lines().filter_map(|line| line.strip_prefix(".It ")) {
        let parts: Vec<_> = line.split(' ').collect();
        for pair in parts.windows(2).filter(|pair| pair[0] == "Fl") {
            words.insert(format!("-{}", pair[1]));
        }
    }
    words
}

/// Words that look like long options.
fn options_of_bash(tool: &str) -> Words {
    let text = text(&format!("completions/{tool}.bash"));
    let (_, list) = text.split_once("options='").unwrap();
    let list = list.split('\'').next().unwrap();
    list.split_whitespace().map(|word| word.trim_end_matches('=').to_owned()).collect()
}

/// Specifications of `_arguments`: `'(-n)--check[…]'` or `'(…)'{-n,--check}'[…]'`.
fn options_of_zsh(tool: &str) -> Words {
    let mut words = Words::new();
    for line in text(&format!("completions/_{tool}")).lines() {
        let Some(line) = line.strip_prefix("  '") else { continue };
        let Some((spelled, _)) = line.split_once('[') else { continue };
        let spelled = match spelled.strip_prefix('(') {
            Some(exclusive) => exclusive.split_once(')').unwrap().1,
            None => spelled,
        };
        let spelled = spelled.trim_matches(|c| "'{}".contains(c));
        let spelled = spelled.split(',').map(|word| word.trim_end_matches(['=', '+', '-']));
        words.extend(spelled.filter(|word| word.starts_with('-')).map(str::to_owned));
    }
    words
}

/// `complete -c TOOL … -s n -l check -d …`
fn options_of_fish(tool: &str) -> Words {
    let mut words = Words::new();
    for line in text(&format!("completions/{tool}.fish")).lines() {
        let line = line.split(" -d ").next().unwrap();
        let parts: Vec<_> = line.split(' ').collect();
        for pair in parts.windows(2).filter(|_| line.starts_with("complete -c ")) {
            match pair[0] {
                "-s" => words.insert(format!("-{}", pair[1])),
                "-l" => words.insert(format!("--{}", pair[1])),
                _ => false,
            };
        }
    }
    words
}

#[test]
fn options() {
    for tool in TOOLS {
        let help = options_of_help(tool);
        assert_eq!(documented(&options_of_page(tool), tool), help, "{tool}: manual page, help");
        assert_eq!(options_of_bash(tool), long(&help), "{tool}: bash, help");
        assert_eq!(options_of_zsh(tool), help, "{tool}: zsh, help");
        assert_eq!(options_of_fish(tool), help, "{tool}: fish, help");
    }
    for (tool, option) in SILENT {
        assert!(options_of_page(tool).contains(*option), "{tool} {option} is not documented");
        assert!(!options_of_help(tool).contains(*option), "{tool} {option} is not silent");
    }
}

/// The synopsis has each option, by its letter if it has one.
#[test]
fn synopses() {
    for tool in TOOLS {
        let synopsis = section(tool, "SYNOPSIS");
        let words: Vec<_> = synopsis.split_whitespace().collect();
        let spelled = words.windows(2).filter(|pair| pair[0].ends_with("Fl") || pair[0] == "|");
        let (long, short): (Vec<_>, Vec<_>) =
            spelled.map(|pair| pair[1]).partition(|word| word.starts_with('-'));
        let letters = short.concat();
        let tags = section(tool, "OPTIONS");
        for tag in tags.lines().filter_map(|line| line.strip_prefix(".It Fl ")) {
            let option = tag.split(' ').next().unwrap_or_default();
            if SILENT.contains(&(tool, &format!("-{option}"))) {
                continue;
            }
            let described =
                if option.len() == 1 { letters.contains(option) } else { long.contains(&option) };
            assert!(described, "man/{tool}.8: {option}");
        }
    }
}

/// The statuses that a command can end with: what the classes of the library's reasons become, and
/// those that every command has.
fn statuses(tool: &str) -> (Meanings, Vec<Class>, &'static [Status]) {
    const SIGNALS: &[Status] = &[Status::HungUp, Status::Interrupted, Status::Terminated];
    match tool {
        // A replacement also removes.
        "insmod" => {
            let classes = [Cause::CLASSES, Obstacle::CLASSES, Refusal::CLASSES].concat();
            (insmod::STATUSES, classes, SIGNALS)
        }
        "rmmod" => (rmmod::STATUSES, Refusal::CLASSES.to_vec(), SIGNALS),
        _ => (lsmod::STATUSES, Vec::new(), &[]),
    }
}

#[test]
fn exit_statuses() {
    let number = |status: &Status| (*status as u8).to_string();
    for tool in TOOLS {
        let (meanings, classes, others) = statuses(tool);
        let mut possible: Words = classes.iter().map(|&class| number(&class.into())).collect();
        let usual = [Status::Done, Status::Failed, Status::Usage];
        possible.extend(usual.iter().chain(others).map(number));
        let explained: Words = meanings.iter().map(|(status, _)| number(status)).collect();
        assert_eq!(explained, possible, "{tool}");

        let help = help(tool);
        let (_, list) = help.split_once("Exit status:\n").unwrap();
        let listed: Words = list
            .lines()
            .filter_map(|line| line.split_whitespace().next())
            .map(String::from)
            .collect();
        assert_eq!(listed, possible, "{tool} --help");
        let section = section(tool, "EXIT STATUS");
        let tags = section.lines().filter_map(|line| line.strip_prefix(".It "));
        let documented: Words = tags.flat_map(|tag| tag.split(" , ")).map(String::from).collect();
        assert_eq!(documented, possible, "man/{tool}.8");
    }
}

#[test]
fn cause_kinds() {
    // What only a replacement can come to.
    let replacement =
        &["another-build", "unverified-build", "not-loaded", "interrupted", "timed-out"];
    let of_insmod = [Cause::KINDS, Obstacle::KINDS, replacement].concat();
    for (tool, kinds) in [("insmod", of_insmod), ("rmmod", Refusal::KINDS.to_vec())] {
        let kinds: Words = kinds.into_iter().map(String::from).collect();
        let section = section(tool, "DIAGNOSTICS");
        let tags = section.lines().filter_map(|line| line.strip_prefix(".It Li "));
        let documented: Words = tags.flat_map(|tag| tag.split(" , ")).map(String::from).collect();
        assert_eq!(documented, kinds, "man/{tool}.8");
    }
}

/// Fields of the records of `--json`, and the words for holders.
#[test]
fn json() {
    // Each field by its name, so that a new one does not compile before it is here.
    let record = Record {
        module: None,
        file: None,
        outcome: "",
        status: 0,
        errno: None,
        message: None,
        cause: None,
        kernel_log: vec![],
        fix: vec![],
        holders: Some(vec![]),
        unexplained: Some(0),
        recorded: Some(Value::Null),
        state: Some(String::new()),
        permanent: Some(true),
        dependencies: vec![Value::Null],
        steps: vec![Value::Null],
        warnings: vec![String::new()],
    };
    let fields: Words = to_value(record).unwrap().as_object().unwrap().keys().cloned().collect();
    let of_insmod: Words = ["dependencies", "steps"].map(str::to_owned).into();
    let of_rmmod: Words =
        ["holders", "unexplained", "recorded", "state", "permanent"].map(str::to_owned).into();
    for tool in ["insmod", "rmmod"] {
        let section = section(tool, "JSON");
        let tags = section.lines().filter_map(|line| line.strip_prefix(".It Va "));
        let documented: Words = tags.map(String::from).collect();
        let all = &fields - if tool == "rmmod" { &of_insmod } else { &of_rmmod };
        assert_eq!(documented, all, "man/{tool}.8");
    }
}

/// Every kind of holder is documented.
#[test]
fn holders() {
    let kinds: Words = HolderKind::KINDS.iter().copied().map(str::to_owned).collect();
    let section = section("rmmod", "JSON");
    let tags = section.lines().filter_map(|line| line.strip_prefix(".It Li "));
    assert_eq!(tags.map(String::from).collect::<Words>(), kinds);
}

#[test]
fn columns() {
    let list = run("lsmod", &["--list-columns"]).status(0).stdout.clone();
    let columns: Words =
        list.lines().filter_map(|line| line.split_whitespace().next()).map(String::from).collect();
    let section = section("lsmod", "COLUMNS");
    let tags = section.lines().filter_map(|line| line.strip_prefix(".It Cm "));
    assert_eq!(tags.map(String::from).collect::<Words>(), columns);
}

/// The legend has the letters that the library knows, with the words that tables have for them.
#[test]
fn taints() {
    let section = section("lsmod", "TAINTS");
    let entries: Vec<_> = section.split(".It Cm ").skip(1).collect();
    let known: Vec<_> = modutils::loaded::Taints::known().collect();
    assert_eq!(entries.len(), known.len());
    for (entry, (letter, word)) in entries.iter().zip(known) {
        assert!(entry.starts_with(&format!("{letter}\n{word}")), "man/lsmod.8: {entry}");
    }
}

/// In the line of a macro, a word like `In` or `No` is one, too, and is not printed; `\&In` is.
#[test]
fn manual_pages_lose_no_words() {
    const MEANT: [&str; 12] =
        ["Ar", "Cm", "Dv", "Ev", "Fl", "Li", "Ns", "Op", "Pa", "Pq", "Sx", "Va"];
    for tool in TOOLS {
        let page = text(&format!("man/{tool}.8"));
        // What an author says of the width of a list is not parsed.
        for line in page.lines().filter(|line| line.starts_with('.') && !line.starts_with(".Bl ")) {
            for word in line.split(' ').skip(1).filter(|word| !MEANT.contains(word)) {
                let may_be_a_macro = matches!(word.as_bytes(), [b'A'..=b'Z', b'a'..=b'z']);
                assert!(!may_be_a_macro, "man/{tool}.8: `{word}` in {line:?}: write \\&{word}");
            }
        }
    }
}

#[test]
fn manual_pages_are_well_formed() {
    // Other manual pages of this machine do not matter here.
    const OTHERS: [&str; 2] = ["outdated mandoc.db", "referenced manual not found"];
    for tool in TOOLS {
        let file = path(&format!("man/{tool}.8"));
        let output = Command::new("mandoc")
            .args(["-T", "lint", "-W", "style"])
            .arg(&file)
            .output()
            .unwrap_or_else(|error| panic!("mandoc: {error}; `make tools` installs it"));
        let said = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        let is_ours = |line: &&str| !OTHERS.iter().any(|others| line.contains(others));
        let complaints: Vec<_> = said.lines().filter(is_ours).collect();
        assert!(complaints.is_empty(), "{complaints:#?}");
    }
}
