//! What names have in them for a terminal: it gets that escaped, and a pipe gets the bytes.

use std::ffi::OsStr;
use std::fmt::Debug;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use nix::pty::openpty;

use crate::command::{run, run_with};

/// What a command shows on a terminal.
fn shown<A: AsRef<OsStr> + Debug>(tool: &str, arguments: &[A]) -> String {
    let terminal = openpty(None, None).unwrap();
    run_with(tool, arguments, |command| {
        command.stdout(terminal.slave.try_clone().unwrap()).stderr(Stdio::from(terminal.slave));
    });
    let mut bytes = Vec::new();
    // The end of a terminal whose other side is closed is an error.
    let _ = File::from(terminal.master).read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).replace("\r\n", "\n")
}

/// A module with a parameter that clears the screen, and one whose description is of two lines.
fn hostile(test: &str) -> PathBuf {
    let hello = Path::new(crate::REPOSITORY).join("tests/fixtures/hello.ko");
    let mut bytes = fs::read(hello).unwrap();
    for (from, to) in
        [("loud:in capitals", "l\x1b[2:in \u{9b}2Jtals"), ("loud:bool", "l\x1b[2:bool")]
    {
        assert_eq!(from.len(), to.len());
        let at = bytes.windows(from.len()).position(|part| part == from.as_bytes()).unwrap();
        bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
    }
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{test}.ko"));
    fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn parameters_of_an_untrusted_file() {
    let file = hostile("parameters");
    let table = |name: &str, description: &str| {
        format!(
            "greeting:what to say (charp)\ntimes:how often to say it,\n\t\tat most 100 (uint)\n\
             {name}:{description} (bool)\n"
        )
    };
    let arguments = [OsStr::new("--params"), file.as_os_str()];
    run("insmod", &arguments).status(0).stdout(&table("l\x1b[2", "in \u{9b}2Jtals")).stderr("");
    assert_eq!(shown("insmod", &arguments), table("l\\x1b[2", "in \\xc2\\x9b2Jtals"));
}

#[test]
fn data_is_the_same_on_a_terminal() {
    let file = hostile("data");
    let arguments = [OsStr::new("-PJ"), file.as_os_str()];
    let piped = run("insmod", &arguments);
    piped.status(0).stderr("");
    assert!(piped.stdout.contains("l\\u001b[2") && piped.stdout.contains('\u{9b}'), "{piped:?}");
    let shown = shown("insmod", &arguments);
    assert_eq!(shown, piped.stdout.replace('\u{9b}', "\\u009b"));
}

#[test]
fn names_in_messages() {
    let shown = shown("insmod", &["/gone/\u{1b}]0;x\u{7}\n.ko"]);
    assert_eq!(
        shown,
        "insmod: ERROR: could not load module /gone/\\x1b]0;x\\x07\\x0a.ko: \
         No such file or directory\n"
    );
}
