//! lsmod on where a loaded module came from: its file, and whether that is still the same build.

use std::fs;

use serde_json::{Value, json};

use super::absent::{Installed, Put};
use crate::guest::{Loaded, is_loaded, loaded_names, release, run};

crate::tests![
    build_ids,
    upgrade_and_downgrade,
    deleted,
    given_file,
    file_of_another_place,
    without_build_ids,
    in_compressed_files,
    signer_and_namespaces,
    devices,
];

/// What some columns say of a module.
fn row(columns: &str, module: &str) -> Value {
    let done = run(["lsmod", "-J", "-o", columns, module]);
    done.succeeds();
    let document: Value = serde_json::from_str(&done.stdout).unwrap();
    document["modules"][0].clone()
}

/// The module with another build ID, and nothing else changed.
fn other_build(name: &str) -> Vec<u8> {
    let mut bytes = fs::read(format!("/modules/{name}.ko")).unwrap();
    let note = b"\x14\0\0\0\x03\0\0\0GNU\0";
    let at = bytes.windows(note.len()).position(|part| part == note).expect("no build ID");
    bytes[at + note.len()] ^= 0xff;
    bytes
}

fn listed_as_stale(name: &str) -> bool {
    let done = run(["lsmod", "--stale", "-rn", "-o", "NAME"]);
    done.succeeds();
    done.stdout.lines().any(|line| line == name)
}

fn build_ids() {
    let _plain = Loaded::new("t_plain", "");
    let note = fs::read("/sys/module/t_plain/notes/.note.gnu.build-id").unwrap();
    let id = note[16..].iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
    assert_eq!(row("BUILD-ID", "t_plain"), json!({ "build-id": id }));
}

fn upgrade_and_downgrade() {
    let installed = Installed::new(&["t_plain"]);
    let _plain = Loaded::new("t_plain", "");
    let file = installed.file().to_str().unwrap();
    let same = json!({ "file": file, "stale": false });
    assert_eq!(row("FILE,STALE", "t_plain"), same);
    assert!(!listed_as_stale("t_plain"));
    let built = fs::read(file).unwrap();
    fs::write(file, other_build("t_plain")).unwrap();
    assert_eq!(row("FILE,STALE", "t_plain"), json!({ "file": null, "stale": true }));
    assert!(listed_as_stale("t_plain"));
    fs::write(file, built).unwrap();
    assert_eq!(row("FILE,STALE", "t_plain"), same);
}

fn deleted() {
    let installed = Installed::new(&["t_plain"]);
    let _plain = Loaded::new("t_plain", "");
    let built = fs::read(installed.file()).unwrap();
    fs::remove_file(installed.file()).unwrap();
    let found = row("FILE,STALE", "t_plain");
    fs::write(installed.file(), built).unwrap();
    assert_eq!(found, json!({ "file": null, "stale": null }));
    // Nor is there one without any.
    let _base = Loaded::new("t_base", "");
    assert_eq!(row("FILE,STALE", "t_base"), json!({ "file": null, "stale": null }));
}

fn given_file() {
    let _plain = Loaded::new("t_plain", "");
    let found = row("FILE,STALE", "/modules/t_plain.ko");
    assert_eq!(found, json!({ "file": "/modules/t_plain.ko", "stale": false }));
    let _other = Put::new("/tmp/t_plain.ko", other_build("t_plain"));
    assert_eq!(row("STALE", "/tmp/t_plain.ko"), json!({ "stale": true }));
}

/// depmod lists one of two files of a name.
fn file_of_another_place() {
    let installed = Installed::new(&["t_plain"]);
    let _plain = Loaded::new("t_plain", "");
    let built = fs::read(installed.file()).unwrap();
    fs::write(installed.file(), other_build("t_plain")).unwrap();
    let extra = format!("/lib/modules/{}/extra/t_plain.ko", release());
    let _extra = Put::new(&extra, built);
    assert_eq!(row("FILE,STALE", "t_plain"), json!({ "file": extra, "stale": true }));
}

fn without_build_ids() {
    let _installed = Installed::new(&["t_plain"]);
    let _plain = Loaded::new("t_plain", "");
    let line = "umount -l /sys && exec lsmod -J -o STALE,BUILD-ID t_plain";
    run(["unshare", "-m", "sh", "-c", line])
        .prints("{\"modules\":[{\"stale\":null,\"build-id\":null}]}\n");
}

fn in_compressed_files() {
    let _plain = Loaded::new("t_plain", "");
    for suffix in ["xz", "gz", "zst"] {
        let file = format!("/modules/t_plain.ko.{suffix}");
        assert_eq!(row("FILE,STALE", &file), json!({ "file": file, "stale": false }));
    }
    let _base = Loaded::new("t_base", "");
    let other = other_build("t_base");
    let _other = Put::new("/tmp/other/t_base.ko", other);
    run(["gzip", "-k", "/tmp/other/t_base.ko"]).succeeds();
    assert_eq!(row("STALE", "/tmp/other/t_base.ko.gz"), json!({ "stale": true }));
    fs::remove_file("/tmp/other/t_base.ko.gz").unwrap();
}

fn signer_and_namespaces() {
    run(["/kmod/modprobe", "cuse"]).succeeds();
    let found = row("SIGNER,STALE,DESCRIPTION,IMPORT-NS", "cuse");
    run(["/kmod/modprobe", "-r", "cuse"]).succeeds();
    assert!(found["signer"].is_string(), "{found}");
    assert!(
        found["description"].as_str().is_some_and(|text| text.contains("in Userspace")),
        "{found}"
    );
    assert_eq!(found["stale"], false, "{found}");
    assert_eq!(found["import-ns"], json!([]), "{found}");
}

/// A driver that serves a device has no references for it.
fn devices() {
    let drivers =
        ["virtio_balloon", "virtio_rng", "qemu_fw_cfg", "psmouse", "i2c_piix4", "ata_piix"];
    let before = loaded_names();
    for driver in drivers {
        run(["/kmod/modprobe", driver]);
        if !is_loaded(driver) {
            continue;
        }
        let found = row("DEVICES,REFCNT", driver);
        let devices = found["devices"].as_array().unwrap();
        if !devices.is_empty() && found["refcnt"] == 0 {
            run(["lsmod", "--unused", "-n", "-o", "NAME", driver]).prints("");
            return;
        }
    }
    panic!("no driver serves a device here; loaded: {:?} before: {before:?}", loaded_names());
}
