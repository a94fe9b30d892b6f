//! The ways out that rmmod advises help: each situation is made, each way out that is a command is
//! carried out in turn, and then the module is gone or can be removed. Nothing is advised that
//! would be in vain.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::guest::{Loaded, Run, is_loaded, remove, result, run, wait_for};

crate::tests![
    used_by_modules,
    open_device,
    reference_of_unknown_origin,
    function_that_takes_its_time,
    set_up_until_taken_down,
    set_up_and_open,
    nothing_helps,
    no_privilege,
    containers_and_filters,
];

/// What rmmod advises about a module, command by command.
fn advice(line: &[&str]) -> Vec<String> {
    let done = Run::new(line[0]).args(&line[1..]).done();
    let result = result(&done);
    let fixes = result["fix"].as_array().cloned().unwrap_or_default();
    let text = |fix: &serde_json::Value| {
        fix["command"].as_str().or(fix["step"].as_str()).unwrap_or_default().to_owned()
    };
    fixes.iter().map(text).collect()
}

/// Carries the advice out; the module has to be gone by it, or by a removal after it.
#[track_caller]
fn helps(module: &str, expected: &[&str]) {
    let found = advice(&["rmmod", "-J", module]);
    assert_eq!(found, expected);
    for command in &found {
        let line = format!("PATH=/tmp/advice:/sbin:/bin; {command}");
        Run::new("sh").args(["-c", &line]).limit(Duration::from_secs(15)).done().succeeds();
    }
    if is_loaded(module) {
        run(["rmmod", module]).succeeds_silently();
    }
}

/// A process, ended with this.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs a script aside; a process that ended is collected at once, as a shell would.
fn aside(script: &str) -> Process {
    let mut bash = Command::new("bash");
    Process(bash.args(["-c", script]).stdin(Stdio::null()).spawn().unwrap())
}

fn used_by_modules() {
    let (_base, _user) = (Loaded::new("t_base", ""), Loaded::new("t_user", ""));
    helps("t_base", &["rmmod --recursive t_base"]);
}

fn open_device() {
    let _dev = Loaded::new("t_dev", "");
    wait_for("the device", || fs::exists("/dev/t_dev").unwrap());
    let process = aside("exec 3</dev/t_dev; exec sleep 100");
    let holds = || run(["rmmod", "--who", "t_dev"]).stdout.contains("sleep");
    wait_for("the process", holds);
    let kill = format!("kill {}", process.0.id());
    helps("t_dev", &[&kill, "rmmod --wait t_dev"]);
}

fn reference_of_unknown_origin() {
    let _hold = Loaded::new("t_hold", "hold_ms=3000");
    helps("t_hold", &["rmmod --wait t_hold"]);
}

fn function_that_takes_its_time() {
    let _insmod = aside("exec /kmod/insmod /modules/t_slow.ko init_ms=2500 exit_ms=1000");
    wait_for("the init function", || is_loaded("t_slow"));
    helps("t_slow", &["rmmod --wait t_slow"]);
    let slow = Loaded::new("t_slow", "exit_ms=6000");
    let removal = thread::spawn(move || drop(slow));
    thread::sleep(Duration::from_millis(300));
    helps("t_slow", &["rmmod --wait t_slow"]);
    removal.join().unwrap();
}

/// A loop device with a file.
fn bound_loop_device() {
    run(["/kmod/modprobe", "loop"]).succeeds();
    wait_for("the device", || fs::exists("/dev/loop0").unwrap());
    fs::write("/tmp/disk", vec![0; 1 << 20]).unwrap();
    run(["losetup", "/dev/loop0", "/tmp/disk"]).succeeds();
}

/// To wait for it would never end.
fn set_up_until_taken_down() {
    bound_loop_device();
    helps("loop", &["losetup -d /dev/loop0"]);
    fs::remove_file("/tmp/disk").unwrap();
}

/// The process might go by itself; the other hold stays.
fn set_up_and_open() {
    bound_loop_device();
    let process = aside("exec 3</dev/loop0; exec sleep 100");
    let holds = || run(["rmmod", "--who", "loop"]).stdout.contains("sleep");
    wait_for("the process", holds);
    let found = advice(&["rmmod", "-J", "loop"]);
    assert!(!found.iter().any(|fix| fix.contains("--wait")), "{found:?}");
    drop(process);
    run(["losetup", "-d", "/dev/loop0"]).succeeds();
    remove("loop").unwrap();
    fs::remove_file("/tmp/disk").unwrap();
}

fn nothing_helps() {
    let _noexit = Loaded::new("t_noexit", "");
    assert_eq!(advice(&["rmmod", "-J", "t_noexit"]), [""; 0]);
    assert_eq!(advice(&["rmmod", "-J", "t_absent"]), [""; 0]);
    // A time that was up; a longer one may do.
    let _hold = Loaded::new("t_hold", "hold_ms=2000");
    assert_eq!(advice(&["rmmod", "-J", "--wait=0.3", "t_hold"]), ["rmmod --wait t_hold"]);
    // Where it is in vain, no longer one is advised.
    bound_loop_device();
    let begin = Instant::now();
    assert_eq!(advice(&["rmmod", "-J", "--wait=0.3", "loop"]), ["losetup -d /dev/loop0"]);
    assert!(begin.elapsed() < Duration::from_secs(10));
    run(["losetup", "-d", "/dev/loop0"]).succeeds();
    remove("loop").unwrap();
}

/// Carried out by one who may.
fn no_privilege() {
    fs::create_dir_all("/tmp/advice").unwrap();
    fs::write("/tmp/advice/sudo", "#!/bin/sh\nexec \"$@\"\n").unwrap();
    fs::set_permissions("/tmp/advice/sudo", fs::Permissions::from_mode(0o755)).unwrap();
    let _plain = Loaded::new("t_plain", "");
    let user = ["setpriv", "--reuid=1000", "--clear-groups", "rmmod", "-J", "t_plain"];
    let found = advice(&user);
    assert_eq!(found, ["sudo rmmod t_plain"]);
    run(["sh", "-c", &format!("PATH=/tmp/advice:/sbin:/bin; {}", found[0])]).succeeds();
    assert!(!is_loaded("t_plain"));
    fs::remove_dir_all("/tmp/advice").unwrap();
}

/// Each has its own way out, as in insmod; `sudo` helps in none.
fn containers_and_filters() {
    let _plain = Loaded::new("t_plain", "");
    let rmmod = ["rmmod", "-J", "t_plain"];
    let dropped = ["setpriv", "--bounding-set=-sys_module"];
    let in_namespace = ["unshare", "-U", "-r"];
    let filtered = |errno| {
        let inject = format!("inject=delete_module:error={errno}");
        let line = ["strace", "-f", "--seccomp-bpf", "-qq", "-o", "/dev/null", "-e"];
        let mut line: Vec<String> = line.map(str::to_owned).to_vec();
        line.extend(["trace=delete_module".to_owned(), "-e".to_owned(), inject]);
        line
    };
    let (eperm, enosys) = (filtered("EPERM"), filtered("ENOSYS"));
    let words = |line: &[String]| -> Vec<String> {
        line.iter().map(String::as_str).chain(rmmod).map(str::to_owned).collect()
    };
    let plain = |line: &[&str]| -> Vec<String> {
        line.iter().copied().chain(rmmod).map(str::to_owned).collect()
    };
    for (mark, line, kind, cause, fix) in [
        (false, plain(&dropped), "no-privilege", "bounding set", "ProtectKernelModules"),
        (true, plain(&dropped), "no-privilege", "docker", "docker run --cap-add SYS_MODULE"),
        (false, plain(&in_namespace), "no-privilege", "user namespace", "on the host"),
        (false, words(&eperm), "security-policy", "seccomp", "SystemCallFilter="),
        (false, words(&enosys), "security-policy", "seccomp", "SystemCallFilter="),
        (true, words(&enosys), "security-policy", "seccomp", "seccomp=unconfined"),
    ] {
        if mark {
            fs::write("/.dockerenv", "").unwrap();
        }
        let done = run(&line);
        let _ = fs::remove_file("/.dockerenv");
        done.check(done.status == Some(6), "is not permitted");
        let record = result(&done);
        assert_eq!(record["cause"]["kind"], kind, "{record}");
        assert!(record["cause"]["text"].as_str().unwrap().contains(cause), "{record}");
        let fixes = record["fix"].to_string();
        assert!(fixes.contains(fix) && !fixes.contains("sudo"), "{record}");
    }
}
