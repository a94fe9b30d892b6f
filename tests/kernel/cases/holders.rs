//! `rmmod --who`, and the explanation of a module in use: who holds it.

use std::fs::{self, File};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
use serde_json::{Value, json};

use crate::guest::{Done, Loaded, Run, is_loaded, run, wait_for};

crate::tests![
    no_holder,
    no_holder_and_it_stays,
    while_it_loads_and_unloads,
    modules,
    misc_device,
    cdev,
    no_holder_is_known,
    who_takes_and_drops,
    rmmod_itself,
    mounted_on_a_loop_device,
    tun,
    sockets,
    processes_that_are_hidden,
    explained_and_as_data,
    several_and_unknown,
    a_name_that_commands_the_terminal,
];

/// Loads modules of the distribution, which may stay.
fn load(names: &[&str]) {
    run([&["/kmod/modprobe", "-a"], names].concat()).succeeds();
}

pub(super) fn who(name: &str) -> Done {
    run(["rmmod", "--who", name])
}

/// This very process, which holds what a test holds.
pub(super) fn myself() -> String {
    let name = fs::read_to_string("/proc/self/comm").unwrap();
    format!("{} ({})", name.trim(), std::process::id())
}

/// What ends our own holds.
pub(super) fn kill() -> String {
    format!("    fix: kill {}\n", std::process::id())
}

pub(super) fn open(path: &str) -> File {
    wait_for("the device", || fs::exists(path).unwrap());
    File::open(path).unwrap()
}

fn no_holder() {
    let _loaded = Loaded::new("t_plain", "");
    who("t_plain").prints("t_plain: 0 references\n  not in use\n");
    assert!(is_loaded("t_plain"));
}

fn no_holder_and_it_stays() {
    let _loaded = Loaded::new("t_noexit", "");
    who("t_noexit").prints(
        "t_noexit: 0 references\n  not in use\n  \
         it has no exit function and cannot be removed until reboot\n",
    );
    let data = data_of("t_noexit");
    assert_eq!((&data["state"], &data["permanent"]), (&json!("live"), &json!(true)));
}

fn while_it_loads_and_unloads() {
    thread::scope(|scope| {
        scope.spawn(|| drop(Loaded::new("t_slow", "init_ms=2000 exit_ms=2000")));
        wait_for("the module", || is_loaded("t_slow"));
        let done = who("t_slow");
        let line = format!("{} is loading it: its init function has not returned", myself());
        done.check(done.stdout.contains(&line), &line);
        let data = data_of("t_slow");
        let loader = &data["holders"][0];
        assert_eq!(loader["pid"], json!(std::process::id()));
        assert_eq!((&data["state"], &data["unexplained"]), (&json!("loading"), &json!(0)));
        assert_eq!((&loader["kind"], &loader["references"]), (&json!("loader"), &json!(1)));

        let unloads = || state_of("t_slow").as_deref() == Some("going");
        wait_for("the removal", unloads);
        who("t_slow").prints(
            "t_slow: 0 references\n  \
             it is being removed: its exit function has not returned\n",
        );
        let data = data_of("t_slow");
        assert_eq!((&data["state"], &data["unexplained"]), (&json!("unloading"), &json!(0)));
    });
}

fn state_of(name: &str) -> Option<String> {
    let state = fs::read_to_string(format!("/sys/module/{name}/initstate")).ok()?;
    Some(state.trim().to_owned())
}

fn data_of(name: &str) -> Value {
    let done = run(["rmmod", "--who", "-J", name]);
    done.succeeds();
    let document: Value = serde_json::from_str(&done.stdout).unwrap();
    document["results"][0].clone()
}

fn modules() {
    let (_base, _user) = (Loaded::new("t_base", ""), Loaded::new("t_user", ""));
    who("t_base").prints("t_base: 1 reference\n  used by module t_user\n    fix: rmmod t_user\n");
}

/// `t_dev` was loaded from nowhere that is indexed: that its name is the device's is all there is.
fn misc_device() {
    let _loaded = Loaded::new("t_dev", "");
    let _open = open("/dev/t_dev");
    who("t_dev").prints(&format!(
        "t_dev: 1 reference\n  {} has /dev/t_dev open (probably a device of this module)\n{}",
        myself(),
        kill()
    ));
}

/// No name and no link leads from this device to its module; but it is the only one of which
/// nothing says to whom it belongs, and the numbers fit.
fn cdev() {
    let _loaded = Loaded::new("t_dev", "");
    let _open = open("/dev/t_cdev");
    who("t_dev").prints(&format!(
        "t_dev: 2 references\n  {} has /dev/t_cdev open (probably a device of this module) \
         (2 references)\n{}",
        myself(),
        kill()
    ));
}

fn no_holder_is_known() {
    let _loaded = Loaded::new("t_hold", "hold_ms=2000");
    who("t_hold").prints("t_hold: 1 reference\n  1 reference of unknown origin\n");
}

/// With a time, the references that come and go meanwhile.
fn who_takes_and_drops() {
    let _loaded = Loaded::new("t_dev", "");
    wait_for("the device", || fs::exists("/dev/t_dev").unwrap());
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                drop(File::open("/dev/t_dev").unwrap());
                thread::sleep(Duration::from_millis(20));
            }
        });
        let done = run(["rmmod", "--who", "--wait=1", "t_dev"]);
        done.succeeds();
        let lines: Vec<_> = done.stdout.lines().collect();
        done.check(lines[0].starts_with("t_dev: "), "who holds it now");
        let own = format!("  {} in misc_open: ", myself());
        done.check(lines.iter().any(|line| line.starts_with(&own)), &own);
        done.check(done.stdout.contains("t_dev: within 1."), "the time");

        let done = run(["rmmod", "--who", "-J", "--wait=500ms", "t_dev"]);
        let document: Value = serde_json::from_str(&done.stdout).unwrap();
        let recorded = &document["results"][0]["recorded"];
        done.check(recorded["milliseconds"].as_u64().unwrap() >= 500, "the time");
        let changes = recorded["changes"].as_array().unwrap().iter();
        let count =
            |field: &str| changes.clone().map(|one| one[field].as_u64().unwrap()).sum::<u64>();
        done.check(count("taken") > 2 && count("taken").abs_diff(count("dropped")) < 3, "balanced");
        done.check(recorded["lost"] == json!(0), "nothing lost");
        is_over.store(true, Ordering::Relaxed);
    });
    let left = fs::read_dir("/sys/kernel/tracing/instances").unwrap().count();
    assert_eq!(left, 0, "instances are removed");
    assert_eq!(run(["rmmod", "--who", "--wait=10ms", "t_absent"]).status, Some(3));
}

/// A descriptor that it inherited counts for its parent; unless the parent does not hold it.
fn rmmod_itself() {
    let _loaded = Loaded::new("t_dev", "");
    wait_for("the device", || fs::exists("/dev/t_dev").unwrap());
    for device in ["/dev/t_dev", "/dev/t_cdev"] {
        let script = format!("exec 3<{device}; rmmod --who t_dev; :");
        let done = run(["bash", "-c", &script]);
        done.check(done.stdout.contains(&format!(") has {device} open")), "names the shell");
        done.check(!done.stdout.contains("rmmod ("), "does not name itself");
    }
    let done = run(["bash", "-c", "exec rmmod --who t_dev 3</dev/t_dev"]);
    done.check(done.stdout.contains("  rmmod ("), "names itself");
    done.check(!done.stdout.contains("unknown origin"), "knows of all references");
    let script = "exec rmmod -v t_dev 3</dev/t_dev";
    let done = run(["bash", "-c", script]);
    done.check(!done.stderr.contains("fix: kill"), "does not advise to end itself");
}

fn mounted_on_a_loop_device() {
    load(&["loop", "vfat", "nls_cp437", "nls_ascii", "nls_iso8859-1", "nls_utf8"]);
    fs::create_dir_all("/tmp/mounted here").unwrap();
    let script = "cd /tmp && dd if=/dev/zero of=disk bs=1k count=4096 2>/dev/null && \
                  losetup /dev/loop0 disk && mkdosfs /dev/loop0 >/dev/null && \
                  mount -t vfat /dev/loop0 '/tmp/mounted here'";
    run(["sh", "-c", script]).succeeds();
    // A second mount of the same file system takes no reference.
    run(["sh", "-c", "mkdir -p /tmp/again && mount --bind '/tmp/mounted here' /tmp/again"])
        .succeeds();
    let vfat = who("vfat");
    let of_loop = who("loop");
    run(["sh", "-c", "umount /tmp/again '/tmp/mounted here'"]).succeeds();
    let bound = who("loop");
    let open = File::open("/dev/loop0").unwrap();
    let opened = who("loop");
    drop(open);
    run(["losetup", "-d", "/dev/loop0"]).succeeds();

    vfat.prints(
        "vfat: 1 reference\n  vfat is mounted on /tmp/mounted here\n    \
         fix: umount '/tmp/mounted here'\n  \
         vfat is mounted on /tmp/again\n    fix: umount /tmp/again\n",
    );
    of_loop.prints(
        "loop: 2 references\n  vfat is mounted on /tmp/mounted here\n    \
         fix: umount '/tmp/mounted here'\n  \
         vfat is mounted on /tmp/again\n    fix: umount /tmp/again\n  \
         loop0 is bound to /tmp/disk\n    fix: losetup -d /dev/loop0\n",
    );
    bound.prints(
        "loop: 1 reference\n  loop0 is bound to /tmp/disk\n    fix: losetup -d /dev/loop0\n",
    );
    opened.prints(&format!(
        "loop: 2 references\n  {} has /dev/loop0 open\n{}  loop0 is bound to /tmp/disk\n    \
         fix: losetup -d /dev/loop0\n",
        myself(),
        kill()
    ));
    run(["rmmod", "--wait=2", "loop"]).succeeds_silently();
}

fn tun() {
    load(&["tun"]);
    let open = open("/dev/net/tun");
    who("tun").prints(&format!(
        "tun: 2 references\n  {} has /dev/net/tun open (2 references)\n{}",
        myself(),
        kill()
    ));
    drop(open);
    run(["ip", "tuntap", "add", "name", "t_tun", "mode", "tun"]);
    if Path::new("/sys/class/net/t_tun").exists() {
        let done = who("tun");
        done.check(done.stdout.contains("network interface t_tun will disappear"), "tells");
        run(["ip", "link", "delete", "t_tun"]).succeeds();
    }
    run(["rmmod", "--wait=2", "tun"]).succeeds_silently();
}

fn sockets() {
    load(&["af_alg"]);
    let open =
        || socket(AddressFamily::Alg, SockType::SeqPacket, SockFlag::SOCK_CLOEXEC, None).unwrap();
    let two = (open(), open());
    who("af_alg").prints(&format!(
        "af_alg: 4 references\n  {} has ALG sockets (4 references)\n{}",
        myself(),
        kill()
    ));
    drop(two);
    run(["rmmod", "--wait=2", "af_alg"]).succeeds_silently();
}

fn processes_that_are_hidden() {
    let _loaded = Loaded::new("t_dev", "");
    let _open = open("/dev/t_dev");
    let done = run(["setpriv", "--reuid=1000", "--clear-groups", "rmmod", "--who", "t_dev"]);
    done.succeeds();
    done.check(done.stdout.contains("1 reference of unknown origin"), "does not know");
    done.check(done.stdout.contains("\n  not inspected: "), "says so");
    done.check(done.stdout.contains(" processes"), "says what");
    done.check(done.stdout.contains("(permission denied)"), "says why");
}

fn explained_and_as_data() {
    let _loaded = Loaded::new("t_dev", "");
    let _open = open("/dev/t_dev");
    let done = Run::new("rmmod").args(["t_dev"]).env("MODUTILS_EXPLAIN", "always").done();
    let me = myself();
    let pid = std::process::id();
    let expected = format!(
        "rmmod: ERROR: Module t_dev is in use\n  \
         cause: 1 reference: {me} has /dev/t_dev open (probably a device of this module)\n  \
         fix: kill {pid}\n  fix: rmmod --wait t_dev\n"
    );
    done.check(done.stderr == expected, &expected);

    let done = run(["rmmod", "-J", "t_dev"]);
    let command = me.split(' ').next().unwrap();
    let expected = format!(
        r#""holders":[{{"access":"open","certainty":"likely","command":"{command}","fix":{{"command":"kill {pid}"}},"kind":"process","path":"/dev/t_dev","pid":{pid},"references":1}}],"unexplained":0"#
    );
    done.check(done.stdout.contains(&expected), &expected);
    done.check(done.stdout.contains(r#""cause":{"kind":"in-use""#), "says in-use");

    let done = run(["rmmod", "--who", "-J", "t_dev"]);
    done.succeeds();
    done.check(done.stdout.contains(&expected), &expected);
}

fn several_and_unknown() {
    let _loaded = Loaded::new("t_plain", "");
    let done = run(["rmmod", "--who", "t_plain", "t_absent"]);
    done.check(done.status == Some(3), "ends with status 3");
    done.check(done.stdout == "t_plain: 0 references\n  not in use\n", "prints the one");
    let line = "rmmod: ERROR: Module t_absent is not currently loaded\n";
    done.check(done.stderr == line, "complains about the other");
}

fn a_name_that_commands_the_terminal() {
    let _loaded = Loaded::new("t_dev", "");
    wait_for("the device", || fs::exists("/dev/t_dev").unwrap());
    let script = "exec 3</dev/t_dev; printf '\\033[31mred' >/proc/$$/comm; rmmod --who t_dev; :";
    let done = run(["bash", "-c", script]);
    done.check(done.stdout.contains("\\x1b[31mred ("), "escapes");
    done.check(!done.stdout.contains('\u{1b}'), "escapes");
}
