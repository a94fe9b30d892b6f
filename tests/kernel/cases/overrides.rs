//! lsmod on modules that do not come from the distribution, as an unprivileged user sees it: what
//! packages of drivers, DKMS and weak-modules put into a release's tree, and lists that are damaged.

use serde_json::{Value, json};

use crate::guest::{Done, release, run};

crate::tests![
    directories_of_drivers,
    weak_updates,
    instead_of_the_distributions,
    alias_and_options_by_a_driver,
    live_patch,
    damaged_indexes,
];

/// Runs commands in a release's tree of their own, which depmod makes its lists of, and lsmod after
/// them. The distribution's takes depmod minutes here.
fn in_small_tree(commands: &str, arguments: &str) -> Done {
    let line = format!(
        "mount -t tmpfs none /lib/modules && mkdir -p /lib/modules/$(uname -r)/kernel && \
         mkdir -p /etc/modprobe.d && mount -t tmpfs none /etc/modprobe.d && cd /lib/modules/$(uname -r) && \
         cp /modules/t_base.ko kernel/loop.ko && {commands} && /kmod/depmod && {arguments}"
    );
    run(["unshare", "-m", "sh", "-ec", &line])
}

fn record(commands: &str, name: &str) -> Value {
    let lsmod = format!("exec setpriv --reuid=1000 --clear-groups lsmod -J {name}");
    let done = in_small_tree(commands, &lsmod);
    done.check(done.status == Some(1), "fails");
    let document: Value = serde_json::from_str(&done.stdout).unwrap_or_default();
    document["not-loaded"][0].clone()
}

#[track_caller]
fn assert_loadable_from(found: &Value, file: &str) {
    let path = format!("/lib/modules/{}/{file}", release());
    assert_eq!(found["state"], "loadable", "{found}");
    assert_eq!(found["file"], path, "{found}");
    assert_eq!(found["blocked-by"], json!([]), "{found}");
}

fn directories_of_drivers() {
    for directory in ["updates", "updates/dkms", "extra", "extra/vendor", "misc", "weak-updates"] {
        let put = format!("mkdir -p {directory} && cp /modules/t_plain.ko {directory}/");
        assert_loadable_from(&record(&put, "t_plain"), &format!("{directory}/t_plain.ko"));
    }
}

const WEAK: &str = "mkdir -p ../9.9.8/extra weak-updates && cp /modules/t_plain.ko ../9.9.8/extra && \
                    ln -s /lib/modules/9.9.8/extra/t_plain.ko weak-updates/t_plain.ko";

/// A link to the module of an earlier update, whose types are the same.
fn weak_updates() {
    assert_loadable_from(&record(WEAK, "t_plain"), "weak-updates/t_plain.ko");
    let loaded = "insmod weak-updates/t_plain.ko && lsmod -J -o FILE,STALE t_plain; rmmod t_plain";
    let done = in_small_tree(WEAK, loaded);
    done.check(done.stdout.contains("weak-updates/t_plain.ko"), "names the link");
    let document: Value = serde_json::from_str(&done.stdout).unwrap_or_default();
    done.check(document["modules"][0]["stale"] == false, "is the same build");
    // The earlier kernel was removed, and the link leads nowhere.
    let gone = format!("{WEAK} && /kmod/depmod && cp modules.dep dep && rm -r ../9.9.8");
    let lsmod = "cp dep modules.dep && exec setpriv --reuid=1000 --clear-groups lsmod -J t_plain";
    let done = in_small_tree(&gone, lsmod);
    done.check(done.stdout.contains("missing-file"), "says that the file is missing");
}

/// depmod prefers the files in updates.
fn instead_of_the_distributions() {
    let put = "mkdir -p updates/dkms && cp /modules/t_plain.ko updates/dkms/loop.ko";
    let found = record(put, "loop");
    assert_loadable_from(&found, "updates/dkms/loop.ko");
    assert_eq!(found["signature"], "absent", "{found}");
}

fn alias_and_options_by_a_driver() {
    let put = "mkdir extra && cp /modules/t_plain.ko extra && printf '%s\\n' \
               'alias char-major-241-* t_plain' 'options t-plain p=1' \
               'softdep t_plain pre: loop' >/etc/modprobe.d/vendor.conf";
    let found = record(put, "t_plain");
    assert_loadable_from(&found, "extra/t_plain.ko");
    assert!(found["aliases"].to_string().contains("char-major-241-"), "{found}");
}

/// A live patch is a module, too; kpatch has its own directory.
fn live_patch() {
    let put = "mkdir kpatch && sed 's/srcversion=./livepatch=Y\\x00/' /modules/t_plain.ko \
               >kpatch/livepatch-1.ko";
    assert_loadable_from(&record(put, "livepatch_1"), "kpatch/livepatch-1.ko");
}

/// Whatever is in the lists, there is an answer, and none that is made up.
fn damaged_indexes() {
    let line = "mount -t tmpfs none /lib/modules && mkdir -p /lib/modules/$(uname -r) && \
                cd /lib/modules/$(uname -r) && for list in dep dep.bin alias alias.bin symbols \
                builtin builtin.bin builtin.modinfo builtin.alias.bin; do \
                head -c 70000 DAMAGE >modules.$list; done; \
                exec setpriv --reuid=1000 --clear-groups lsmod -J loop af_alg t_nothing";
    for damage in ["/dev/urandom", "/dev/zero", "/bin/busybox"] {
        let line = line.replace("DAMAGE", damage);
        let done = run(["unshare", "-m", "sh", "-c", &line]);
        done.check(done.status == Some(1), "fails");
        let document: Value = serde_json::from_str(&done.stdout).unwrap_or_default();
        let found = document["not-loaded"].as_array().cloned().unwrap_or_default();
        done.check(found.len() == 3, "has a record of each");
        done.check(found.iter().all(|found| found["state"] == "unknown"), "invents nothing");
    }
}
