//! The options of insmod beyond loading a file: dependencies, standard input, a module that is
//! already loaded, overridden checks; and decompression without loss.

mod listed;

use std::fs;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value, json};

use super::absent::Installed;
use listed::dependencies_of_a_distribution_module;

use crate::guest::{
    Done, Expected, KernelLog, Loaded, Run, Trace, altered, has_symbol_versions, is_loaded,
    is_since, judged, on_terminal, release, replace, result, run,
};

crate::tests![
    json_of_a_success,
    dependencies,
    dependencies_reported,
    dependencies_damaged,
    dependencies_of_a_distribution_module,
    dependencies_are_taken_out_again,
    dependencies_foreseen,
    dependencies_are_not_forced,
    quiet_failures_need_no_search,
    if_needed_tells_differences,
    standard_input_as_a_file,
    standard_input_as_a_pipe,
    standard_input_compressed,
    standard_input_with_nothing,
    second_file,
    force_accounts_for_itself,
    parameters_discarded_by_a_merge,
    parameters_as_a_table,
    parameters_as_json,
    several_streams,
    what_follows_a_module,
    filters,
    on_a_terminal,
    never_explained,
];

fn json_of_a_success() {
    let done = run(["insmod", "-J", "/modules/t_plain.ko"]);
    let _loaded = Loaded::adopt("t_plain");
    done.check(done.stderr.is_empty(), "prints nothing on stderr");
    let expected = json!({
        "module": "t_plain", "file": "/modules/t_plain.ko", "outcome": "loaded", "status": 0,
        "errno": null, "message": null, "cause": null, "kernel-log": [], "fix": [],
    });
    assert_eq!(result(&done), expected);
}

fn dependencies() {
    run(["insmod", "--deps", "/modules/t_user.ko"]).succeeds_silently();
    let (_base, _user) = (Loaded::adopt("t_base"), Loaded::adopt("t_user"));
    // A loaded dependency is left alone.
    run(["insmod", "--deps", "/modules/t_user2.ko"]).succeeds_silently();
    drop(Loaded::adopt("t_user2"));
}

fn dependencies_reported() {
    let done = run(["insmod", "-v", "--deps", "/modules/t_user.ko"]);
    drop((Loaded::adopt("t_user"), Loaded::adopt("t_base")));
    done.succeeds();
    done.check(
        done.stderr
            == "insmod: loaded t_base from /modules/t_base.ko\n\
                insmod: loaded t_user from /modules/t_user.ko\n",
        "tells what it loaded",
    );
    let done = run(["insmod", "-v", "--check", "--deps", "/modules/t_user.ko"]);
    let start = "insmod: would load t_user from /modules/t_user.ko";
    done.check(done.status == Some(0) && done.stderr.starts_with(start), start);
    let done = run(["insmod", "-J", "--deps", "/modules/t_user.ko"]);
    drop((Loaded::adopt("t_user"), Loaded::adopt("t_base")));
    done.succeeds();
    let base = json!([{"module": "t_base", "file": "/modules/t_base.ko"}]);
    assert_eq!(result(&done)["dependencies"], base);
    // One that is nowhere.
    fs::copy("/modules/t_user.ko", "/tmp/t_user.ko").unwrap();
    let done = run(["insmod", "-J", "--deps", "/tmp/t_user.ko"]);
    done.check(done.status == Some(7), "ends with status 7");
    let warning = format!(
        "it depends on t_base, which was not found in its directory or in /lib/modules/{}",
        release()
    );
    assert_eq!(result(&done)["warnings"], json!([warning]));
}

fn dependencies_damaged() {
    fs::create_dir_all("/tmp/damaged").unwrap();
    fs::copy("/modules/t_user.ko", "/tmp/damaged/t_user.ko").unwrap();
    for suffix in ["", ".xz"] {
        let base = format!("/tmp/damaged/t_base.ko{suffix}");
        let whole = fs::read(format!("/modules/t_base.ko{suffix}")).unwrap();
        fs::write(&base, &whole[..whole.len() / 2]).unwrap();
        let done = run(["insmod", "-J", "--deps", "/tmp/damaged/t_user.ko"]);
        done.check(done.status == Some(7), "ends with status 7");
        let line = format!("insmod: ERROR: could not insert module {base}: ");
        done.check(done.stderr.starts_with(&line), &line);
        let kind = if suffix.is_empty() { "truncated" } else { "corrupt-compression" };
        assert_eq!(result(&done)["cause"]["kind"], kind);
        fs::remove_file(&base).unwrap();
    }
    // What helps is for that module: the file and the parameters of the call are another one's.
    let installed = Installed::new(&["t_base"]);
    let mut stale = fs::read("/modules/t_base.ko").unwrap();
    replace(&mut stale, b"SMP ", b"XMP ");
    fs::write("/tmp/damaged/t_base.ko", stale).unwrap();
    let done = run(["insmod", "-J", "--deps", "/tmp/damaged/t_user.ko", "debug=1"]);
    fs::remove_file("/tmp/damaged/t_base.ko").unwrap();
    let command = format!("insmod {}", installed.file().display());
    assert_eq!(result(&done)["fix"][0], json!({ "command": command }), "{}", done.describe());
    done.check(!done.stdout.contains("debug=1"), "keeps the parameters for their module");
}

fn dependencies_are_taken_out_again() {
    if !has_symbol_versions() {
        return;
    }
    // It is refused for a parameter, when its dependency is already loaded.
    let directory = "/tmp/deps";
    fs::create_dir_all(directory).unwrap();
    let mut bytes = fs::read("/modules/t_user.ko").unwrap();
    let crc = b"t_base_add\0";
    let at = (0..bytes.len() - 11)
        .find(|&at| bytes[at..].starts_with(crc) && at > 8 && bytes[at - 4..at] == [0; 4])
        .unwrap();
    bytes[at - 8] ^= 1;
    fs::write("/tmp/deps/t_user.ko", bytes).unwrap();
    fs::copy("/modules/t_base.ko", "/tmp/deps/t_base.ko").unwrap();
    let done = run(["insmod", "-J", "--deps", "/tmp/deps/t_user.ko"]);
    let expected =
        Expected { kind: "symbol-version-mismatch", status: 7, text: "Invalid parameters" };
    judged(&done, &["/tmp/deps/t_user.ko"], &expected);
    assert!(!is_loaded("t_base"), "t_base was left behind");
    // One that was loaded before stays.
    let _base = Loaded::new("t_base", "");
    run(["insmod", "--deps", "/tmp/deps/t_user.ko"]);
    assert!(is_loaded("t_base"));
}

fn dependencies_foreseen() {
    run(["insmod", "--check", "--deps", "/modules/t_user.ko"]).succeeds_silently();
    assert!(!is_loaded("t_base"));
    fs::copy("/modules/t_user.ko", "/tmp/t_user.ko").unwrap();
    let done = run(["insmod", "--check", "--deps", "/tmp/t_user.ko"]);
    done.check(done.status == Some(7), "misses a module that is nowhere");
}

fn if_needed_tells_differences() {
    let _params = Loaded::new("t_params", "p_int=1");
    let same = ["insmod", "--if-needed", "-v", "/modules/t_params.ko", "p_int=0x1"];
    run(same).succeeds_silently();
    let done = run(["insmod", "--if-needed", "-v", "/modules/t_params.ko", "p_int=2"]);
    done.succeeds();
    let line = "insmod: WARNING: parameter p_int is '1' in the loaded module, not '2'\n";
    done.check(done.stderr == line, &format!("says {line:?}"));
    run(["insmod", "--if-needed", "/modules/t_params.ko", "p_int=2"]).succeeds_silently();

    let _plain = Loaded::new("t_plain", "");
    let other = altered("t_plain", |bytes| {
        let tag = b"srcversion=";
        let at = bytes.windows(tag.len()).position(|part| part == tag).unwrap();
        bytes[at + tag.len()] ^= 1;
    });
    let done = run(["insmod", "--if-needed", "-J", &other]);
    done.check(done.stderr.is_empty(), "prints nothing on stderr");
    let record = result(&done);
    assert_eq!(record["outcome"], "already");
    assert!(record["warnings"][0].as_str().unwrap().contains("srcversion"), "{record}");
}

fn shell(line: &str) -> Done {
    run(["sh", "-c", line])
}

fn standard_input_as_a_file() {
    shell("insmod - </modules/t_plain.ko").succeeds_silently();
    drop(Loaded::adopt("t_plain"));
    shell("insmod - p_int=5 </modules/t_params.ko").succeeds_silently();
    drop(Loaded::adopt("t_params"));
}

fn standard_input_as_a_pipe() {
    shell("cat /modules/t_plain.ko | insmod -").succeeds_silently();
    drop(Loaded::adopt("t_plain"));
    let done = shell("cat /modules/t_user.ko | insmod -J -");
    judged(
        &done,
        &["-"],
        &Expected { kind: "missing-symbol", status: 7, text: "Unknown symbol in module" },
    );
}

fn standard_input_compressed() {
    for suffix in ["xz", "gz", "zst"] {
        shell(&format!("cat /modules/t_plain.ko.{suffix} | insmod -")).succeeds_silently();
        drop(Loaded::adopt("t_plain"));
        shell(&format!("insmod - </modules/t_plain.ko.{suffix}")).succeeds_silently();
        drop(Loaded::adopt("t_plain"));
    }
}

fn standard_input_with_nothing() {
    let done = shell("insmod -J - </dev/null");
    let status = done.status;
    assert!(status == Some(7), "{}", done.describe());
    let done = shell("insmod - <&-");
    done.check(done.status.is_some_and(|status| status != 0), "fails");
}

fn second_file() {
    let done = run(["insmod", "/modules/t_base.ko", "/modules/t_user.ko"]);
    let line = "insmod: ERROR: only one module can be loaded at a time; '/modules/t_user.ko' looks \
                like a second module file\n";
    done.check(done.status == Some(2) && done.stderr == line, &format!("says {line:?}"));
    assert!(!is_loaded("t_base"));
    let done = run(["insmod", "-J", "/modules/t_base.ko", "/modules/t_user.ko"]);
    let record = result(&done);
    assert_eq!((&record["outcome"], &record["status"]), (&json!("failed"), &json!(2)));
    assert_eq!(record["fix"], json!([{"command": "insmod /modules/t_user.ko"}]));
}

fn force_accounts_for_itself() {
    let file = altered("t_plain", |bytes| {
        let magic = b"vermagic=";
        let at = bytes.windows(magic.len()).position(|part| part == magic).unwrap();
        let word = bytes[at..].windows(4).position(|part| part == b"SMP ").unwrap();
        bytes[at + word] = b'X';
    });
    let done = run(["insmod", "--force", "-v", &file]);
    let _loaded = Loaded::adopt("t_plain");
    done.succeeds();
    let line = "insmod: loaded t_plain from /tmp/t_plain.ko\n\
                insmod: WARNING: version magic and symbol version checks were skipped; \
                the kernel is now tainted (F, force-loaded)\n";
    done.check(done.stderr == line, &format!("says {line:?}"));
}

/// Linux 6.5 and later.
fn parameters_discarded_by_a_merge() {
    if !is_since(6, 5) {
        return;
    }
    let first =
        Command::new("insmod").args(["/modules/t_slow.ko", "init_ms=1500"]).spawn().unwrap();
    sleep(Duration::from_millis(400));
    let done = run(["insmod", "-J", "/modules/t_slow.ko", "init_ms=7"]);
    let _slow = Loaded::adopt("t_slow");
    first.wait_with_output().unwrap();
    done.succeeds();
    done.check(done.stderr.is_empty(), "prints nothing on stderr");
    let warnings = result(&done)["warnings"].clone();
    let difference = "parameter init_ms is '1500' in the loaded module, not '7'";
    assert_eq!(warnings[0], difference, "{warnings}");
    assert_eq!(
        warnings[1],
        "the module may have changed the value itself, or (since Linux 6.5) another process loaded \
         it at the same moment and the kernel used that process's parameters",
        "{warnings}"
    );
}

fn parameters_as_a_table() {
    let ours = run(["insmod", "--params", "/modules/t_params.ko"]);
    let theirs = run(["/kmod/modinfo", "-p", "/modules/t_params.ko"]);
    ours.prints(&theirs.stdout);
    run(["insmod", "-P", "/modules/t_plain.ko"]).prints("");
}

fn parameters_as_json() {
    let done = run(["insmod", "-PJ", "/modules/t_params.ko.xz"]);
    let document: Value = serde_json::from_str(&done.stdout).unwrap();
    let wanted = json!({"name": "p_int", "type": "int",
                        "description": "a number, which may be changed later"});
    assert!(document["params"].as_array().unwrap().contains(&wanted), "{document}");
    let done = run(["insmod", "-PJ", "/init"]);
    done.check(done.status == Some(7), "ends with status 7");
    assert_eq!(result(&done)["cause"]["kind"], "not-elf");
}

/// Kernels read the first of several; the rest would be missing.
fn several_streams() {
    let log = KernelLog::from_now();
    for suffix in ["xz", "gz", "zst"] {
        run(["insmod", &format!("/modules/t_slow.parts.ko.{suffix}")]).succeeds_silently();
        drop(Loaded::adopt("t_slow"));
    }
    let lines = log.lines();
    let runs = lines.iter().filter(|line| *line == "t_slow: init begins").count();
    assert_eq!(runs, 3, "{lines:?}");
}

/// No decoder of a kernel minds it, so the tool must not, either.
fn what_follows_a_module() {
    for suffix in ["xz", "gz", "zst"] {
        let file = format!("/tmp/followed.ko.{suffix}");
        let module = fs::read(format!("/modules/t_plain.ko.{suffix}")).unwrap();
        fs::write(&file, [&module, &b"junk"[..]].concat()).unwrap();
        run(["insmod", "--check", &file]).succeeds_silently();
        run(["insmod", &file]).succeeds_silently();
        run(["rmmod", &file]).succeeds_silently();
        assert!(!is_loaded("t_plain"));
        // A part of another stream is none, either.
        fs::write(&file, [&module, &module[..module.len() / 2]].concat()).unwrap();
        run(["insmod", &file]).succeeds_silently();
        drop(Loaded::adopt("t_plain"));
    }
}

/// Filters for machine code, which kernels have as their builders liked.
fn filters() {
    for name in ["x86", "arm", "delta"] {
        run(["insmod", &format!("/modules/t_plain.{name}.ko.xz")]).succeeds_silently();
        drop(Loaded::adopt("t_plain"));
    }
}

/// An explanation is printed without asking, and without messages of earlier calls.
fn on_a_terminal() {
    run(["insmod", "/modules/t_user2.ko"]);
    run(["insmod", "/modules/t_user.ko"]);
    sleep(Duration::from_millis(300));
    let (status, text) = on_terminal(["insmod", "/modules/t_user.ko"]);
    assert_eq!(status, Some(7));
    for part in [
        "insmod: ERROR: could not insert module /modules/t_user.ko: Unknown symbol in module\n",
        "\n  cause: missing symbols: ",
        "\n  kernel: t_user: Unknown symbol t_base_add (err -2)\n",
        "\n  fix: insmod --deps /modules/t_user.ko\n",
    ] {
        assert!(text.contains(part), "{part:?} is not in {text:?}");
    }
    let kernel = text.lines().filter(|line| line.starts_with("  kernel: ")).count();
    assert_eq!(kernel, 2, "{text}");
}

fn never_explained() {
    for never in [
        Run::new("insmod").args(["--explain=never", "/modules/t_user.ko"]),
        Run::new("insmod").args(["/modules/t_user.ko"]).env("MODUTILS_EXPLAIN", "never"),
    ] {
        never.done().fails(
            7,
            "insmod: ERROR: could not insert module /modules/t_user.ko: Unknown symbol in module",
        );
    }
    let always = Run::new("insmod").args(["/modules/t_user.ko"]);
    let done = always.env("MODUTILS_EXPLAIN", "always").done();
    done.check(done.stderr.contains("\n  cause: "), "is explained");
}

/// Another version magic is forced for the file that is named, and for no other.
fn dependencies_are_not_forced() {
    fs::create_dir_all("/tmp/unforced").unwrap();
    let base = altered("t_base", |bytes| {
        let place = bytes.windows(5).position(|window| window == b" SMP ").unwrap();
        bytes[place + 1] = b'X';
    });
    fs::rename(base, "/tmp/unforced/t_base.ko").unwrap();
    fs::copy("/modules/t_user.ko", "/tmp/unforced/t_user.ko").unwrap();
    let done = run(["insmod", "--force", "--deps", "/tmp/unforced/t_user.ko"]);
    let line =
        "insmod: ERROR: could not insert module /tmp/unforced/t_base.ko: Invalid module format";
    done.fails(7, line);
    assert!(!is_loaded("t_base") && !is_loaded("t_user"));
    fs::remove_dir_all("/tmp/unforced").unwrap();
}

/// The status is the same, and it takes no search for who exports a symbol.
fn quiet_failures_need_no_search() {
    for option in ["-q", "--explain=never"] {
        let words = ["insmod", option, "/modules/t_user.ko"];
        let trace = Trace::of("open,openat,openat2", &words);
        trace.done.check(trace.done.status == Some(7), "ends with status 7");
        assert!(!trace.calls.iter().any(|call| call.contains("t_base.ko")), "{:#?}", trace.calls);
    }
}
