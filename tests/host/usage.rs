//! Command lines that make no sense, and those that ask for help.

use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::command::{path, run, run_with};

const TOOLS: [&str; 3] = ["insmod", "rmmod", "lsmod"];
const NONE: [&str; 0] = [];

#[test]
fn nothing_to_work_on() {
    run("insmod", &NONE).status(2).stdout("").stderr("insmod: ERROR: missing filename.\n");
    run("rmmod", &NONE).status(2).stdout("").stderr("rmmod: ERROR: missing module name.\n");
}

#[test]
fn unknown_options_are_named_as_getopt_names_them() {
    for tool in TOOLS {
        let path = path(tool);
        run(tool, &["--bad"])
            .status(2)
            .stdout("")
            .stderr(&format!("{path}: unrecognized option '--bad'\n"));
        run(tool, &["-Z"]).status(2).stdout("").stderr(&format!("{path}: invalid option -- 'Z'\n"));
    }
}

#[test]
fn a_word_that_an_option_does_not_have_is_answered_with_those_it_has() {
    let explain = "'--explain=<WHEN>': the choices are always, never and auto";
    let taints = "'--tainted[=<LETTERS>]': the taints are P, F, C, O, E, K, X, T, N, J";
    for (tool, option, words) in [
        ("insmod", "--explain=dead", explain),
        ("rmmod", "--explain=dead", explain),
        ("lsmod", "--explain=dead", explain),
        ("lsmod", "--state=dead", "'--state <STATE>': the states are live, loading and unloading"),
        ("lsmod", "--tainted=dead", taints),
    ] {
        let line = format!("{}: invalid value 'dead' for {words}\n", path(tool));
        run(tool, &[option, "x"]).status(2).stdout("").stderr(&line);
    }
}

/// As in getopt(3), an option may be repeated.
#[test]
fn options_may_be_repeated() {
    for tool in TOOLS {
        // There is neither such a file nor such a module.
        run(tool, &["-v", "--verbose", "--explain=always", "--explain=never", "/gone/.ko"])
            .status(1);
    }
}

#[test]
fn the_short_wait_takes_no_time() {
    let line = format!("{}: option '-w' takes no value: use '--wait=0.2'\n", path("rmmod"));
    run("rmmod", &["-w=0.2", "t_absent"]).status(2).stdout("").stderr(&line);
    for option in ["--dry-run", "-f", "--recursive"] {
        run("rmmod", &["--who", option, "t_absent"]).status(2);
    }
}

/// Whatever their order is.
#[test]
fn all_options_in_conflict_are_named_on_one_line() {
    for (tool, options, said) in [
        ("rmmod", "--who --dry-run", "'--dry-run' cannot be used with '--who'"),
        ("rmmod", "--who -n", "'--dry-run' cannot be used with '--who'"),
        ("rmmod", "-nfw --who", "'--who' cannot be used with '--force', '--dry-run'"),
        ("rmmod", "--who --wait=1 -r", "'--recursive' cannot be used with '--who'"),
        (
            "insmod",
            "-PDn -qv",
            "'--params' cannot be used with '--check', '--deps'; \
             option '--verbose' cannot be used with '--quiet'",
        ),
        ("lsmod", "-o NAME --summary", "'--output' cannot be used with '--summary'"),
        ("lsmod", "-Jr", "'--json' cannot be used with '--raw'"),
        (
            "lsmod",
            "-lJr",
            "'--long' cannot be used with '--json', '--raw'; \
             option '--json' cannot be used with '--raw'",
        ),
    ] {
        let words: Vec<_> = options.split(' ').chain(["x"]).collect();
        let line = format!("{}: option {said}\n", path(tool));
        run(tool, &words).status(2).stdout("").stderr(&line);
    }
}

#[test]
fn an_option_that_needs_another_names_it() {
    for (options, said) in [
        ("--wait=5", "option '--wait' requires '--replace'"),
        ("--wait", "option '--wait' requires '--replace'"),
        (
            "--rec --keep-params --rec",
            "option '--recursive' requires '--replace'; \
             option '--keep-params' requires '--replace'",
        ),
    ] {
        let words: Vec<_> = options.split(' ').chain(["x.ko"]).collect();
        let line = format!("{}: {said}\n", path("insmod"));
        run("insmod", &words).status(2).stdout("").stderr(&line);
    }
}

/// The options about messages and data hold for mistakes on the command line, too.
#[test]
fn mistakes_are_reported_as_failures_are() {
    for tool in TOOLS {
        let path = path(tool);
        let outcome = run(tool, &["-Z", "-J", "x"]);
        outcome.status(2).stderr(&format!("{path}: invalid option -- 'Z'\n"));
        let document: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
        let failure = if tool == "lsmod" { &document["error"] } else { &document["results"][0] };
        assert_eq!(failure["message"], "invalid option -- 'Z'", "{outcome:?}");
        run(tool, &["-q", "--bad", "x"]).status(2).stdout("").stderr("");
        run(tool, &["-s", "--bad", "x"]).status(2).stdout("").stderr("");
        let outcome = run(tool, &["--explain=always", "-Z", "x"]);
        let last = format!("  fix: {tool} --help\n");
        assert!(outcome.stderr.ends_with(&last), "{outcome:?}");
    }
}

#[test]
fn an_argument_that_is_missing_is_asked_for() {
    for (tool, option, form) in [
        ("insmod", "--explain", "--explain=WHEN"),
        ("insmod", "--max-size", "--max-size=SIZE"),
        ("lsmod", "--explain", "--explain=WHEN"),
    ] {
        let line = format!("{}: option '{option}' requires an argument: {form}\n", path(tool));
        run(tool, &[option, "x"]).status(2).stdout("").stderr(&line);
    }
}

/// For scripts that compare the status of kmod's commands with 1.
#[test]
fn statuses_as_kmod_has_them() {
    for (tool, words, status) in
        [("insmod", "--bad", 2), ("rmmod", "", 2), ("insmod", "/gone.ko", 1), ("lsmod", "-V", 0)]
    {
        let words: Vec<_> = words.split_whitespace().collect();
        for (style, expected) in [("kmod", status.min(1)), ("", status), ("other", status)] {
            let outcome = run_with(tool, &words, |command| {
                command.env("MODUTILS_STATUS", style);
            });
            outcome.status(expected);
        }
    }
}

#[test]
fn the_explanation_of_a_usage_error_points_to_the_help() {
    for tool in TOOLS {
        let outcome = run_with(tool, &["--bad"], |command| {
            command.env("MODUTILS_EXPLAIN", "always");
        });
        outcome.status(2);
        let last = outcome.stderr.lines().last();
        assert_eq!(last, Some(format!("  fix: {tool} --help").as_str()), "{outcome:?}");
    }
}

#[test]
fn help_and_version_go_to_stdout() {
    for tool in TOOLS {
        let version = format!("{tool} (modutils) {}\n", env!("CARGO_PKG_VERSION"));
        for option in ["-V", "--version"] {
            run(tool, &[option]).status(0).stdout(&version).stderr("");
        }
        for option in ["-h", "--help"] {
            let outcome = run(tool, &[option]);
            outcome.status(0).stderr("");
            assert!(outcome.stdout.contains(&format!("Usage: {tool} [OPTIONS]")), "{outcome:?}");
            for line in outcome.stdout.lines() {
                assert!(line.chars().count() <= 100, "{tool}: too wide: {line}");
                assert_eq!(line.trim_end(), line, "{tool}: trailing space");
            }
        }
    }
}

#[test]
fn a_full_disk_fails() {
    for tool in TOOLS {
        for option in ["-h", "--help", "-V"] {
            let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
            let outcome = run_with(tool, &[option], |command| {
                command.stdout(full);
            });
            let line = format!("{tool}: ERROR: could not write: No space left on device\n");
            outcome.status(1).stderr(&line);
        }
    }
}

#[test]
fn a_missing_file_in_bytes_that_are_no_utf8() {
    let outcome = run("insmod", &[OsStr::from_bytes(b"/gone/\xff\xfe.ko")]);
    outcome.status(1).stdout("");
    assert!(
        outcome.stderr.starts_with("insmod: ERROR: could not load module /gone/")
            && outcome.stderr.ends_with(": No such file or directory\n"),
        "{outcome:?}"
    );
}

#[test]
fn names_that_are_too_long_are_refused_not_cut() {
    let outcome = run("rmmod", &["x".repeat(56)]);
    outcome.status(1).stdout("");
    assert!(outcome.stderr.contains("at most 55 bytes"), "{outcome:?}");
}

/// In sysfs they would lead to directories that are no modules.
#[test]
fn names_of_dots_are_refused() {
    for name in [".", ".."] {
        let said = format!("a module cannot have the name '{name}'\n");
        run("rmmod", &[name])
            .status(1)
            .stdout("")
            .stderr(&format!("rmmod: ERROR: could not use module {name}: {said}"));
        let outcome = run("lsmod", &["-v", name]);
        outcome.status(1);
        if std::fs::exists("/proc/modules").unwrap() {
            outcome.stderr(&format!("lsmod: ERROR: Module {name}: {said}"));
        }
    }
}

#[test]
fn quiet_leaves_only_the_status() {
    run("insmod", &["-q", "/gone.ko"]).status(1).stdout("").stderr("");
    run("insmod", &["--quiet"]).status(2).stdout("").stderr("");
}

/// Whatever this system has of modules.
#[test]
fn a_file_that_is_not_a_module_is_the_reason() {
    let file = Path::new(crate::REPOSITORY).join("tests/README.md");
    let file = file.to_str().unwrap();
    for words in [&["-J", "--strict", file, "debug=1"][..], &["-JP", file]] {
        let outcome = run("insmod", words);
        outcome.status(7);
        let document: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
        assert_eq!(document["results"][0]["cause"]["kind"], "not-elf", "{outcome:?}");
    }
    // One that cannot be read is not a misfit.
    let outcome = run("insmod", &["-JP", "/proc/self/mem"]);
    outcome.status(1);
}

/// What the first line says, the explanation does not repeat.
#[test]
fn causes_that_add_nothing_are_left_out() {
    for (tool, words) in [
        ("insmod", &["/gone/x.ko"][..]),
        ("insmod", &["/gone/x.ko", "a=x\"y z"]),
        ("rmmod", &[&*"x".repeat(56)]),
    ] {
        let outcome = run_with(tool, words, |command| {
            command.env("MODUTILS_EXPLAIN", "always");
        });
        assert!(!outcome.stderr.contains("cause:"), "{outcome:?}");
        assert!(!outcome.stderr.is_empty(), "{outcome:?}");
    }
}

/// The name of a file cannot add commands to a line that root pastes.
#[test]
fn advice_is_quoted_for_a_shell() {
    let explained = |arguments: &[&OsStr]| {
        run_with("insmod", arguments, |command| {
            command.env("MODUTILS_EXPLAIN", "always");
        })
    };
    let sudo = if nix::unistd::geteuid().is_root() { "" } else { "sudo " };
    for (second, word) in
        [("./x; reboot #.ko", "'./x; reboot #.ko'"), ("-x.ko", "-- -x.ko"), ("x.ko", "x.ko")]
    {
        explained(&["hello.ko".as_ref(), second.as_ref()]).status(2).stderr(&format!(
            "insmod: ERROR: only one module can be loaded at a time; '{second}' looks like a \
             second module file\n  \
             fix: {sudo}insmod {word}\n"
        ));
    }
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("$(reboot).ko");
    fs::copy(Path::new(crate::REPOSITORY).join("tests/fixtures/hello.ko"), &file).unwrap();
    let outcome = explained(&["--strict".as_ref(), file.as_ref(), "bogus=1".as_ref()]);
    outcome.status(7);
    let fix = format!("\n  fix: insmod --params '{}'\n", file.display());
    assert!(outcome.stderr.ends_with(&fix), "{outcome:?}");
}
