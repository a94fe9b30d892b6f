//! How the tests are set up where less is to be had than on the machine of who wrote them.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

fn directory(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).unwrap();
    path
}

/// Everything that this machine has, except for apt-get.
fn path_without_apt() -> PathBuf {
    let path = directory("without-apt");
    for place in std::env::split_paths(&std::env::var_os("PATH").unwrap()) {
        for entry in fs::read_dir(place).into_iter().flatten().flatten() {
            if entry.file_name() != "apt-get" {
                // The first one of a name counts.
                let _ = symlink(entry.path(), path.join(entry.file_name()));
            }
        }
    }
    path
}

#[test]
fn checks_without_a_kernel_run_where_there_is_no_apt() {
    let output = Command::new("make")
        .args(["--dry-run", "check"])
        .current_dir(crate::REPOSITORY)
        .env("PATH", path_without_apt())
        .env_remove("MAKEFLAGS")
        .output()
        .unwrap();
    let plan = String::from_utf8_lossy(&output.stdout).into_owned();
    let setup = plan.lines().position(|line| line.starts_with("tests/vm/tools.sh -k"));
    for step in
        ["cargo fmt", "cargo clippy", "tests/package.sh", "cargo test --locked --no-fail-fast"]
    {
        let at = plan.lines().position(|line| line.starts_with(step));
        assert!(at.is_some() && at < setup, "{step}: {output:?}");
    }
}

/// With a QEMU that says this, and a device that can be opened.
fn accelerators(said: &str) -> String {
    let root = directory("accelerators");
    for place in ["tests/vm", "bin"] {
        fs::create_dir_all(root.join(place)).unwrap();
    }
    let script = root.join("tests/vm/accel.sh");
    fs::copy(Path::new(crate::REPOSITORY).join("tests/vm/accel.sh"), &script).unwrap();
    fs::write(root.join("device"), "").unwrap();
    let qemu = root.join("bin/qemu-system-x86_64");
    fs::write(&qemu, format!("#!/bin/sh\necho '{said}'\nexit 1\n")).unwrap();
    fs::set_permissions(&qemu, fs::Permissions::from_mode(0o755)).unwrap();
    let path = std::env::var("PATH").unwrap();
    let output = Command::new(script)
        .arg("vmlinuz")
        .env("PATH", format!("{}:{path}", root.join("bin").display()))
        .env("KVM_DEVICE", root.join("device"))
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_processor_accelerates_where_a_kernel_boots_with_it() {
    let panics = "Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)";
    assert_eq!(accelerators(panics), "-accel kvm -accel tcg,thread=single\n");
    for said in ["Could not access KVM kernel module", "KVM internal error. Suberror: 1", ""] {
        assert_eq!(accelerators(said), "-accel tcg,thread=single\n", "{said}");
    }
}
