//! rmmod removes, or says in kmod's words why not.

use std::fs::{self, File};

use crate::guest::{Loaded, is_loaded, loaded_names, run, wait_for};

crate::tests![
    by_name,
    by_name_with_dashes,
    by_path,
    by_path_of_a_renamed_file,
    by_path_of_a_missing_file,
    several_users_first,
    several_with_a_failure,
    not_loaded,
    builtin,
    in_use_by_modules,
    in_use,
    permanent,
    permanent_by_force,
    no_privilege,
];

fn by_name() {
    let _loaded = Loaded::new("t_plain", "");
    run(["rmmod", "t_plain"]).succeeds_silently();
    assert!(!is_loaded("t_plain"));
}

fn by_name_with_dashes() {
    let _loaded = Loaded::new("t_plain", "");
    run(["rmmod", "t-plain"]).succeeds_silently();
    assert!(!is_loaded("t_plain"));
}

fn by_path() {
    for suffix in ["", ".xz", ".gz", ".zst"] {
        let _loaded = Loaded::new("t_plain", "");
        run(["rmmod", &format!("/modules/t_plain.ko{suffix}")]).succeeds_silently();
        assert!(!is_loaded("t_plain"), "{suffix}");
    }
}

fn by_path_of_a_renamed_file() {
    let _loaded = Loaded::new("t_plain", "");
    fs::copy("/modules/t_plain.ko", "/tmp/other_name.ko").unwrap();
    run(["rmmod", "/tmp/other_name.ko"]).succeeds_silently();
    assert!(!is_loaded("t_plain"));
}

fn by_path_of_a_missing_file() {
    let _loaded = Loaded::new("t_plain", "");
    run(["rmmod", "/nowhere/t-plain.ko.xz"]).succeeds_silently();
    assert!(!is_loaded("t_plain"));
}

fn several_users_first() {
    let (_base, _user, _user2) =
        (Loaded::new("t_base", ""), Loaded::new("t_user", ""), Loaded::new("t_user2", ""));
    run(["rmmod", "t_base", "t_user", "t_user2"]).succeeds_silently();
    assert!(!loaded_names().iter().any(|name| name.starts_with("t_")));
}

fn several_with_a_failure() {
    let _loaded = Loaded::new("t_plain", "");
    run(["rmmod", "t_absent", "t_plain"])
        .fails(3, "rmmod: ERROR: Module t_absent is not currently loaded");
    assert!(!is_loaded("t_plain"));
}

fn not_loaded() {
    run(["rmmod", "t_absent"]).fails(3, "rmmod: ERROR: Module t_absent is not currently loaded");
    // A time is advised where one makes sense.
    for (words, advised) in [(&["--wait", "5", "t_absent"][..], true), (&["5", "t_absent"], false)]
    {
        let done = run([&["rmmod", "--explain=always"], words].concat());
        let advice = "  fix: rmmod --wait=5 t_absent\n";
        done.check(done.stderr.contains(advice) == advised, advice);
    }
}

fn builtin() {
    run(["rmmod", "tcp_cubic"]).fails(1, "rmmod: ERROR: Module tcp_cubic is builtin.");
}

fn in_use_by_modules() {
    let (_base, _user) = (Loaded::new("t_base", ""), Loaded::new("t_user", ""));
    let by_one = "rmmod: ERROR: Module t_base is in use by: t_user";
    run(["rmmod", "t_base"]).fails(4, by_one);
    // Asked to force, kmod does not look before.
    let forced = "rmmod: ERROR: could not remove 't_base': Resource temporarily unavailable";
    run(["rmmod", "-f", "t_base"]).fails(4, forced);
    let _user2 = Loaded::new("t_user2", "");
    // kmod names them in the order of a directory, which is none.
    let done = run(["rmmod", "t_base"]);
    let by_two = "rmmod: ERROR: Module t_base is in use by: t_user t_user2";
    let other_way = "rmmod: ERROR: Module t_base is in use by: t_user2 t_user";
    done.fails(4, if done.stderr.contains("t_user2 t_user\n") { other_way } else { by_two });
}

fn in_use() {
    let _loaded = Loaded::new("t_dev", "");
    for device in ["/dev/t_dev", "/dev/t_cdev"] {
        wait_for("the device", || fs::exists(device).unwrap());
        let _open = File::open(device).unwrap();
        run(["rmmod", "t_dev"]).fails(4, "rmmod: ERROR: Module t_dev is in use");
        assert!(is_loaded("t_dev"));
    }
    run(["rmmod", "t_dev"]).succeeds_silently();
}

fn permanent() {
    let _loaded = Loaded::new("t_noexit", "");
    run(["rmmod", "t_noexit"])
        .fails(4, "rmmod: ERROR: could not remove 't_noexit': Device or resource busy");
}

fn permanent_by_force() {
    for option in ["-f", "--force"] {
        let _loaded = Loaded::new("t_noexit", "");
        run(["rmmod", option, "t_noexit"]).succeeds_silently();
        assert!(!is_loaded("t_noexit"));
    }
}

fn no_privilege() {
    let _loaded = Loaded::new("t_plain", "");
    run(["setpriv", "--bounding-set=-sys_module", "rmmod", "t_plain"])
        .fails(6, "rmmod: ERROR: could not remove 't_plain': Operation not permitted");
}
