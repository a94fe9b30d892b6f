//! A `/proc` and a `/sys` with any number of modules.

use std::fmt::Write;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

/// Rows like those of a distribution's kernel: every fourth module is used by the two before it.
fn rows(count: usize) -> String {
    let mut text = String::new();
    for index in 0..count {
        let users = if index % 4 == 3 {
            format!("{},{},", name(index - 1), name(index - 2))
        } else {
            "-".to_owned()
        };
        let refcnt = if index % 4 == 3 { 2 } else { 0 };
        let address = 0xffff_ffff_c000_0000_u64 + index as u64 * 0x5000;
        let _ = writeln!(
            text,
            "{} {} {refcnt} {users} Live {address:#018x}",
            name(index),
            16384 + index % 7 * 4096
        );
    }
    text
}

/// The name of a module.
pub(crate) fn name(index: usize) -> String {
    format!("{}_{index}", ["snd_hda_codec", "nf_tables", "xfs", "i2c_algo_bit"][index % 4])
}

/// Puts them in place of the real ones, which only a mount namespace of its own survives. What
/// shells ask of themselves stays.
pub(crate) fn take_over(count: usize) {
    let processes = Path::new(crate::REPOSITORY).join("target/bench/proc");
    fs::create_dir_all(&processes).expect("a directory");
    let status = Command::new("mount").args(["--rbind", "/proc"]).arg(&processes).status();
    assert!(status.is_ok_and(|status| status.success()), "cannot mount /proc");
    for place in ["/proc", "/sys"] {
        let status = Command::new("mount").args(["-t", "tmpfs", "bench", place]).status();
        assert!(status.is_ok_and(|status| status.success()), "cannot mount over {place}");
    }
    symlink(processes.join("self"), "/proc/self").expect("a link");
    let rows = rows(count);
    fs::write("/proc/modules", &rows).expect("/proc/modules");
    for row in rows.lines() {
        module_directory(&row.split(' ').collect::<Vec<_>>());
    }
}

/// What kmod reads of each module.
fn module_directory(fields: &[&str]) {
    let directory = Path::new("/sys/module").join(fields[0]);
    let holders = directory.join("holders");
    fs::create_dir_all(&holders).expect("a directory");
    for (attribute, value) in
        [("coresize", fields[1]), ("refcnt", fields[2]), ("initstate", "live"), ("taint", "")]
    {
        fs::write(directory.join(attribute), format!("{value}\n")).expect("an attribute");
    }
    for user in fields[3].split(',').filter(|user| !user.is_empty() && *user != "-") {
        let link = holders.join(user);
        symlink(format!("../../{user}"), link).expect("a link");
    }
}
