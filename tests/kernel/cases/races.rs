//! Several tools at work on one module at the same moment, for as many rounds as the time allows,
//! or a thousand in a thorough run: each has to end in one of the documented ways.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::guest::{is_loaded, remove, thorough};

crate::tests![
    two_removals,
    two_waiting_removals,
    insertion_and_removal,
    insertion_and_waiting_removal,
];

/// The time for the rounds of one test, and how many they are in a thorough run.
const TIME: Duration = Duration::from_secs(10);
const ROUNDS: u32 = 1000;

const INSERT: &[&str] = &["insmod", "/modules/t_plain.ko"];
const REMOVE: &[&str] = &["rmmod", "t_plain"];
const REMOVE_WAITING: &[&str] = &["rmmod", "--wait=10", "t_plain"];

/// Ways to end: a status and all that is said.
const DONE: (i32, &str) = (0, "");
const NOT_LOADED: (i32, &str) = (3, "rmmod: ERROR: Module t_plain is not currently loaded\n");
const BEING_REMOVED: (i32, &str) =
    (4, "rmmod: ERROR: could not remove 't_plain': Device or resource busy\n");
/// The loader's own reference.
const BEING_LOADED: (i32, &str) = (4, "rmmod: ERROR: Module t_plain is in use\n");
const LOADED: (i32, &str) =
    (3, "insmod: ERROR: could not insert module /modules/t_plain.ko: File exists\n");
/// Linux 6.1 takes so long to answer that the module may be gone by then. Nothing is left that
/// would tell the answer from the same one of an init function.
const WAS_LOADED: (i32, &str) =
    (8, "insmod: ERROR: could not insert module /modules/t_plain.ko: File exists\n");
const WAS_LEAVING: (i32, &str) =
    (8, "insmod: ERROR: could not insert module /modules/t_plain.ko: Device or resource busy\n");
const STILL_THERE: (i32, &str) =
    (4, "insmod: ERROR: could not insert module /modules/t_plain.ko: Device or resource busy\n");

fn start(words: &[&str]) -> Child {
    Command::new(words[0])
        .args(&words[1..])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[track_caller]
fn end(child: Child, words: &[&str], expected: &[(i32, &str)]) -> i32 {
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    let found = (output.status.code().unwrap_or(-1), &*stderr);
    assert!(expected.contains(&found), "{words:?}: {found:?}");
    assert!(output.stdout.is_empty(), "{words:?}: {:?}", output.stdout);
    found.0
}

/// Has both run at once, again and again, with the module loaded before each round or before every
/// other.
fn race(
    first: (&[&str], &[(i32, &str)]),
    second: (&[&str], &[(i32, &str)]),
    loaded_before: impl Fn(u32) -> bool,
    check: impl Fn(i32, i32),
) {
    let start_of_all = Instant::now();
    let mut round = 0;
    let least = if thorough() { ROUNDS } else { 10 };
    while round < least || !thorough() && start_of_all.elapsed() < TIME {
        round += 1;
        if loaded_before(round) && !is_loaded("t_plain") {
            end(start(INSERT), INSERT, &[DONE]);
        }
        let (one, other) = (start(first.0), start(second.0));
        let one = end(one, first.0, first.1);
        let other = end(other, second.0, second.1);
        check(one, other);
    }
    println!("{} against {}: {round} rounds", first.0.join(" "), second.0.join(" "));
    if is_loaded("t_plain") {
        remove("t_plain").unwrap();
    }
}

fn two_removals() {
    let remove = (REMOVE, &[DONE, NOT_LOADED, BEING_REMOVED][..]);
    race(
        remove,
        remove,
        |_| true,
        |one, other| {
            assert!((one == 0) != (other == 0), "{one} and {other}");
            assert!(!is_loaded("t_plain"));
        },
    );
}

/// The one that comes late may find nothing to wait for.
fn two_waiting_removals() {
    let remove = (REMOVE_WAITING, &[DONE, NOT_LOADED][..]);
    race(
        remove,
        remove,
        |_| true,
        |one, other| {
            assert!(one == 0 || other == 0, "{one} and {other}");
            assert!(!is_loaded("t_plain"));
        },
    );
}

fn insertion_and_removal() {
    race(
        (INSERT, &[DONE, LOADED, STILL_THERE, WAS_LOADED, WAS_LEAVING]),
        (REMOVE, &[DONE, NOT_LOADED, BEING_REMOVED, BEING_LOADED]),
        |round| round % 2 == 0,
        |_, _| {},
    );
}

fn insertion_and_waiting_removal() {
    race(
        (INSERT, &[DONE, LOADED, STILL_THERE, WAS_LOADED, WAS_LEAVING]),
        (REMOVE_WAITING, &[DONE, NOT_LOADED]),
        |round| round % 2 == 0,
        |_, _| {},
    );
}
