//! lsmod on lists of modules that no machine has: written for the test, and put over
//! `/proc/modules` where only the tool sees it.

use std::fmt::Write as _;
use std::fs;

use crate::guest::{Done, on_terminal, run};

crate::tests![
    long_at_80,
    long_at_120,
    tree,
    tree_in_ascii,
    inverse,
    summary,
    no_count,
    five_thousand,
    hostile_names,
    hostile_names_on_a_terminal,
    damaged_rows,
    without_an_end,
];

const SERVER: &str = "\
    t_user 16384 0 - Live 0xffffffffc0a5e000 (OE)\n\
    t_base 16384 1 t_user, Live 0xffffffffc0a54000 (OE)\n\
    t_noexit 16384 0 [permanent], Live 0x0000000000000000 (OE)\n\
    t_slow 28672 1 - Loading 0xffffffffc0a43000 (OE+)\n\
    nvidia_drm 94208 7 - Live 0xffffffffc0a3a000 (POE)\n\
    nvidia_modeset 1560576 4 nvidia_drm, Live 0xffffffffc08bd000 (POE)\n\
    nvidia 62771200 197 nvidia_modeset,nvidia_drm, Live 0xffffffffbc000000 (POE)\n\
    nft_chain_nat 12288 3 - Live 0xffffffffc0510000\n\
    nft_masq 12288 1 - Live 0xffffffffc0530000\n\
    nf_nat 61440 2 nft_chain_nat,nft_masq, Live 0xffffffffc0700000\n\
    nf_conntrack 217088 2 nft_masq,nf_nat, Live 0xffffffffc0710000\n\
    nf_tables 372736 64 nft_chain_nat,nft_masq, Live 0xffffffffc0600000\n\
    libcrc32c 12288 3 nf_tables,nf_nat,nf_conntrack, Live 0xffffffffc0000000\n";

/// Runs a shell command line where this is the list of modules.
fn with(list: &[u8], line: &str) -> Done {
    run(command_with(list, line))
}

fn command_with(list: &[u8], line: &str) -> Vec<String> {
    fs::write("/tmp/modules", list).unwrap();
    let line = format!("mount --bind /tmp/modules /proc/modules; {line}");
    ["unshare", "-m", "sh", "-c", &line].map(str::to_owned).to_vec()
}

fn long_at_80() {
    with(SERVER.as_bytes(), "LC_ALL=C.UTF-8 COLUMNS=80 lsmod -l").prints(LONG_80);
}

fn long_at_120() {
    with(SERVER.as_bytes(), "LC_ALL=C.UTF-8 COLUMNS=120 lsmod -l").prints(LONG_120);
}

fn tree() {
    with(SERVER.as_bytes(), "LC_ALL=C.UTF-8 lsmod -T").prints(TREE);
}

fn tree_in_ascii() {
    let ascii = TREE.replace("├─", "|-").replace("└─", "`-").replace("│ ", "| ");
    with(SERVER.as_bytes(), "LC_ALL=C lsmod -T").prints(&ascii);
    with(SERVER.as_bytes(), "unset LC_ALL LC_CTYPE LANG; lsmod -T").prints(&ascii);
}

fn inverse() {
    with(SERVER.as_bytes(), "LANG=en_GB.utf8 lsmod --inverse -o NAME nft_masq t_user").prints(
        "NAME\n\
         t_user\n\
         └─t_base\n\
         nft_masq\n\
         ├─nf_nat\n\
         │ ├─nf_conntrack\n\
         │ │ └─libcrc32c\n\
         │ └─libcrc32c\n\
         ├─nf_conntrack (*)\n\
         └─nf_tables\n  \
           └─libcrc32c\n",
    );
}

fn summary() {
    // What taints the kernel depends on what ran before.
    let kernel = "echo 0 >/tmp/tainted; mount --bind /tmp/tainted /proc/sys/kernel/tainted;";
    for (list, options, expected) in [
        (SERVER, "", "13 modules, 62.2M, taints: out-of-tree 7, unsigned 7, proprietary 3\n"),
        (SERVER, "-b nf_*", "3 modules, 651264 bytes, no taints\n"),
        ("", "", "0 modules, 0B, no taints\n"),
    ] {
        let line = format!("{kernel} lsmod --summary {options}");
        with(list.as_bytes(), &line).prints(expected);
    }
    let line = format!("{} lsmod --summary", kernel.replace("echo 0", "echo 4104"));
    with(b"", &line).prints(
        "0 modules, 0B, no taints; the kernel is tainted: a module was removed by force (R), an \
         out-of-tree module was loaded (O)\n",
    );
    let line = format!("{} lsmod --summary -J", kernel.replace("echo 0", "echo 4096"));
    with(b"a 16384 0 - Live 0x0 (O)\n", &line).prints(
        "{\"summary\":{\"kernel-taint\":{\"taints\":[{\"letter\":\"O\",\"meaning\":\"an out-of-tree \
         module was loaded\"}],\"value\":4096},\"modules\":1,\"size\":16384,\"taints\":[{\"letter\":\
         \"O\",\"meaning\":\"out-of-tree\",\"modules\":1}]}}\n",
    );
}

/// A kernel that cannot unload; kmod would print -2.
fn no_count() {
    let list = b"ext4 1024000 - - Live 0x0000000000000000\n";
    with(list, "lsmod")
        .prints("Module                  Size  Used by\next4                 1024000  -\n");
    with(list, "lsmod -J").prints(
        "{\"modules\":[{\"name\":\"ext4\",\"size\":1024000,\"refcnt\":null,\"used-by\":[],\
         \"state\":\"live\",\"permanent\":false,\"taint\":\"\",\"address\":null}]}\n",
    );
    with(list, "lsmod --unused -n").prints("");
}

fn five_thousand() {
    let mut list = String::new();
    let mut expected = String::from("Module                  Size  Used by\n");
    for number in (0..5000).rev() {
        // Each uses the one before: the deepest tree there is.
        let (count, users) = match number {
            4999 => (0, "-".to_owned()),
            _ => (1, format!("m{},", number + 1)),
        };
        let _ = writeln!(list, "m{number} {number} {count} {users} Live 0x0");
        let users = if count == 0 { String::new() } else { format!(" m{}", number + 1) };
        let _ = writeln!(expected, "{:<19} {number:>8}  {count}{users}", format!("m{number}"));
    }
    with(list.as_bytes(), "lsmod").prints(&expected);
    for (options, lines) in [("-T -n -o NAME", 5000), ("--inverse -n", 5000), ("-l", 5001)] {
        let done = with(list.as_bytes(), &format!("lsmod {options} | wc -l"));
        done.prints(&format!("{lines}\n"));
    }
    // As many paths as one likes lead to the last module: each is drawn once.
    let mut list = String::new();
    for number in 0..60 {
        let (left, right) = (2 * number + 2, 2 * number + 3);
        for this in [2 * number, 2 * number + 1] {
            let _ = writeln!(list, "m{this} 1 2 m{left},m{right}, Live 0x0");
        }
    }
    with(list.as_bytes(), "lsmod -T -n | wc -l").prints("238\n");
}

fn hostile_names() {
    let long = "n".repeat(5000);
    let list = format!(
        "a\x1b[31m 1 1 ../../etc,a\tb, L\u{e9}ve 0x0 (\x07)\n/etc/x 1 0 - Live 0x0\n{long} 1 0 -\n"
    );
    // Another program gets the bytes as they are.
    with(list.as_bytes(), "lsmod").prints(&format!(
        "Module                  Size  Used by\n\
         a\x1b[31m                     1  1 ../../etc,a\tb\n\
         /etc/x                     1  0\n\
         {long}        1  0\n"
    ));
    for options in ["-l", "-O", "-rO", "-T", "--inverse", "--summary", "-o +params,version"] {
        let done = with(list.as_bytes(), &format!("lsmod {options}"));
        done.succeeds();
        done.check(!done.stdout.contains(['\x1b', '\x07', '\t']), "prints no control character");
    }
    with(b"\xff\xfe 1 0 - Live 0x0\n", "lsmod -nr -o NAME").prints("\\xff\\xfe\n");
    with(b"\xff 1 0 - Live 0x0\n", "lsmod -J -o NAME")
        .prints("{\"modules\":[{\"name\":\"\u{fffd}\"}]}\n");
}

/// A terminal is not to obey them, but for those in kmod's own listing.
fn hostile_names_on_a_terminal() {
    let list = "a\x1b[31m 1 1 b\x07, Live 0x0\nb\x07 1 0 - Live 0x0\n";
    let heading = "Module                  Size  Used by\n";
    let name = "a\x1b[31m                     1  1 b\x07\n";
    let all = format!("{heading}{name}b\x07                         1  0\n");
    let one = format!("{heading}{}", name.replace('\x1b', "\\x1b").replace('\x07', "\\x07"));
    for (line, expected) in [
        ("lsmod", all.as_str()),
        ("lsmod 'a*'", one.as_str()),
        ("lsmod -rn -o NAME 'a*'", "a\\x1b[31m\n"),
        ("lsmod -J -o NAME 'b*'", "{\"modules\":[{\"name\":\"b\\u0007\"}]}\n"),
        ("rmmod -rn 'a*'", "rmmod b\\x07\nrmmod a\\x1b[31m\n"),
        (
            "rmmod --who 'a*'",
            "a\\x1b[31m: 1 reference\n  used by module b\\x07\n    fix: rmmod $'b\\007'\n",
        ),
    ] {
        let shown = on_terminal(command_with(list.as_bytes(), line));
        assert_eq!(shown, (Some(0), expected.to_owned()), "{line}");
    }
    with(list.as_bytes(), "rmmod -rn 'a*'").prints("rmmod b\x07\nrmmod a\x1b[31m\n");
}

fn damaged_rows() {
    for (list, line) in [
        ("nonsense\n", "line 1: 'nonsense'"),
        ("a 1 0 - Live 0x0\nb\n", "line 2: 'b'"),
        ("a -1 0 -\n", "line 1: 'a -1 0 -'"),
        ("a 1 x\x1b -\n", "line 1: 'a 1 x\\x1b -'"),
        ("\0\0\0\n", "line 1: '\\x00\\x00\\x00'"),
    ] {
        for options in ["", "-l", "-T"] {
            with(list.as_bytes(), &format!("lsmod {options}"))
                .fails(1, &format!("lsmod: ERROR: could not read /proc/modules: {line}"));
        }
    }
}

fn without_an_end() {
    let line = "mount --bind /dev/zero /proc/modules; exec lsmod";
    run(["unshare", "-m", "sh", "-c", line])
        .fails(1, "lsmod: ERROR: could not read /proc/modules: it has more than 16777216 bytes");
}

const LONG_80: &str = "\
    NAME             SIZE  REFCNT  USED-BY\n\
    t_user            16K       0  [out-of-tree, unsigned]\n\
    t_base            16K       1  [out-of-tree, unsigned] t_user\n\
    t_noexit          16K       0  [permanent, out-of-tree, unsigned]\n\
    t_slow            28K       1  [loading, out-of-tree, unsigned]\n\
    nvidia_drm        92K       7  [proprietary, out-of-tree, unsigned]\n\
    nvidia_modeset   1.5M       4  [proprietary, out-of-tree, unsigned] nvidia_drm\n\
    nvidia          59.9M     197  [proprietary, out-of-tree, unsigned] nvidia_mode…\n\
    nft_chain_nat     12K       3\n\
    nft_masq          12K       1\n\
    nf_nat            60K       2  nft_chain_nat,nft_masq\n\
    nf_conntrack     212K       2  nft_masq,nf_nat\n\
    nf_tables        364K      64  nft_chain_nat,nft_masq\n\
    libcrc32c         12K       3  nf_tables,nf_nat,nf_conntrack\n";

const LONG_120: &str = "\
    NAME             SIZE  REFCNT  USED-BY\n\
    t_user            16K       0  [out-of-tree, unsigned]\n\
    t_base            16K       1  [out-of-tree, unsigned] t_user\n\
    t_noexit          16K       0  [permanent, out-of-tree, unsigned]\n\
    t_slow            28K       1  [loading, out-of-tree, unsigned]\n\
    nvidia_drm        92K       7  [proprietary, out-of-tree, unsigned]\n\
    nvidia_modeset   1.5M       4  [proprietary, out-of-tree, unsigned] nvidia_drm\n\
    nvidia          59.9M     197  [proprietary, out-of-tree, unsigned] nvidia_modeset,nvidia_drm\n\
    nft_chain_nat     12K       3\n\
    nft_masq          12K       1\n\
    nf_nat            60K       2  nft_chain_nat,nft_masq\n\
    nf_conntrack     212K       2  nft_masq,nf_nat\n\
    nf_tables        364K      64  nft_chain_nat,nft_masq\n\
    libcrc32c         12K       3  nf_tables,nf_nat,nf_conntrack\n";

const TREE: &str = "\
    NAME               SIZE REFCNT\n\
    t_base              16K      1\n\
    └─t_user            16K      0\n\
    nvidia            59.9M    197\n\
    ├─nvidia_drm        92K      7\n\
    └─nvidia_modeset   1.5M      4\n\
    \x20 └─nvidia_drm      92K      7\n\
    libcrc32c           12K      3\n\
    ├─nf_nat            60K      2\n\
    │ ├─nft_chain_nat   12K      3\n\
    │ └─nft_masq        12K      1\n\
    ├─nf_conntrack     212K      2\n\
    │ ├─nft_masq        12K      1\n\
    │ └─nf_nat (*)      60K      2\n\
    └─nf_tables        364K     64\n\
    \x20 ├─nft_chain_nat   12K      3\n\
    \x20 └─nft_masq        12K      1\n\
    t_noexit            16K      0\n\
    t_slow              28K      1\n";
