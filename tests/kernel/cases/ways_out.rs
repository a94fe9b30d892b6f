//! The commands that end each hold: a situation is made, `rmmod --who` has to name all its
//! references, and the commands that it suggests have to free them.

mod rules;
mod situation;

use std::sync::mpsc;
use std::thread;

use nix::sched::{CloneFlags, unshare};
use nix::unistd::gettid;

use self::rules::many_rules;
use self::situation::{each, references, shell, situation};
use crate::guest::run;

crate::tests![
    files,
    mounts,
    block_devices,
    traffic_control,
    network_interfaces,
    network_namespaces,
    nftables,
    many_rules,
    unmounted,
    threads,
    adapters,
    iptables,
    sets_and_servers,
    sockets,
    transport,
    tracing,
];

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
            "ext4",
            "image; mount -t ext4 /tmp/image /mnt; setsid perl -MSocket -e \
             'socket(my $s, 1, 1, 0) or die; bind($s, sockaddr_un(\"/mnt/s\")) or die; \
             sleep 1000' & sleep 1",
            "/mnt/s",
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
        // It holds the module twice.
        situation(
            "dm_snapshot",
            "image; losetup /dev/loop1 /tmp/image; dd if=/dev/zero of=/tmp/node bs=1M count=1; \
             losetup /dev/loop2 /tmp/node; \
             dmsetup create copy --table '0 1000 snapshot /dev/loop1 /dev/loop2 N 8'",
            "copy",
        ),
        situation(
            "dm_snapshot",
            "image; losetup /dev/loop1 /tmp/image; export DM_DISABLE_UDEV=1; \
             dmsetup create origin --table '0 32768 snapshot-origin /dev/loop1'; \
             dmsetup create top --table '0 32768 linear /dev/dm-0 0'; mount -t ext4 /dev/dm-1 /mnt",
            "top",
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

/// Kept by a process, or by the kernel itself, after they were unmounted.
fn unmounted() {
    each(&[
        situation(
            "ext4",
            "image; mount -t ext4 /tmp/image /mnt; cp /bin/busybox /mnt/sleep; \
             setsid /mnt/sleep 1000 & sleep 1; umount -l /mnt",
            "/sleep",
        ),
        situation(
            "ext4",
            "image; mount -t ext4 /tmp/image /mnt; mkdir -p /tmp/upper /tmp/work /tmp/both; \
             mount -t overlay overlay -o lowerdir=/mnt,upperdir=/tmp/upper,workdir=/tmp/work \
             /tmp/both; umount -l /mnt",
            "/tmp/both",
        ),
        situation(
            "ext4",
            "image; mount -t ext4 /tmp/image /mnt; setsid perl -MSocket -e \
             'socket(my $s, 1, 1, 0) or die; bind($s, sockaddr_un(\"/mnt/s\")) or die; \
             sleep 1000' & sleep 1; umount -l /mnt",
            "/mnt/s",
        ),
        situation(
            "ext4",
            "image; mount -t ext4 /tmp/image /mnt; cp /bin/busybox /mnt/program; \
             mount -t binfmt_misc none /proc/sys/fs/binfmt_misc; \
             echo ':kept:E::kept::/mnt/program:F' > /proc/sys/fs/binfmt_misc/register; \
             umount -l /mnt",
            "binfmt_misc/kept",
        ),
    ]);
}

/// A thread has a network namespace of its own, and its process has another.
fn threads() {
    run(["/kmod/modprobe", "sch_netem"]).succeeds();
    let (made, wait) = mpsc::channel();
    let (end, ended) = mpsc::channel::<()>();
    let inside = thread::spawn(move || {
        unshare(CloneFlags::CLONE_NEWNET).unwrap();
        shell("ip link add d1 type dummy; tc qdisc add dev d1 root netem delay 1ms");
        made.send(gettid()).unwrap();
        let _ = ended.recv();
    });
    let tid = wait.recv().unwrap();
    assert_eq!(references("sch_netem"), 1);
    let done = run(["rmmod", "--who", "sch_netem"]);
    done.check(done.stdout.contains("interface d1 has the qdisc netem"), "finds it");
    let place = format!(": in the namespace of exe ({tid})\n");
    done.check(done.stdout.contains(&place), "names the thread");
    let command = format!("nsenter --target {tid} --net tc qdisc del dev d1 root");
    done.check(done.stdout.contains(&command), "enters its namespace");
    drop(end);
    inside.join().unwrap();
}

/// Files of adapters and devices that software makes.
fn adapters() {
    each(&[
        situation(
            "rdma_rxe",
            "dummy; ip link set d0 up; rdma link add rxe0 type rxe netdev d0; \
             /kmod/modprobe ib_uverbs; sleep 1; open /dev/infiniband/uverbs0",
            "uverbs0",
        ),
        situation("brd", "losetup /dev/loop1 /dev/ram0", "loop1"),
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
        // Accepted connections have it from the socket that listens, and so has one that waits.
        situation(
            "tcp_vegas",
            "ip link set lo up; setsid perl -MSocket -e 'socket(my $l, 2, 1, 6) or die; \
             setsockopt($l, 6, 13, \"vegas\") or die; \
             bind($l, sockaddr_in(4434, INADDR_LOOPBACK)) or die; listen($l, 1) or die; \
             socket(my $c, 2, 1, 6) or die; connect($c, sockaddr_in(4434, INADDR_LOOPBACK)) or die; \
             sleep 1000' & sleep 1",
            "unaccepted",
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
    each(&[
        situation(
            "ext4",
            "image; mount -t ext4 /tmp/image /mnt; cp /bin/busybox /mnt/program; \
             echo 'p:probes/one /mnt/program:0x1000' > /sys/kernel/tracing/uprobe_events; \
             umount -l /mnt",
            "probes/one",
        ),
        situation(
            "nbd",
            "echo enable_event:nbd:nbd_send_request > \
             /sys/kernel/tracing/events/sched/sched_process_exit/trigger",
            "sched_process_exit",
        ),
    ]);
}
