//! What insmod makes of a failure.

use serde_json::Value;

use super::{Done, Run, is_loaded, run};

/// What insmod is expected to say about a file, with `--check` and without.
pub(crate) struct Expected<'a> {
    pub(crate) kind: &'a str,
    pub(crate) status: i32,
    /// The end of kmod's line.
    pub(crate) text: &'a str,
}

pub(crate) const FORMAT: &str = "Invalid module format";

pub(crate) const PARAMETERS: &str = "Invalid parameters";

pub(crate) const SYMBOL: &str = "Unknown symbol in module";

pub(crate) fn misfit<'a>(kind: &'a str, text: &'a str) -> Expected<'a> {
    Expected { kind, status: 7, text }
}

/// Runs insmod on a file that cannot be loaded, first to look and then to load, and compares.
#[track_caller]
pub(crate) fn assert_verdict(words: &[&str], expected: &Expected<'_>) -> Value {
    assert_one(&["--check"], words, expected, "would-fail");
    assert_load(words, expected)
}

/// The same without `--check`: for what only the call itself can tell.
#[track_caller]
pub(crate) fn assert_load(words: &[&str], expected: &Expected<'_>) -> Value {
    assert_one(&[], words, expected, "failed")
}

#[track_caller]
fn assert_one(options: &[&str], words: &[&str], expected: &Expected<'_>, outcome: &str) -> Value {
    let done = Run::new("insmod").args(["--json"]).args(options).args(words).limit(LIMIT).done();
    let result = judged(&done, words, expected);
    let outcome = if expected.status == 3 { "already" } else { outcome };
    done.check(result["outcome"] == outcome, &format!("calls it {outcome}"));
    result
}

/// A dependency that takes its time is waited for by the kernel for half a minute.
const LIMIT: std::time::Duration = std::time::Duration::from_secs(50);

/// Compares what a run of insmod with `--json` said.
#[track_caller]
pub(crate) fn judged(done: &Done, words: &[&str], expected: &Expected<'_>) -> Value {
    let result = result(done);
    let Expected { kind, status, text } = expected;
    done.check(result["cause"]["kind"] == *kind, &format!("finds {kind}"));
    done.check(done.status == Some(*status), &format!("ends with status {status}"));
    let file = words.iter().find(|word| word.starts_with('/') || **word == "-").unwrap();
    let verb = if *kind == "file-not-found" { "load" } else { "insert" };
    let line = format!("insmod: ERROR: could not {verb} module {file}: {text}");
    done.check(done.stderr.lines().next() == Some(&line), &format!("says {line:?}"));
    let sentence = result["cause"]["text"].as_str().unwrap();
    done.check(!sentence.is_empty(), "has a sentence for it");
    result
}

/// The one record of a JSON document.
#[track_caller]
pub(crate) fn result(done: &Done) -> Value {
    let document: Value = serde_json::from_str(&done.stdout).unwrap_or_default();
    let result = document["results"][0].clone();
    done.check(result.is_object(), "prints a record");
    let status = result["status"].as_i64();
    done.check(status == done.status.map(i64::from), "notes its own status");
    result
}

/// A file that would be loaded, and is.
#[track_caller]
pub(crate) fn assert_loads(words: &[&str], name: &'static str) {
    let check: Vec<&str> = ["insmod", "--check"].iter().chain(words).copied().collect();
    run(&check).succeeds_silently();
    assert!(!is_loaded(name));
    let load: Vec<&str> = ["insmod"].iter().chain(words).copied().collect();
    run(&load).succeeds_silently();
    drop(super::Loaded::adopt(name));
}
