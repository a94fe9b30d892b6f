//! The options of lsmod, on modules that are really loaded.

use std::fs;
use std::thread;

use serde_json::{Value, json};

use crate::guest::{Done, Loaded, loaded, run, wait_for};

crate::tests![
    columns,
    raw,
    json_of_a_parameter_of_every_type,
    json_without_sys,
    hidden_addresses,
    names_paths_and_patterns,
    not_loaded,
    filters,
    order,
    loading_and_unloading,
    full_disk_and_closed_pipe,
    usage,
];

/// In the order in which they can go.
fn base_and_users() -> (Loaded, Loaded, Loaded) {
    let (base, user) = (Loaded::new("t_base", ""), Loaded::new("t_user", ""));
    (Loaded::new("t_user2", ""), user, base)
}

/// The modules in a JSON document.
fn modules(done: &Done) -> Vec<Value> {
    let document: Value = serde_json::from_str(&done.stdout).unwrap();
    document["modules"].as_array().unwrap().clone()
}

fn columns() {
    let _modules = base_and_users();
    run(["lsmod", "-o", "name,Refcnt,USED-BY,permanent", "t_*"]).prints(
        "NAME    REFCNT USED-BY        PERMANENT\n\
         t_user2      0                0\n\
         t_user       0                0\n\
         t_base       2 t_user2,t_user 0\n",
    );
    run(["lsmod", "-n", "-o", "DEPENDS,TAINT", "t_user"]).prints("t_base OE\n");
    let size = run(["lsmod", "-nbo", "SIZE", "t_base"]).stdout;
    assert!(loaded().iter().any(|row| row.starts_with(&format!("t_base {}", size.trim()))));
    let all = run(["lsmod", "--output-all", "-r", "t_base"]);
    let listed = run(["lsmod", "--list-columns"]).stdout;
    let headings: Vec<_> = listed.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(all.stdout.lines().next().unwrap(), headings.join(" "));
}

fn raw() {
    let _modules =
        (Loaded::new("t_params", "p_charp=\"a\\b\" p_ints=1,2"), Loaded::new("t_noexit", ""));
    run(["lsmod", "-r", "-o", "NAME,USED-BY,PERMANENT,STATE", "t_noexit"])
        .prints("NAME USED-BY PERMANENT STATE\nt_noexit  1 live\n");
    let done = run(["lsmod", "-rn", "-o", "PARAMS", "t_params"]);
    let words: Vec<_> = done.stdout.trim_end().split("\\x20").collect();
    done.check(words.contains(&"p_charp=a\\x5cb") && words.contains(&"p_ints=1,2"), "escapes");
    done.check(!done.stdout.contains(' '), "has no blank");
}

fn json_of_a_parameter_of_every_type() {
    let _params = Loaded::new("t_params", "p_string=\"a b\" p_bool=1 p_hidden=7");
    let found = modules(&run(["lsmod", "-J", "-o", "NAME,PARAMS,VERSION", "t_params"]));
    let [module] = &found[..] else { panic!("{found:?}") };
    assert_eq!(module["name"], "t_params");
    assert_eq!(module["version"], Value::Null);
    let params = module["params"].as_object().unwrap();
    for (name, value) in [
        ("p_byte", "1"),
        ("p_short", "-2"),
        ("p_bool", "Y"),
        ("p_string", "a b"),
        ("p_charp", "none"),
        ("p_hexint", "0x000010"),
        ("p_ints", ""),
    ] {
        assert_eq!(params[name], value, "{name}");
    }
    assert!(!params.contains_key("p_hidden"));
}

fn json_without_sys() {
    let _params = Loaded::new("t_params", "");
    let done = run(["unshare", "-m", "sh", "-c", "umount -l /sys && exec lsmod -JO t_params"]);
    done.succeeds();
    let found = modules(&done);
    let [module] = &found[..] else { panic!("{found:?}") };
    assert_eq!(module["refcnt"], 0);
    assert_eq!(module["taint"], "OE");
    for column in ["srcversion", "coresize", "initsize", "params"] {
        assert_eq!(module[column], Value::Null, "{column}");
    }
    // That it has none is something else.
    let _plain = Loaded::new("t_plain", "");
    let found = modules(&run(["lsmod", "-JO", "t_plain"]));
    assert_eq!(found[0]["params"], json!({}));
}

/// The kernel shows no addresses to those who may not see them.
fn hidden_addresses() {
    let _base = Loaded::new("t_base", "");
    let address = |kptr_restrict| {
        fs::write("/proc/sys/kernel/kptr_restrict", kptr_restrict).unwrap();
        modules(&run(["lsmod", "-J", "t_base"]))[0]["address"].clone()
    };
    let shown = address("0");
    let hidden = address("2");
    fs::write("/proc/sys/kernel/kptr_restrict", "0").unwrap();
    assert!(shown.as_str().unwrap().starts_with("0xffffffff"), "{shown}");
    assert_eq!(hidden, Value::Null);
}

fn names_paths_and_patterns() {
    let _modules = base_and_users();
    fs::copy("/modules/t_base.ko.xz", "/tmp/other-name.ko.xz").unwrap();
    let names = |arguments: &[&str]| {
        let done = run(["lsmod", "-n", "-o", "NAME"].iter().chain(arguments));
        done.succeeds();
        done.stdout.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(names(&["t-base"]), ["t_base"]);
    assert_eq!(names(&["t_base", "t_user"]), ["t_user", "t_base"]);
    assert_eq!(names(&["t_user?"]), ["t_user2"]);
    assert_eq!(names(&["t-us*", "t_user"]), ["t_user2", "t_user"]);
    assert_eq!(names(&["/tmp/other-name.ko.xz"]), ["t_base"]);
    assert_eq!(names(&["/gone/t-base.ko.gz"]), ["t_base"]);
    fs::remove_file("/tmp/other-name.ko.xz").unwrap();
}

fn not_loaded() {
    let _base = Loaded::new("t_base", "");
    let done = run(["lsmod", "-n", "-o", "NAME", "t-gone", "t_base", "zz_*", "", "a/\u{e9}.ko"]);
    done.check(done.status == Some(1), "fails");
    done.check(done.stdout == "t_base\n", "lists the loaded modules");
    done.check(
        done.stderr
            == "lsmod: ERROR: Module t_gone is not currently loaded\n\
                lsmod: ERROR: No loaded module matches zz_*\n\
                lsmod: ERROR: Module : a module name cannot be empty\n\
                lsmod: ERROR: Module \u{e9} is not currently loaded\n",
        "names those that are not",
    );
    let done = run(["lsmod", "-J", "t_gone"]);
    done.check(done.status == Some(1), "fails");
    let document: Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!(document["modules"], json!([]), "{}", done.describe());
    assert_eq!(document["not-loaded"][0]["state"], "unknown", "{}", done.describe());
    let done = run(["lsmod", "-q", "t_gone"]);
    done.check(done.status == Some(1) && done.stderr.is_empty(), "fails quietly");
    let done = run(["lsmod", "-v", "printk"]);
    done.check(done.stderr.contains("\n  cause: printk is built into the kernel"), "explains");
}

fn filters() {
    let _modules = base_and_users();
    let _noexit = Loaded::new("t_noexit", "");
    let names = |options: &[&str]| {
        let done = run(["lsmod", "-n", "-o", "NAME", "t_*"].iter().chain(options));
        done.succeeds();
        done.stdout.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(names(&["--unused"]), ["t_noexit", "t_user2", "t_user"]);
    assert_eq!(names(&["--permanent"]), ["t_noexit"]);
    assert_eq!(names(&["--tainted", "--unused", "--permanent"]), ["t_noexit"]);
    assert_eq!(names(&["--tainted=e"]).len(), 4);
    assert_eq!(names(&["--tainted=P"]), [""; 0]);
    assert_eq!(names(&["--state", "live"]).len(), 4);
    assert_eq!(names(&["--state=loading"]), [""; 0]);
    run(["lsmod", "--unused", "t_base"]).prints("Module                  Size  Used by\n");
}

fn order() {
    let _modules = base_and_users();
    let names = |options: &[&str]| {
        let done = run(["lsmod", "-n", "-o", "NAME", "t_*"].iter().chain(options));
        done.succeeds();
        done.stdout.replace('\n', " ")
    };
    assert_eq!(names(&[]), "t_user2 t_user t_base ");
    assert_eq!(names(&["--reverse"]), "t_base t_user t_user2 ");
    assert_eq!(names(&["--sort", "name"]), "t_base t_user t_user2 ");
    assert_eq!(names(&["--sort", "refcnt,name"]), "t_user t_user2 t_base ");
    assert_eq!(names(&["--sort=REFCNT", "--reverse"]), "t_base t_user t_user2 ");
}

/// kmod prints the same but for one field of a module that loads or unloads.
fn loading_and_unloading() {
    // In which state and field, and what kmod has there.
    const DIFFERENCES: &[(&str, usize, &str)] = &[
        ("loading", 1, "coresize of sysfs, without the init sections, which are there still"),
        ("unloading", 1, "-2, an errno, once the attributes in sysfs are gone"),
        ("unloading", 2, "-2, likewise"),
    ];
    let may_differ = |state: &str, field: usize| {
        DIFFERENCES.iter().any(|difference| (difference.0, difference.1) == (state, field))
    };
    let compare = |state: &str| {
        run(["lsmod", "-rn", "-o", "NAME,STATE", "--state", state])
            .prints(&format!("t_slow {state}\n"));
        let (ours, theirs) = (run(["lsmod"]).stdout, run(["/kmod/lsmod"]).stdout);
        for (our, their) in ours.lines().zip(theirs.lines()).filter(|(our, their)| our != their) {
            let [our, their] = [our, their].map(|row| row.split_whitespace().collect::<Vec<_>>());
            assert_eq!(our[0], "t_slow");
            for index in (0..our.len()).filter(|index| our.get(*index) != their.get(*index)) {
                assert!(may_differ(state, index), "{our:?} {their:?}");
            }
        }
        assert_eq!(ours.lines().count(), theirs.lines().count());
    };
    let state = |word: &str| loaded().iter().any(|row| row.contains(word));

    let loading = thread::spawn(|| Loaded::new("t_slow", "init_ms=1500 exit_ms=1500"));
    wait_for("the module to load", || state(" Loading "));
    compare("loading");
    let slow = loading.join().unwrap();
    let unloading = thread::spawn(|| drop(slow));
    wait_for("the module to unload", || state(" Unloading "));
    compare("unloading");
    unloading.join().unwrap();
}

fn full_disk_and_closed_pipe() {
    for line in ["lsmod", "lsmod -J", "lsmod -l", "lsmod --summary", "lsmod --list-columns"] {
        let done = run(["sh", "-c", &format!("{line} >/dev/full")]);
        done.fails(1, "lsmod: ERROR: could not write: No space left on device");
        // The reader is gone before the first byte comes.
        let done = run(["sh", "-c", &format!("{{ sleep 0.3; {line}; echo $? >&2; }} | true")]);
        done.check(done.stderr == "0\n", "ends quietly");
    }
}

fn usage() {
    for (options, message) in [
        ("-o BOGUS", "invalid value 'BOGUS' for '--output <LIST>': unknown column: BOGUS"),
        ("-o ''", "invalid value '' for '--output <LIST>': unknown column:"),
        ("--sort +", "invalid value '+' for '--sort <LIST>': unknown column:"),
        (
            "--tainted=1",
            "invalid value '1' for '--tainted[=<LETTERS>]': \
             the taints are P, F, C, O, E, K, X, T, N, J",
        ),
        ("-l -J", "option '--long' cannot be used with '--json'"),
        ("-x", "invalid option -- 'x'"),
    ] {
        let done = run(["sh", "-c", &format!("lsmod {options}")]);
        done.fails(2, &format!("lsmod: {message}"));
    }
}
