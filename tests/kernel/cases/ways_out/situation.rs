//! A situation in which something holds a module: how it is made, looked at, and ended.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::guest::{Run, run};

/// A situation: the module in question, the shell commands that make it, and a word that the answer
/// has to hold.
pub(super) struct Situation {
    module: &'static str,
    setup: &'static str,
    names: &'static str,
}

pub(super) const fn situation(
    module: &'static str,
    setup: &'static str,
    names: &'static str,
) -> Situation {
    Situation { module, setup, names }
}

/// What the setups have in common.
///
/// What stays in the background needs a session of its own: the commands of a test end with it.
const PRELUDE: &str = "set -e; echo /kmod/modprobe > /proc/sys/kernel/modprobe; mkdir -p /mnt /run/netns; \
     open() { setsid perl -e 'open(my $f, \"+<\", shift) or die; sleep 1000' \"$1\" & sleep 1; }; \
     image() { dd if=/dev/zero of=/tmp/image bs=1M count=16; mke2fs -q -F -t ext4 /tmp/image; }; \
     dummy() { ip link add d0 type dummy; }; ";

/// What removes the rest of a situation, whatever it was.
const CLEANUP: &str = "killall -9 perl sleep program; umount -l /tmp/both; umount -l /mnt; swapoff -a; \
     echo -1 > /proc/sys/fs/binfmt_misc/kept; umount /proc/sys/fs/binfmt_misc; rdma link del rxe0; dmsetup remove_all; \
     losetup -D; ip link del d0; ip link del nl0; ip netns del n1; nft flush ruleset; \
     iptables-legacy -F; iptables-legacy -t raw -F; ipset destroy; ipvsadm -C; \
     ip l2tp del tunnel tunnel_id 1; ip xfrm state flush; ip tuntap del mode tap name tap0; \
     tc actions flush action skbedit; sysctl -w net.core.default_qdisc=pfifo_fast; \
     sysctl -w net.ipv4.tcp_congestion_control=cubic; \
     [ ! -c /dev/watchdog0 ] || echo V > /dev/watchdog0; \
     echo > /sys/kernel/tracing/uprobe_events; rm -f /tmp/image /tmp/fat /tmp/node";

pub(super) fn shell(script: &str) {
    Command::new("bash")
        .args(["-c", script])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
}

/// Makes each situation, and collects the faults of all.
pub(super) fn each(situations: &[Situation]) {
    let mut faults = Vec::new();
    for situation in situations {
        if let Err(fault) = check(situation) {
            faults.push(format!("{} ({}): {fault}", situation.module, situation.setup));
        }
        shell(CLEANUP);
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

fn check(situation: &Situation) -> Result<(), String> {
    let module = situation.module;
    run(["/kmod/modprobe", module]).succeeds();
    // Output of what stays in the background must not keep us.
    let script = format!("exec > /tmp/setup 2>&1 < /dev/null; {PRELUDE}{}", situation.setup);
    let setup = Run::new("bash").args(["-c", &script]).limit(Duration::from_secs(60)).done();
    if setup.status != Some(0) {
        let said = std::fs::read_to_string("/tmp/setup").unwrap_or_default();
        return Err(format!("cannot be made: {said}"));
    }
    if references(module) == 0 {
        return Err("nothing holds it".to_owned());
    }
    let done = run(["rmmod", "--who", "-J", module]);
    let document: Value = serde_json::from_str(&done.stdout).map_err(|error| error.to_string())?;
    let result = &document["results"][0];
    let holders = result["holders"].as_array().ok_or("no holders")?;
    let fault = |text: &str| Err(format!("{text}: {result}"));
    if result["unexplained"] != 0 {
        return fault("references are left over");
    }
    if !holders.iter().any(|holder| holder.to_string().contains(situation.names)) {
        return fault("does not name it");
    }
    // What holds no reference itself, such as a process on a mount, keeps what does, and comes first.
    for holder in holders.iter().filter(|holder| !is_left_alone(holder)) {
        match holder["fix"]["command"].as_str() {
            Some(command) => shell(command),
            None if holder["references"] == 0 => {}
            None => return fault("no command"),
        }
    }
    let is_free = || references(module) == 0;
    let end = Instant::now() + Duration::from_secs(3);
    while !is_free() && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(20));
    }
    if !is_free() {
        return fault("the commands do not free it");
    }
    Ok(())
}

/// Whether a holder is a module, or something that goes with the module.
fn is_left_alone(holder: &Value) -> bool {
    ["module", "device", "interface"].iter().any(|kind| holder["kind"] == *kind)
}

/// The references that are not those of the modules that use it; none if it is not loaded.
pub(super) fn references(module: &str) -> i64 {
    let text = std::fs::read_to_string("/proc/modules").unwrap();
    let row = text.lines().find(|row| row.starts_with(&format!("{module} ")));
    let Some(row) = row else { return 0 };
    let fields: Vec<_> = row.split(' ').collect();
    let users =
        fields[3].split(',').filter(|user| !user.is_empty() && !user.starts_with(['-', '[']));
    fields[2].parse::<i64>().unwrap_or(0) - i64::try_from(users.count()).unwrap()
}
