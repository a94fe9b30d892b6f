//! Why a module is not loaded: privileges, loaded modules, its parameters and its init function;
//! and how much of that is known where little can be seen.

use std::fs;
use std::thread::sleep;
use std::time::Duration;

use crate::guest::{
    Done, Expected, FORMAT, Loaded, PARAMETERS, Run, SYMBOL, answering, assert_load, assert_loads,
    assert_verdict, distributions, has_symbol_versions, is_since, judged, misfit, release,
    replaced, result, run, with_another_crc,
};

crate::tests![
    no_privilege,
    already_loaded,
    built_in,
    being_unloaded,
    bad_parameter,
    inexpressible_parameter,
    unknown_parameter,
    init_failed,
    without_the_log,
    without_proc,
    without_sys,
    injected,
    gpl_only_symbol_of_the_kernel,
    nothing_is_wrong,
    what_a_check_cannot_tell,
    explained_on_demand,
];

fn no_privilege() {
    let text = "Operation not permitted";
    let expected = Expected { kind: "no-privilege", status: 6, text };
    let file = "/modules/t_plain.ko";
    let done = run(["setpriv", "--bounding-set=-sys_module", "insmod", "-J", file]);
    judged(&done, &[file], &expected);
    let done = run(["unshare", "-U", "-r", "insmod", "-J", file]);
    let result = judged(&done, &[file], &expected);
    assert!(result["cause"]["text"].as_str().unwrap().contains("user namespace"), "{result}");
    // To look needs none.
    let user = ["setpriv", "--reuid=1000", "--clear-groups", "--bounding-set=-all"];
    let user: Vec<&str> = user.into_iter().chain(["insmod", "--check"]).collect();
    run([&user[..], &[file]].concat()).succeeds_silently();
    let done = run([&user[..], &["-J", "/modules/t_user.ko"]].concat());
    judged(&done, &["/modules/t_user.ko"], &misfit("missing-symbol", SYMBOL));
}

fn already_loaded() {
    let _plain = Loaded::new("t_plain", "");
    let expected = Expected { kind: "already-loaded", status: 3, text: "File exists" };
    assert_verdict(&["/modules/t_plain.ko"], &expected);
    run(["insmod", "--if-needed", "/modules/t_plain.ko"]).succeeds_silently();
    run(["insmod", "--if-needed", "--check", "/modules/t_plain.ko"]).succeeds_silently();
    // The errno is not the proof: an init function may return it, which Linux 7.1 turns into another.
    let text = if is_since(7, 1) { "Device or resource busy" } else { "File exists" };
    let failed = Expected { kind: "init-failed", status: 8, text };
    assert_load(&["/modules/t_fail.ko", "err=17"], &failed);
    assert_load(&["--if-needed", "/modules/t_fail.ko", "err=17"], &failed);
}

fn built_in() {
    // A part of the kernel that has parameters, and so a directory in /sys/module.
    let file = replaced("t_plain", "t_plain\0", "printk\0\0");
    let result = assert_verdict(&[&file], &misfit("built-in", PARAMETERS));
    assert_eq!(result["module"], "printk");
}

fn being_unloaded() {
    drop(Loaded::new("t_slow", ""));
    let slow = Loaded::new("t_slow", "exit_ms=12000");
    let removal = std::thread::spawn(move || drop(slow));
    sleep(Duration::from_millis(500));
    let text = "Device or resource busy";
    let expected = Expected { kind: "being-unloaded", status: 4, text };
    assert_verdict(&["/modules/t_slow.ko"], &expected);
    removal.join().unwrap();
}

fn bad_parameter() {
    let file = "/modules/t_params.ko";
    for (given, text) in [
        ("p_int=many", PARAMETERS),
        ("p_bool=perhaps", PARAMETERS),
        ("p_ints=1,,2", PARAMETERS),
        ("p-int", PARAMETERS),
        ("p_byte=256", "Numerical result out of range"),
    ] {
        let result = assert_verdict(&[file, given], &misfit("bad-parameter", text));
        let name = given.split('=').next().unwrap().replace('-', "_");
        let shown = result["cause"]["parameter"].as_str().unwrap().replace('-', "_");
        assert_eq!(shown, name);
        assert!(result["cause"]["type"].is_string(), "{result}");
    }
    assert_verdict(&[file, "p_string"], &misfit("bad-parameter", PARAMETERS));
    // How many there may be, and how long a text, the file does not tell; the kernel does.
    let limited = |given: &str, text, limit: &str| {
        let result = assert_load(&[file, given], &misfit("bad-parameter", text));
        let cause = result["cause"]["text"].as_str().unwrap();
        assert!(cause.ends_with(limit), "{cause}");
        assert_ne!(result["kernel-log"], serde_json::json!([]));
    };
    limited("p_ints=1,2,3,4,5", PARAMETERS, ", at most 4 of them");
    let text = "No space left on device";
    limited("p_string=sixteen-bytes-is", text, ", at most 15 bytes");
    let long = format!("p_charp={}", "x".repeat(5000));
    limited(
        &long,
        text,
        "…' for parameter p_charp: its type is charp, a text of at most 1024 bytes",
    );
}

fn inexpressible_parameter() {
    let done = run(["insmod", "-J", "/modules/t_params.ko", "p_charp=say \"good morning\""]);
    done.check(done.status == Some(7), "ends with status 7");
    let line = "insmod: ERROR: cannot pass 'p_charp=say \"good morning\"' to the kernel: ";
    done.check(done.stderr.starts_with(line), &format!("says {line:?}"));
    let record = result(&done);
    assert_eq!(record["cause"]["kind"], "bad-parameter");
    let reason = record["cause"]["text"].as_str().unwrap();
    assert!(done.stderr.trim_end().ends_with(reason), "{reason}");
    // What the kernel reads all the same, passes.
    for (given, value) in [
        ("p_charp=a \"b", "a \"b"),
        ("p_charp=a\"b c\"d", "a\"b c\"d"),
        ("\"p_charp=a b\"", "a b"),
        ("p_charp=\"a b\"", "a b"),
    ] {
        run(["insmod", "/modules/t_params.ko", given]).succeeds_silently();
        let _loaded = Loaded::adopt("t_params");
        let shown = fs::read_to_string("/sys/module/t_params/parameters/p_charp").unwrap();
        assert_eq!(shown.trim_end(), value, "{given}");
    }
}

fn unknown_parameter() {
    let done = run(["insmod", "/modules/t_params.ko", "p_itn=1", "p_byte=3", "color=red"]);
    let loaded = Loaded::adopt("t_params");
    done.succeeds();
    done.check(
        done.stderr
            == "insmod: WARNING: unknown parameter 'p_itn' (did you mean 'p_int'?), \
                'color' for module t_params ignored
",
        "warns in one line",
    );
    drop(loaded);
    let expected = misfit("unknown-parameter", "Unknown parameter 'p_itn'");
    let words = ["--strict", "/modules/t_params.ko", "p_itn=1"];
    let result = assert_load(&words, &expected);
    assert_eq!(result["cause"]["nearest"], "p_int");
    let done = run(["insmod", "-J", "--check", "--strict", "/modules/t_params.ko", "p_itn=1"]);
    assert_eq!(self::result(&done)["outcome"], "would-fail");
    assert_eq!(self::result(&done)["module"], "t_params");
    run(["insmod", "--strict", "/modules/t_params.ko", "p-int=1", "dyndbg"]).succeeds_silently();
    drop(Loaded::adopt("t_params"));
}

fn init_failed() {
    const BUSY: &str = "Device or resource busy";
    for (errno, text) in [
        ("19", "No such device"),
        ("22", PARAMETERS),
        ("2", SYMBOL),
        ("8", FORMAT),
        ("1", "Operation not permitted"),
        ("16", BUSY),
        // The kernel keeps this answer to itself since 7.1.
        ("17", if is_since(7, 1) { BUSY } else { "File exists" }),
        ("38", "Function not implemented"),
        ("3", "Module has wrong symbol version"),
        // No key is asked for here; and what has no name is shown by its number.
        ("127", "Key has expired"),
        ("129", "Key was rejected by service"),
        ("517", "Unknown error 517"),
        ("4095", "Unknown error 4095"),
    ] {
        let err = format!("err={errno}");
        let expected = Expected { kind: "init-failed", status: 8, text };
        let result = assert_load(&["/modules/t_fail.ko", &err], &expected);
        let own = format!("t_fail: refusing with {errno}");
        let log = result["kernel-log"].as_array().unwrap();
        assert_eq!(log.last().unwrap(), &own);
    }
}

/// With `kernel.dmesg_restrict`, as distributions set it, the log needs a capability.
const NO_LOG: [&str; 5] = ["setpriv", "--bounding-set=-syslog,-sys_admin", "--", "insmod", "-J"];

fn without_the_log() {
    let _base = Loaded::new("t_base", "");
    fs::copy("/modules/t_base.ko", "/tmp/t_base.ko").unwrap();
    let run_without = |words: &[&str]| run(NO_LOG.iter().chain(words).copied());
    if has_symbol_versions() {
        let file = with_another_crc("t_user", "t_base_add");
        let expected = misfit("symbol-version-mismatch", PARAMETERS);
        judged(&run_without(&[&file]), &[&file], &expected);
    }
    for (file, expected) in [
        (replaced("t_plain", " mod_unload ", " mod_unlobd "), misfit("vermagic-mismatch", FORMAT)),
        (replaced("t_dup", "t_bbse_add", "t_base_add"), misfit("duplicate-symbol", FORMAT)),
        ("/modules/t_ns_user.ko".to_owned(), misfit("missing-symbol", SYMBOL)),
    ] {
        let result = judged(&run_without(&[&file]), &[&file], &expected);
        assert_eq!(result["kernel-log"], serde_json::json!([]));
    }
    let words = ["/modules/t_params.ko", "p_int=x"];
    judged(&run_without(&words), &words, &misfit("bad-parameter", PARAMETERS));
    let words = ["/modules/t_fail.ko", "err=19"];
    let failed = Expected { kind: "init-failed", status: 8, text: "No such device" };
    judged(&run_without(&words), &words, &failed);
    fs::remove_file("/tmp/t_base.ko").unwrap();
}

fn without(mount: &str, words: &[&str]) -> Done {
    let line = format!("umount -l {mount} && exec insmod -J {}", words.join(" "));
    run(["unshare", "-m", "sh", "-c", &line])
}

fn without_proc() {
    let file = "/modules/t_user.ko";
    judged(&without("/proc", &[file]), &[file], &misfit("missing-symbol", SYMBOL));
    let words = ["/modules/t_params.ko", "p_int=x"];
    judged(&without("/proc", &words), &words, &misfit("bad-parameter", PARAMETERS));
    // sysfs knows the loaded modules, too; without it, the cause says so.
    let _plain = Loaded::new("t_plain", "");
    let file = "/modules/t_plain.ko";
    let text = "File exists";
    let loaded = Expected { kind: "already-loaded", status: 3, text };
    judged(&without("/proc", &[file]), &[file], &loaded);
    judged(&without("/proc", &["--check", file]), &["--check", file], &loaded);
    without("/proc", &["--if-needed", file]).succeeds();
    let line = format!("umount -l /proc; umount -l /sys; exec insmod -J {file}");
    let result = judged(
        &run(["unshare", "-m", "sh", "-c", &line]),
        &[file],
        &Expected { kind: "unknown", status: 3, text },
    );
    let unseen = result["cause"]["unseen"].to_string();
    assert!(unseen.contains("which modules are loaded"), "{unseen}");
}

fn without_sys() {
    let file = "/modules/t_user.ko";
    judged(&without("/sys", &[file]), &[file], &misfit("missing-symbol", SYMBOL));
    let _plain = Loaded::new("t_plain", "");
    let file = "/modules/t_plain.ko";
    let expected = Expected { kind: "already-loaded", status: 3, text: "File exists" };
    judged(&without("/sys", &[file]), &[file], &expected);
}

/// What these kernels cannot be brought to answer.
fn injected() {
    let inject = |errno: &str, words: &[&str]| {
        let tracer = answering("finit_module,init_module", errno);
        Run::new(&tracer[0]).args(&tracer[1..]).args(["insmod", "-J"]).args(words).done()
    };
    let file = "/modules/t_plain.ko";
    for (errno, kind, status, text) in [
        // The kernel would have logged what it could not allocate.
        ("ENOMEM", "init-failed", 8, "Cannot allocate memory"),
        ("EACCES", "security-policy", 6, "Permission denied"),
        ("EINTR", "unknown", 1, "Interrupted system call"),
    ] {
        judged(&inject(errno, &[file]), &[file], &Expected { kind, status, text });
    }
    // A kernel without forced loading. Where its configuration is installed, that speaks for the
    // kernel, which then has another reason.
    let file = replaced("t_plain", " mod_unload ", " mod_unlobd ");
    let config = format!("/lib/modules/{}/config", release());
    if fs::exists(&config).unwrap() {
        let done = inject("ENOEXEC", &["--force", &file]);
        judged(&done, &[&file], &misfit("unknown", FORMAT));
        fs::rename(&config, format!("{config}.old")).unwrap();
    }
    let done = inject("ENOEXEC", &["--force", &file]);
    let _ = fs::rename(format!("{config}.old"), &config);
    judged(&done, &[&file], &misfit("not-forceable", FORMAT));
    // A kernel without modules has no list of them either.
    let file = "/modules/t_plain.ko";
    let line = format!(
        "umount -l /proc && exec strace -qq -o /tmp/none -e \
         inject=finit_module,init_module:error=ENOSYS insmod -J {file}"
    );
    let done = run(["unshare", "-m", "sh", "-c", &line]);
    let text = "Function not implemented";
    judged(&done, &[file], &Expected { kind: "no-module-support", status: 1, text });
}

/// Since Linux 7.1, no list of the kernel's symbols tells which are for the GPL only: its refusal
/// does, and before the call the build tree.
fn gpl_only_symbol_of_the_kernel() {
    let file = replaced("t_class", "license=GPL\0", "license=Own\0");
    let expected = misfit("gpl-only-symbol", SYMBOL);
    let result = assert_load(&[&file], &expected);
    assert_eq!(result["cause"]["license"], "Own");
    let build = format!("/lib/modules/{}/build", release());
    fs::create_dir_all(&build).unwrap();
    let symvers = format!("{build}/Module.symvers");
    let row = |symbol| format!("0x00000000\t{symbol}\tvmlinux\tEXPORT_SYMBOL_GPL\t\n");
    fs::write(&symvers, ["class_create", "__class_create", "class_destroy"].map(row).concat())
        .unwrap();
    let result = assert_verdict(&[&file], &expected);
    assert_eq!(result["cause"]["license"], "Own");
    fs::remove_dir_all(&build).unwrap();
}

fn nothing_is_wrong() {
    assert_loads(&["/modules/t_plain.ko"], "t_plain");
    assert_loads(&["/modules/t_plain.ko.xz"], "t_plain");
    assert_loads(&["/modules/t_params.ko", "p_int=1", "p_charp=a b"], "t_params");
    let _base = Loaded::new("t_base", "");
    assert_loads(&["/modules/t_user.ko"], "t_user");
    // Those who loaded dozens of modules may have left it.
    run(["rmmod", "--if-loaded", "nls_cp437"]).succeeds_silently();
    let signed = distributions("nls_cp437");
    run(["insmod", "--check", &signed]).succeeds_silently();
}

/// With `-v` and as data; the status is that of a success.
fn what_a_check_cannot_tell() {
    let file = "/modules/t_plain.ko";
    let has = |line: &[&str], clause: &str| {
        let line: Vec<&str> =
            line.iter().copied().chain(["insmod", "--check", "-v", file]).collect();
        let done = run(&line);
        done.succeeds();
        let one_line = done.stderr.starts_with("insmod: would load t_plain from ");
        done.check(one_line && done.stderr.contains(clause), clause);
        let data: Vec<&str> = line.iter().copied().chain(["-J"]).collect();
        // Options end at the file.
        let data: Vec<&str> = [&data[..data.len() - 2], &["-J", file]].concat();
        let record = result(&run(data));
        assert!(record["warnings"].to_string().contains(clause), "{record}");
    };
    let user = ["setpriv", "--reuid=1000", "--clear-groups", "--bounding-set=-all"];
    has(&user, "lacks CAP_SYS_MODULE");
    has(&["unshare", "-U", "-r"], "user namespace");
    let trace = ["strace", "-f", "--seccomp-bpf", "-qq", "-o", "/dev/null", "-e", "trace=fsync"];
    has(&trace, "seccomp");
    let signed = distributions("nls_cp437");
    let done = run(["insmod", "--check", "-v", &signed]);
    done.check(done.stderr.contains("unless"), "has doubts");
    done.check(done.stderr.contains("its signature does not match"), "does not vouch for it");
}

fn explained_on_demand() {
    let first = "insmod: ERROR: could not insert module /modules/t_user.ko: \
                 Unknown symbol in module\n";
    let done = run(["insmod", "--explain=always", "/modules/t_user.ko"]);
    let expected = "  cause: missing symbols: t_base_add, \
                    t_base_double (provided by t_base)\n  \
                    kernel: t_user: Unknown symbol t_base_add (err -2)\n  \
                    kernel: t_user: Unknown symbol t_base_double (err -2)\n  \
                    fix: insmod --deps /modules/t_user.ko\n";
    // The order is that of the module's symbol table.
    let sorted = |text: &str| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines[1..].sort();
        for line in &mut lines {
            *line = line.replace("t_base_double, t_base_add", "t_base_add, t_base_double");
        }
        lines
    };
    assert_eq!(sorted(&done.stderr), sorted(&format!("{first}{expected}")));
    // An explicit --explain goes before what -v implies.
    run(["insmod", "--explain=never", "-v", "/modules/t_user.ko"]).fails(7, first.trim_end());
    let done = run(["insmod", "-v", "/modules/t_user.ko"]);
    done.check(done.stderr.contains("\n  cause: "), "explains");
    let done = Run::new("insmod").args(["/modules/t_user.ko"]).env("MODUTILS_EXPLAIN", "always");
    let done = done.done();
    done.check(done.stderr.contains("\n  cause: "), "explains");
    run(["insmod", "/modules/t_user.ko"]).fails(7, first.trim_end());
    let quiet = run(["insmod", "-q", "/modules/t_user.ko"]);
    quiet.check(quiet.stderr.is_empty() && quiet.status == Some(7), "is quiet");
}
