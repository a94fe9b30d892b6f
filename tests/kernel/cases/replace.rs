//! `insmod --replace`: another build in place of the one that is loaded.

use std::fs::{self, File};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::absent::Put;
use crate::guest::{
    Done, Loaded, Run, altered, has_symbol_versions, is_loaded, release, replace, result, run,
};

crate::tests![
    alone,
    with_its_user,
    not_loaded_before,
    refused_for_its_users,
    refused_for_what_cannot_come_back,
    held_by_a_process,
    waits_for_a_process,
    new_file_does_not_fit,
    new_file_fails,
    new_file_fails_without_the_old_one,
    nothing_to_do,
    parameters_kept,
    plan,
    data,
    build_tree_is_asked_first,
    only_the_named_file_is_forced,
    a_build_that_cannot_be_verified,
];

const OLD: &str = "/modules/t_swap.ko";

/// Another build of `t_swap`: its code with another build ID, in a directory of its own.
pub(super) fn new_build() -> String {
    let path = altered("t_swap", |bytes| {
        let note = b"\x04\0\0\0\x14\0\0\0\x03\0\0\0GNU\0";
        let at = bytes.windows(note.len()).position(|part| part == note).expect("no build ID");
        bytes[at + note.len()] ^= 0xff;
    });
    fs::create_dir_all("/tmp/new").unwrap();
    fs::rename(path, "/tmp/new/t_swap.ko").unwrap();
    // Users are looked for beside the file, as after a build.
    for user in ["t_swap_user", "t_swap_secret", "t_swap_stays"] {
        fs::copy(format!("/modules/{user}.ko"), format!("/tmp/new/{user}.ko")).unwrap();
    }
    "/tmp/new/t_swap.ko".to_owned()
}

/// The build ID of the loaded module, in hexadecimal digits.
pub(super) fn build_id(module: &str) -> String {
    let note = fs::read(format!("/sys/module/{module}/notes/.note.gnu.build-id")).unwrap();
    note[16..].iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}

fn parameter(module: &str, name: &str) -> String {
    let value = fs::read_to_string(format!("/sys/module/{module}/parameters/{name}")).unwrap();
    value.trim_end().to_owned()
}

/// Asserts that nothing was touched: the old build is loaded, and the last line says so.
#[track_caller]
fn untouched(done: &Done, old: &str) {
    assert_eq!(build_id("t_swap"), old, "{}", done.describe());
    let line = format!("insmod: the old build of t_swap is loaded now (build ID {old})");
    let last = done.stderr.lines().last().unwrap_or_default();
    done.check(last.starts_with(&line), &format!("ends with {line:?}"));
}

fn alone() {
    let new = new_build();
    let _old = Loaded::new("t_swap", "level=5");
    let old = build_id("t_swap");
    run(["insmod", "--replace", &new, "level=7"]).succeeds_silently();
    assert_ne!(build_id("t_swap"), old);
    assert_eq!(parameter("t_swap", "level"), "7");
}

fn with_its_user() {
    let new = new_build();
    let _old = Loaded::new("t_swap", "level=5");
    let _user = Loaded::new("t_swap_user", "mode=3 words=\"good morning\"");
    let old = build_id("t_swap");
    fs::write("/sys/module/t_swap_user/parameters/mode", "4").unwrap();
    let done = run(["insmod", "--replace", "--recursive", "-v", &new, "level=7"]);
    done.succeeds();
    assert_ne!(build_id("t_swap"), old);
    assert_eq!(parameter("t_swap_user", "mode"), "4");
    assert_eq!(parameter("t_swap_user", "words"), "good morning");
    let expected = format!(
        "insmod: removed t_swap_user\ninsmod: removed t_swap\n\
         insmod: loaded t_swap from {new}\n\
         insmod: loaded t_swap_user from /tmp/new/t_swap_user.ko\n\
         insmod: the new build of t_swap is loaded now (build ID {}), with t_swap_user\n",
        build_id("t_swap")
    );
    done.check(done.stderr.ends_with(&expected), &expected);
}

fn not_loaded_before() {
    let new = new_build();
    run(["insmod", "--replace", &new, "level=7"]).succeeds_silently();
    let _new = Loaded::adopt("t_swap");
    assert_eq!(parameter("t_swap", "level"), "7");
}

fn refused_for_its_users() {
    let new = new_build();
    let _old = Loaded::new("t_swap", "");
    let _user = Loaded::new("t_swap_user", "mode=3");
    let old = build_id("t_swap");
    let done = Run::new("insmod").args(["--explain=always", "--replace", &new, "level=7"]).done();
    done.check(done.status == Some(4), "is busy");
    let expected = format!(
        "insmod: ERROR: Module t_swap is in use by: t_swap_user\n  \
         cause: t_swap is used by t_swap_user\n  \
         fix: insmod --recursive --replace {new} level=7\n"
    );
    done.check(done.stderr.starts_with(&expected), &expected);
    untouched(&done, &old);
    assert!(is_loaded("t_swap_user"));
}

fn refused_for_what_cannot_come_back() {
    let new = new_build();
    let _old = Loaded::new("t_swap", "");
    let old = build_id("t_swap");
    let refused = |status: i32, words: &str| {
        let done = run(["insmod", "--explain=always", "--replace", "--recursive", &new]);
        done.check(done.status == Some(status), &format!("ends with {status}"));
        done.check(done.stderr.contains(words), words);
        untouched(&done, &old);
    };
    {
        let _user = Loaded::new("t_swap_user", "");
        fs::remove_file("/tmp/new/t_swap_user.ko").unwrap();
        refused(1, "no file with the build ID of the loaded t_swap_user was found");
        assert!(is_loaded("t_swap_user"));
    }
    {
        let _user = Loaded::new("t_swap_secret", "secret=3");
        refused(1, "the value of parameter secret of t_swap_secret cannot be read");
        assert!(is_loaded("t_swap_secret"));
    }
    let _user = Loaded::new("t_swap_stays", "");
    refused(4, "t_swap_stays has no exit function and cannot be removed until reboot");
    // To reload or remove the users, too, would not help.
    let data = result(&run(["insmod", "-J", "--replace", &new]));
    assert_eq!((&data["cause"]["kind"], &data["fix"]), (&json!("permanent"), &json!([])));
    let data = result(&run(["rmmod", "-J", "t_swap"]));
    assert_eq!((&data["cause"]["kind"], &data["fix"]), (&json!("used-by-modules"), &json!([])));
    let cause = data["cause"]["text"].as_str().unwrap();
    assert!(cause.contains("; t_swap_stays cannot be removed until reboot"), "{cause}");
    let data = result(&run(["insmod", "-J", &new]));
    assert_eq!(data["fix"], json!([{ "step": "reboot, then load the file" }]));
}

fn held_by_a_process() {
    let new = new_build();
    let _old = Loaded::new("t_swap", "");
    let old = build_id("t_swap");
    let device = File::open("/dev/t_swap").unwrap();
    let done = run(["insmod", "--replace", &new]);
    done.check(done.status == Some(4), "is busy");
    let line = "insmod: ERROR: Module t_swap is in use";
    done.check(done.stderr.lines().next() == Some(line), line);
    let fix = json!([
        { "command": "rmmod --who t_swap" },
        { "command": format!("insmod --wait --replace {new}") },
    ]);
    let data = result(&run(["insmod", "-J", "--replace", &new]))["fix"].clone();
    assert_eq!(data, fix);
    untouched(&done, &old);
    let done = run(["insmod", "--replace", "--wait=0.3", &new]);
    done.check(done.status == Some(5), "times out");
    untouched(&done, &old);
    drop(device);
}

fn waits_for_a_process() {
    let new = new_build();
    let _old = Loaded::new("t_swap", "");
    let old = build_id("t_swap");
    let device = File::open("/dev/t_swap").unwrap();
    let holder = thread::spawn(move || {
        thread::sleep(Duration::from_millis(300));
        drop(device);
    });
    run(["insmod", "--replace", "--wait", &new]).succeeds_silently();
    holder.join().unwrap();
    assert_ne!(build_id("t_swap"), old);
}

fn new_file_does_not_fit() {
    let new = new_build();
    let _old = Loaded::new("t_swap", "level=5");
    let old = build_id("t_swap");
    let change = |file: &str, from: &[u8], to: &[u8]| {
        let mut bytes = fs::read(&new).unwrap();
        replace(&mut bytes, from, to);
        fs::create_dir_all("/tmp/bad").unwrap();
        let path = format!("/tmp/bad/{file}.ko");
        fs::write(&path, bytes).unwrap();
        path
    };
    let vermagic = change("vermagic", b"SMP ", b"XMP ");
    let symbol = change("symbol", b"misc_register", b"misc_registry");
    for (words, kind) in [
        (&[vermagic.as_str()][..], "vermagic-mismatch"),
        (&[symbol.as_str()], "missing-symbol"),
        (&[new.as_str(), "level=many"], "bad-parameter"),
    ] {
        let done = Run::new("insmod").args(["--replace", "-J"]).args(words).done();
        done.check(done.status == Some(7), "does not fit");
        let record = result(&done);
        assert_eq!(
            (&record["cause"]["kind"], &record["outcome"]),
            (&json!(kind), &json!("failed"))
        );
        untouched(&done, &old);
        assert_eq!(parameter("t_swap", "level"), "5");
    }
}

fn new_file_fails() {
    let new = new_build();
    // The old build is found where it was installed: beside the new file there is another one.
    let _old = Loaded::new("t_swap", "level=5 label=\"good day\"");
    let _user = Loaded::new("t_swap_user", "mode=3");
    let old = build_id("t_swap");
    let release = release();
    let installed = format!("/lib/modules/{release}/t_swap.ko");
    let index = format!("/lib/modules/{release}/modules.dep");
    let before = fs::read(&index).unwrap();
    fs::copy(OLD, &installed).unwrap();
    fs::write(&index, [before.as_slice(), b"t_swap.ko:\n"].concat()).unwrap();
    let done = run(["insmod", "--replace", "--recursive", &new, "err=19"]);
    fs::write(&index, before).unwrap();
    fs::remove_file(installed).unwrap();
    done.check(done.status == Some(8), "says that init failed");
    let first = format!("insmod: ERROR: could not insert module {new}: No such device");
    done.check(done.stderr.lines().next() == Some(&first), &first);
    untouched(&done, &old);
    assert_eq!(parameter("t_swap", "level"), "5");
    assert_eq!(parameter("t_swap", "label"), "good day");
    assert_eq!(parameter("t_swap_user", "mode"), "3");
}

fn new_file_fails_without_the_old_one() {
    let new = new_build();
    let _old = Loaded::new("t_swap", "level=5");
    let done = run(["insmod", "--replace", &new, "err=19"]);
    done.check(done.status == Some(8), "says that init failed");
    let last = "insmod: t_swap is not loaded now";
    done.check(done.stderr.lines().last() == Some(last), last);
    assert!(!is_loaded("t_swap"));
}

fn nothing_to_do() {
    let new = new_build();
    let words = ["--replace", "--if-needed", new.as_str(), "level=7"];
    run(["insmod", &new, "level=7"]).succeeds_silently();
    let _new = Loaded::adopt("t_swap");
    let trace = "/tmp/trace";
    let done = Run::new("strace")
        .args(["-f", "-o", trace, "-e", "trace=finit_module,init_module,delete_module"])
        .args(["/sbin/insmod"])
        .args(words)
        .done();
    done.succeeds();
    let calls = fs::read_to_string(trace).unwrap();
    assert!(!calls.contains("_module("), "{calls}");
    // Other parameters are a reason.
    run(["insmod", "--replace", "--if-needed", &new, "level=8"]).succeeds_silently();
    assert_eq!(parameter("t_swap", "level"), "8");
}

fn parameters_kept() {
    let new = new_build();
    let _old = Loaded::new("t_swap", "level=5 label=\"good day\"");
    // One that cannot be read is not lost silently.
    let done = run(["insmod", "--replace", "--keep-params", &new, "level=7"]);
    done.check(done.status == Some(1), "is refused");
    run(["insmod", "--replace", "--keep-params", &new, "level=7", "key=1"]).succeeds_silently();
    assert_eq!(parameter("t_swap", "level"), "7");
    assert_eq!(parameter("t_swap", "label"), "good day");
}

fn plan() {
    let new = new_build();
    let _old = Loaded::new("t_swap", "");
    let _user = Loaded::new("t_swap_user", "mode=3 words=\"good morning\"");
    let old = build_id("t_swap");
    run(["insmod", "--check", "--replace", "--recursive", &new, "level=7"]).prints(&format!(
        "rmmod t_swap_user\nrmmod t_swap\ninsmod {new} level=7\n\
         insmod /tmp/new/t_swap_user.ko mode=3 'words=good morning'\n"
    ));
    assert_eq!(build_id("t_swap"), old);
}

fn data() {
    let new = new_build();
    let _old = Loaded::new("t_swap", "");
    let _user = Loaded::new("t_swap_user", "");
    let done = run(["insmod", "-J", "--replace", "--recursive", &new]);
    done.succeeds();
    let record = result(&done);
    assert_eq!((&record["module"], &record["outcome"]), (&json!("t_swap"), &json!("loaded")));
    let step = |step: &Value| {
        let text = |key: &str| step[key].as_str().unwrap_or("-").to_owned();
        assert!(step["milliseconds"].is_u64(), "{step}");
        [text("action"), text("module"), text("file"), text("outcome")].join(" ")
    };
    let steps: Vec<String> = record["steps"].as_array().unwrap().iter().map(step).collect();
    let expected = [
        "remove t_swap_user - removed",
        "remove t_swap - removed",
        "load t_swap /tmp/new/t_swap.ko loaded",
        "reload t_swap_user /tmp/new/t_swap_user.ko loaded",
    ];
    assert_eq!(steps, expected);
}

/// What was built for the running kernel by its own build tree needs no look at all its symbols.
fn build_tree_is_asked_first() {
    if !has_symbol_versions() {
        return;
    }
    // What a module exports itself is looked up in any case: this one exports nothing.
    let file = "/modules/t_dev.ko";
    let dump = run(["/kmod/modprobe", "--dump-modversions", file]).stdout;
    let looks_up = |rows: &str| {
        let rows = rows.replace('\n', "\tvmlinux\tEXPORT_SYMBOL_GPL\t\n");
        let _rows = Put::new(format!("/lib/modules/{}/build/Module.symvers", release()), rows);
        let _old = Loaded::new("t_dev", "");
        let trace = "/tmp/trace";
        // Only these calls are stopped at: the whole list takes thousands of reads.
        let done = Run::new("strace")
            .args(["-f", "--seccomp-bpf", "-o", trace, "-e", "trace=open,openat"])
            .args(["/sbin/insmod", "--replace", file])
            .limit(Duration::from_secs(60))
            .done();
        done.succeeds();
        fs::read_to_string(trace).unwrap().contains("/proc/kallsyms")
    };
    assert!(!looks_up(&dump));
    // The first module of the release shows some of the symbols, and does not need this one.
    let without = dump.lines().filter(|row| !row.ends_with("\tmisc_register"));
    assert!(looks_up(&without.flat_map(|row| [row, "\n"]).collect::<String>()));
    let others: Vec<_> =
        dump.lines().map(|row| ["0x00000001", &row[10..], "\n"].concat()).collect();
    assert!(looks_up(&others.concat()));
}

fn only_the_named_file_is_forced() {
    let new = new_build();
    let _old = Loaded::new("t_swap", "");
    let _user = Loaded::new("t_swap_user", "");
    run(["insmod", "--replace", "--recursive", "--force", &new]).succeeds();
    let is_forced =
        |name: &str| fs::read_to_string(format!("/sys/module/{name}/taint")).unwrap().contains('F');
    assert!(is_forced("t_swap") && !is_forced("t_swap_user"));
}

/// The build ID is there, and unreadable from the load on.
fn a_build_that_cannot_be_verified() {
    let new = new_build();
    let _old = Loaded::new("t_swap", "");
    let traced = |expression: &str, words: &[&str]| {
        Run::new("strace")
            .args(["-f", "-qq", "-o", "/tmp/trace"])
            .args(["-P", "/sys/module/t_swap/notes/.note.gnu.build-id"])
            .args(["-e", expression, "/sbin/insmod", "--replace", "-J"])
            .args(words)
            .done()
    };
    traced("trace=open,openat", &["--check", &new]).succeeds();
    let before = fs::read_to_string("/tmp/trace").unwrap().lines().count();
    let inject = format!("inject=open,openat:error=EIO:when={}+", before + 1);
    let done = traced(&inject, &[&new]);
    done.check(done.status == Some(1), "fails");
    let first = "insmod: ERROR: could not replace module t_swap: \
                 the loaded build cannot be verified";
    done.check(done.stderr.lines().next() == Some(first), first);
    assert_eq!(result(&done)["cause"]["kind"], "unverified-build");
    done.check(done.stderr.ends_with("insmod: t_swap is loaded now\n"), "says so");
}
