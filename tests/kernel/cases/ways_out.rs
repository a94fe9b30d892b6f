//! The commands that end each hold: a situation is made, `rmmod --who` has to name all its
//! references, and the commands that it suggests have to free them.

use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::guest::{Run, run};

crate::tests![
    files,
    mounts,
    block_devices,
    traffic_control,
    network_interfaces,
    network_namespaces,
    nftables,
    iptables,
    sets_and_servers,
    sockets,
    transport,
    tracing,
];

/// A situation: the module in question, the shell commands that make it, and a word that the answer
/// has to hold.
struct Situation {
    module: &'static str,
    setup: &'static str,
    names: &'static str,
}

const fn situation(module: &'static str, setup: &'static str, names: &'static str) -> Situation {
    Situation { module, setup, names }
}

fn files() {
    each(&[
        situation("uinput", "open /dev/uinput", "/dev/uinput"),
        situation("uinput", "mknod /tmp/node c 10 223; open /tmp/node", "/tmp/node"),
        situation("loop", "open /dev/loop0", "/dev/loop0"),
        // No process has it open, and none stopped it.
        situation("softdog", "echo run > /dev/watchdog0", "watchdog0"),
    ]);
}

fn mounts() {
    each(&[
        situation("ext4", "image; mount -t ext4 /tmp/image /mnt", "/mnt"),
        situation(
            "ext4",
            "image; mount -t ext4 /tmp/image /mnt; echo > /mnt/file; open /mnt/file; umount -l /mnt",
            "perl",
        ),
        situation(
            "nls_ascii",
            "dd if=/dev/zero of=/tmp/fat bs=1M count=4; mkfs.vfat /tmp/fat; \
             mount -t vfat -o iocharset=ascii /tmp/fat /mnt",
            "/mnt",
        ),
        situation(
            "ext4",
            "image; setsid unshare -m sh -c 'mount -t ext4 /tmp/image /mnt; exec sleep 1000' & sleep 1",
            "/mnt",
        ),
        situation(
            "overlay",
            "mkdir -p /tmp/lower /tmp/upper /tmp/work; mount -t overlay overlay \
             -o lowerdir=/tmp/lower,upperdir=/tmp/upper,workdir=/tmp/work /mnt",
            "/mnt",
        ),
    ]);
}

fn block_devices() {
    each(&[
        situation("loop", "image; losetup /dev/loop1 /tmp/image", "loop1"),
        situation(
            "zram",
            "echo 8M > /sys/block/zram0/disksize; mkswap /dev/zram0; swapon /dev/zram0",
            "/dev/zram0",
        ),
        situation(
            "dm_crypt",
            "image; losetup /dev/loop1 /tmp/image; \
             dmsetup create secret --table '0 1000 crypt aes-cbc-plain64 \
             00000000000000000000000000000000 0 /dev/loop1 0'",
            "secret",
        ),
        situation(
            "dm_snapshot",
            "image; losetup /dev/loop1 /tmp/image; \
             dmsetup create origin --table '0 1000 snapshot-origin /dev/loop1'",
            "origin",
        ),
        situation("bfq", "echo bfq > /sys/block/loop0/queue/scheduler", "loop0"),
    ]);
}

fn traffic_control() {
    each(&[
        situation("sch_netem", "dummy; tc qdisc add dev d0 root netem delay 1ms", "netem"),
        situation("sch_fq", "sysctl -w net.core.default_qdisc=fq", "fq"),
        situation(
            "cls_matchall",
            "dummy; tc qdisc add dev d0 clsact; tc filter add dev d0 ingress matchall action pass",
            "matchall",
        ),
        situation("act_skbedit", "tc actions add action skbedit mark 1", "skbedit"),
        situation(
            "act_skbedit",
            "tc actions add action skbedit mark 1 index 7; dummy; tc qdisc add dev d0 clsact; \
             tc filter add dev d0 ingress matchall action skbedit index 7; \
             tc filter add dev d0 egress matchall action skbedit index 7",
            "skbedit",
        ),
        situation("tcp_vegas", "sysctl -w net.ipv4.tcp_congestion_control=vegas", "vegas"),
    ]);
}

fn network_interfaces() {
    each(&[
        situation("tun", "ip tuntap add mode tap name tap0", "tap0"),
        situation("nlmon", "ip link add nl0 type nlmon; ip link set nl0 up", "nl0"),
        situation(
            "mpls_iptunnel",
            "dummy; ip addr add 10.9.9.1/24 dev d0; ip link set d0 up; \
             ip route add 10.99.0.0/24 encap mpls 100 via 10.9.9.2",
            "10.99.0.0/24",
        ),
        situation(
            "l2tp_eth",
            "ip addr add 10.9.8.1/24 dev lo; ip link set lo up; \
             ip l2tp add tunnel tunnel_id 1 peer_tunnel_id 2 encap udp local 10.9.8.1 \
             remote 10.9.8.2 udp_sport 5000 udp_dport 5001; \
             ip l2tp add session tunnel_id 1 session_id 3 peer_session_id 4",
            "l2tpeth0",
        ),
        situation(
            "esp4",
            "ip xfrm state add src 10.0.0.1 dst 10.0.0.2 proto esp spi 0x101 mode transport \
             auth 'hmac(sha1)' 0x0000000000000000000000000000000000000000 \
             enc 'cbc(aes)' 0x00000000000000000000000000000000",
            "0x00000101",
        ),
    ]);
}

fn network_namespaces() {
    each(&[
        situation(
            "sch_netem",
            "ip netns add n1; ip -n n1 link add d1 type dummy; \
             ip netns exec n1 tc qdisc add dev d1 root netem delay 1ms",
            "n1",
        ),
        situation(
            "nft_numgen",
            "setsid unshare -n sh -c 'nft add table ip x; nft add chain ip x c; \
             nft add rule ip x c meta mark set numgen inc mod 2; exec sleep 1000' & sleep 1",
            "ip x c",
        ),
    ]);
}

fn nftables() {
    each(&[
        situation(
            "nft_numgen",
            "nft add table ip x; nft add chain ip x c; \
             nft add rule ip x c meta mark set numgen inc mod 2",
            "ip x c",
        ),
        situation(
            "nft_limit",
            "nft add table ip x; nft 'add limit ip x slow { rate 1/second; }'",
            "slow",
        ),
        situation(
            "nft_quota",
            "nft add table ip x; nft 'add quota ip x much { over 1 mbytes }'; \
             nft add chain ip x c; nft add rule ip x c quota name much",
            "much",
        ),
        situation(
            "nft_limit",
            "nft add table ip x; \
             nft 'add set ip x s { type ipv4_addr; size 9; flags dynamic; limit rate 5/second; }'; \
             nft add chain ip x c; nft 'add rule ip x c update @s { ip saddr limit rate 5/second }'",
            "\"s\"",
        ),
        situation(
            "nft_log",
            "nft add table ip x; nft add chain ip x c; nft add rule ip x c log; \
             nft add rule ip x c log",
            "ip x c",
        ),
        situation(
            "nf_log_syslog",
            "nft add table ip x; nft add chain ip x c; nft add rule ip x c log",
            "ip x c",
        ),
    ]);
}

fn iptables() {
    each(&[
        situation("xt_limit", "iptables-legacy -A INPUT -m limit --limit 5/s -j ACCEPT", "INPUT"),
        situation("nf_log_syslog", "iptables-legacy -A INPUT -j LOG", "INPUT"),
        situation("ts_bm", "iptables-legacy -A INPUT -m string --algo bm --string x", "INPUT"),
        situation(
            "nf_conntrack_ftp",
            "iptables-legacy -t raw -A PREROUTING -p tcp --dport 21 -j CT --helper ftp",
            "PREROUTING",
        ),
    ]);
}

fn sets_and_servers() {
    each(&[
        situation("ip_set_hash_ip", "ipset create s1 hash:ip", "s1"),
        situation("ip_vs_rr", "ipvsadm -A -t 10.0.0.1:80 -s rr", "10.0.0.1:80"),
        situation("ip_vs_sh", "ipvsadm -A -f 8 -6 -s sh", "mark 8"),
        situation(
            "ip_vs_pe_sip",
            "ipvsadm -A -u 10.0.0.1:5060 -s rr -p 60 --pe sip",
            "10.0.0.1:5060",
        ),
    ]);
}

fn sockets() {
    each(&[
        situation(
            "can_raw",
            "setsid perl -e 'socket(my $s, 29, 3, 1) or die; sleep 1000' & sleep 1",
            "perl",
        ),
        situation(
            "algif_hash",
            "setsid perl -e 'socket(my $s, 38, 5, 0) or die; \
             bind($s, pack(\"S a14 L L a64\", 38, \"hash\", 0, 0, \"sha256\")) or die; sleep 1000' & \
             sleep 1",
            "perl",
        ),
        situation(
            "slip",
            "setsid perl -e 'open(my $m, \"+<\", \"/dev/ptmx\") or die; \
             ioctl($m, 0x40045431, my $zero = pack(\"i\", 0)) or die; \
             ioctl($m, 0x80045430, my $number = pack(\"i\", 0)) or die; \
             open(my $s, \"+<\", \"/dev/pts/\" . unpack(\"i\", $number)) or die; \
             ioctl($s, 0x5423, my $kind = pack(\"i\", 1)) or die; sleep 1000' & sleep 1",
            "/dev/pts/",
        ),
    ]);
}

fn transport() {
    each(&[
        situation(
            "tcp_vegas",
            "setsid perl -e 'socket(my $s, 2, 1, 6) or die; setsockopt($s, 6, 13, \"vegas\") or die; \
             sleep 1000' & sleep 1",
            "perl",
        ),
        situation(
            "tls",
            "ip link set lo up; setsid perl -MSocket -e 'socket(my $l, 2, 1, 6) or die; \
             bind($l, sockaddr_in(4433, INADDR_LOOPBACK)) or die; listen($l, 1) or die; \
             socket(my $c, 2, 1, 6) or die; connect($c, sockaddr_in(4433, INADDR_LOOPBACK)) or die; \
             setsockopt($c, 6, 31, \"tls\") or die; sleep 1000' & sleep 1",
            "perl",
        ),
    ]);
}

fn tracing() {
    each(&[situation(
        "ext4",
        "image; mount -t ext4 /tmp/image /mnt; cp /bin/busybox /mnt/program; \
         echo 'p:probes/one /mnt/program:0x1000' > /sys/kernel/tracing/uprobe_events; \
         umount -l /mnt",
        "probes/one",
    )]);
}

/// What the setups have in common.
///
/// What stays in the background needs a session of its own: the commands of a test end with it.
const PRELUDE: &str = "set -e; echo /kmod/modprobe > /proc/sys/kernel/modprobe; mkdir -p /mnt /run/netns; \
     open() { setsid perl -e 'open(my $f, \"+<\", shift) or die; sleep 1000' \"$1\" & sleep 1; }; \
     image() { dd if=/dev/zero of=/tmp/image bs=1M count=16; mke2fs -q -F -t ext4 /tmp/image; }; \
     dummy() { ip link add d0 type dummy; }; ";

/// What removes the rest of a situation, whatever it was.
const CLEANUP: &str = "killall -9 perl sleep; umount -l /mnt; swapoff -a; dmsetup remove_all; \
     losetup -D; ip link del d0; ip link del nl0; ip netns del n1; nft flush ruleset; \
     iptables-legacy -F; iptables-legacy -t raw -F; ipset destroy; ipvsadm -C; \
     ip l2tp del tunnel tunnel_id 1; ip xfrm state flush; ip tuntap del mode tap name tap0; \
     tc actions flush action skbedit; sysctl -w net.core.default_qdisc=pfifo_fast; \
     sysctl -w net.ipv4.tcp_congestion_control=cubic; \
     [ ! -c /dev/watchdog0 ] || echo V > /dev/watchdog0; \
     echo > /sys/kernel/tracing/uprobe_events; rm -f /tmp/image /tmp/fat /tmp/node";

fn shell(script: &str) {
    Command::new("bash")
        .args(["-c", script])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
}

/// Makes each situation, and collects the faults of all.
fn each(situations: &[Situation]) {
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
    let holding = holders
        .iter()
        .filter(|holder| holder["references"].as_u64().unwrap() > 0 && holder["kind"] != "module");
    for holder in holding {
        let Some(command) = holder["fix"]["command"].as_str() else {
            return fault("no command");
        };
        shell(command);
    }
    let is_free = || references(module) == 0;
    let end = std::time::Instant::now() + Duration::from_secs(3);
    while !is_free() && std::time::Instant::now() < end {
        std::thread::sleep(Duration::from_millis(20));
    }
    if !is_free() {
        return fault("the commands do not free it");
    }
    Ok(())
}

/// The references that are not those of the modules that use it; none if it is not loaded.
fn references(module: &str) -> i64 {
    let text = std::fs::read_to_string("/proc/modules").unwrap();
    let row = text.lines().find(|row| row.starts_with(&format!("{module} ")));
    let Some(row) = row else { return 0 };
    let fields: Vec<_> = row.split(' ').collect();
    let users =
        fields[3].split(',').filter(|user| !user.is_empty() && !user.starts_with(['-', '[']));
    fields[2].parse::<i64>().unwrap_or(0) - i64::try_from(users.count()).unwrap()
}
