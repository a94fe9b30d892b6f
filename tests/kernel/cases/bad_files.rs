//! Files that are no modules, or no longer: one clear line, the right status,
//! bounded memory.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};

use crate::guest::{Done, Expected, Loaded, Run, is_loaded, judged, run};

crate::tests![
    text,
    empty,
    directory,
    fifo,
    device,
    truncated,
    truncated_compressed,
    flipped_bits_compressed,
    bomb,
    limit_of_size,
    path_that_is_not_utf_8,
    long_parameter,
];

/// Asserts one line of a failure to insert this file because it does not fit.
#[track_caller]
fn assert_refused(done: &Done, file: &str) {
    done.check(done.status == Some(7), "ends with status 7");
    done.check(done.stdout.is_empty(), "prints nothing on stdout");
    let begin = format!("insmod: ERROR: could not insert module {file}: ");
    let one_line = done.stderr.lines().count() == 1 && done.stderr.starts_with(&begin);
    done.check(one_line, &format!("says {begin:?}, and that in one line"));
}

/// Loads a file with these bytes.
#[track_caller]
fn assert_bytes_refused(name: &str, bytes: &[u8]) {
    let file = format!("/tmp/{name}");
    fs::write(&file, bytes).unwrap();
    assert_refused(&run(["insmod", &file]), &file);
    fs::remove_file(&file).unwrap();
}

fn text() {
    assert_bytes_refused(
        "text.ko",
        b"#!/bin/sh
echo this is not a module
",
    );
    run(["insmod", "/init"])
        .fails(7, "insmod: ERROR: could not insert module /init: Invalid module format");
}

fn empty() {
    for name in ["empty.ko", "empty.ko.xz", "empty"] {
        assert_bytes_refused(name, b"");
    }
}

fn directory() {
    run(["insmod", "/modules"])
        .fails(7, "insmod: ERROR: could not insert module /modules: Is a directory");
}

fn fifo() {
    run(["mkfifo", "/tmp/fifo.ko"]).succeeds();
    assert_refused(&run(["insmod", "/tmp/fifo.ko"]), "/tmp/fifo.ko");
}

fn device() {
    for device in ["/dev/null", "/dev/zero"] {
        assert_refused(&run(["insmod", device]), device);
    }
}

fn truncated() {
    let module = fs::read("/modules/t_plain.ko").unwrap();
    for length in [1, 4, 63, 64, 200, module.len() / 2, module.len() - 100] {
        // The signature is not there, and the section headers are at the end.
        assert_bytes_refused("cut.ko", &module[..length]);
    }
}

fn truncated_compressed() {
    for suffix in ["xz", "gz", "zst"] {
        let module = fs::read(format!("/modules/t_plain.ko.{suffix}")).unwrap();
        for length in [5, 20, module.len() / 2, module.len() - 1] {
            assert_bytes_refused(&format!("cut.ko.{suffix}"), &module[..length]);
        }
    }
}

fn flipped_bits_compressed() {
    for suffix in ["xz", "gz"] {
        let module = fs::read(format!("/modules/t_plain.ko.{suffix}")).unwrap();
        for place in [module.len() / 3, module.len() / 2] {
            let mut module = module.clone();
            module[place] ^= 0x10;
            assert_bytes_refused(&format!("flipped.ko.{suffix}"), &module);
        }
    }
}

/// A module followed by a gibibyte of zeros. Not in xz: a kernel that decompresses
/// xz would do so with its own memory.
fn bomb() {
    for suffix in ["gz", "zst"] {
        let file = format!("/modules/bomb.ko.{suffix}");
        let limit = Duration::from_secs(50);
        let done = Run::new("insmod").args([&file]).limit(limit).done();
        done.check(done.status == Some(1) || done.status == Some(7), "ends with status 1 or 7");
        assert!(!is_loaded("t_plain"));
        let usage = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap();
        let peak = usage.max_rss() >> 10;
        assert!(peak < 600, "insmod took {peak} MiB for {file}");
    }
}

/// Decompression by the tool has a limit, which the user can set.
fn limit_of_size() {
    let file = "/modules/t_plain.ko.gz";
    // What the file itself has is allowed, and more than that, when it is decompressed, is not.
    let size = fs::metadata(file).unwrap().len();
    for (size, what) in [(size, "it decompresses to more"), (size - 1, "it is larger")] {
        let limit = format!("--max-size={size}");
        let done = run(["insmod", &limit, "--explain=always", file]);
        let expected = format!(
            "insmod: ERROR: could not insert module {file}: File too large\n  \
             cause: {what} than {size} bytes\n  \
             fix: if you trust the file, raise the limit with --max-size\n"
        );
        done.check(done.stderr == expected && done.status == Some(7), &expected);
        let check = run(["insmod", &limit, "--explain=always", "--check", file]);
        assert_eq!((check.stderr, check.status), (done.stderr, done.status));
    }
    // Only the tool has this limit: it is never reported as the kernel's answer.
    let strict = ["insmod", "--strict", "--max-size=1K", "-J", "/modules/t_params.ko", "p_int=1"];
    let done = run(strict);
    let expected = Expected { kind: "compression-unsupported", status: 7, text: "File too large" };
    judged(&done, &["/modules/t_params.ko"], &expected);
    let script = format!("insmod --max-size=2K - <{file}; cat {file} | insmod --max-size=2K -");
    let done = run(["sh", "-c", &script]);
    done.check(done.stderr.matches(": File too large\n").count() == 2, "refuses both");
    run(["insmod", "--max-size=1M", file]).succeeds_silently();
    drop(Loaded::adopt("t_plain"));
    let done = run(["insmod", "--max-size=much", file]);
    done.check(done.status == Some(2), "is a usage error");
    done.check(
        done.stderr.contains("expected bytes or a number with a unit (K, M, G)"),
        "says how",
    );
}

fn path_that_is_not_utf_8() {
    let path = Path::new(OsStr::from_bytes(b"/tmp/caf\xe9.ko"));
    fs::copy("/modules/t_plain.ko", path).unwrap();
    run([OsStr::new("insmod"), path.as_os_str()]).succeeds_silently();
    let _loaded = Loaded::adopt("t_plain");
    let again = run([OsStr::new("insmod"), path.as_os_str()]);
    again.check(again.status == Some(3), "ends with status 3");
    // Read as UTF-8, the byte shows as the replacement character.
    let line = "insmod: ERROR: could not insert module /tmp/caf\u{fffd}.ko: File exists\n";
    again.check(again.stderr == line, &format!("says {line:?}"));
    run([OsStr::new("rmmod"), path.as_os_str()]).succeeds_silently();
}

fn long_parameter() {
    let parameter = format!("p_charp={}", "x".repeat(10_000));
    run(["insmod", "/modules/t_params.ko", &parameter]).fails(
        7,
        "insmod: ERROR: could not insert module /modules/t_params.ko: No space left on device",
    );
}
