//! Why a module is not loaded: the file itself. `--check` says the same as the call.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::guest::{
    Expected, FORMAT, PARAMETERS, altered, assert_load, assert_verdict, distributions, is_since,
    judged, misfit, release, replace, replaced, run,
};

crate::tests![
    file_not_found,
    file_not_readable,
    file_being_written,
    not_a_file,
    pipes,
    empty_file,
    not_elf,
    truncated,
    wrong_architecture,
    not_a_module,
    for_another_kernel,
    corrupt_compression,
    compression_unsupported,
    signature_of_other_contents,
    damaged_signature,
];

fn file_not_found() {
    let expected =
        Expected { kind: "file-not-found", status: 1, text: "No such file or directory" };
    assert_verdict(&["/modules/none.ko"], &expected);
}

fn file_not_readable() {
    let file = altered("t_plain", |_| ());
    fs::set_permissions(&file, fs::Permissions::from_mode(0o000)).unwrap();
    let done = run(["setpriv", "--reuid=1000", "--clear-groups", "--", "insmod", "-J", &file]);
    let expected = Expected { kind: "file-not-readable", status: 6, text: "Permission denied" };
    judged(&done, &[&file], &expected);
}

fn file_being_written() {
    let file = altered("t_plain", |_| ());
    let _writer = fs::OpenOptions::new().append(true).open(&file).unwrap();
    let expected = Expected { kind: "file-not-readable", status: 1, text: "Text file busy" };
    assert_load(&[&file], &expected);
}

fn not_a_file() {
    assert_verdict(&["/modules"], &misfit("not-a-file", "Is a directory"));
    assert_verdict(&["/dev/zero"], &misfit("not-a-file", PARAMETERS));
}

/// A pipe with a name: opened, and no file.
fn pipes() {
    for file in ["/tmp/pipe", "/tmp/pipe.ko"] {
        run(["mkfifo", file]).succeeds();
        assert_verdict(&[file], &misfit("not-a-file", PARAMETERS));
        fs::remove_file(file).unwrap();
    }
}

fn empty_file() {
    let file = altered("t_plain", Vec::clear);
    assert_verdict(&[&file], &misfit("empty-file", PARAMETERS));
}

fn not_elf() {
    assert_verdict(&["/init"], &misfit("not-elf", FORMAT));
    let file = altered("t_plain", |bytes| bytes[0] = 0);
    assert_verdict(&[&file], &misfit("not-elf", FORMAT));
}

fn truncated() {
    for keep in [10, 60, 200, 5000] {
        let file = altered("t_plain", |bytes| bytes.truncate(keep));
        assert_verdict(&[&file], &misfit("truncated", FORMAT));
    }
    let file = altered("t_plain", |bytes| bytes.truncate(bytes.len() - 100));
    assert_verdict(&[&file], &misfit("truncated", FORMAT));
}

fn wrong_architecture() {
    let file = altered("t_plain", |bytes| bytes[18] = 183);
    let result = assert_verdict(&[&file], &misfit("wrong-architecture", FORMAT));
    assert_eq!(result["cause"]["module"], "aarch64");
    assert_eq!(result["cause"]["kernel"], "x86_64");
}

fn not_a_module() {
    // The type of an executable, and one that does not exist.
    for kind in [2, 0xff] {
        let file = altered("t_plain", |bytes| bytes[16] = kind);
        assert_verdict(&[&file], &misfit("not-a-module", FORMAT));
    }
    let file = replaced("t_plain", ".gnu.linkonce.this_module", ".gnu.linkonce.that_module");
    assert_verdict(&[&file], &misfit("not-a-module", FORMAT));
}

/// A module of the other kernel, as it was built. Kernels notice different things first: since 6.4
/// the size of a type that all modules share, before that the version of these types.
fn for_another_kernel() {
    if !fs::exists("/t_plain.ko").unwrap() {
        println!("the distribution has one kernel only");
        return;
    }
    let release = release();
    let kind = if is_since(6, 4) { "vermagic-mismatch" } else { "symbol-version-mismatch" };
    let result = assert_verdict(&["/t_plain.ko"], &misfit(kind, FORMAT));
    let cause = result["cause"]["text"].as_str().unwrap();
    assert!(cause.contains(&format!(", but {release} is running")), "{cause}");
}

fn corrupt_compression() {
    for suffix in ["gz", "zst"] {
        let mut bytes = fs::read(format!("/modules/t_plain.ko.{suffix}")).unwrap();
        bytes.truncate(bytes.len() / 2);
        let file = format!("/tmp/t_plain.ko.{suffix}");
        fs::write(&file, bytes).unwrap();
        assert_verdict(&[&file], &misfit("corrupt-compression", PARAMETERS));
    }
    // The kernel's own decoder, where it has one.
    let mut bytes = fs::read("/modules/t_plain.ko.xz").unwrap();
    bytes.truncate(bytes.len() / 2);
    fs::write("/tmp/t_plain.ko.xz", bytes).unwrap();
    assert_verdict(&["/tmp/t_plain.ko.xz"], &misfit("corrupt-compression", PARAMETERS));
}

fn compression_unsupported() {
    fs::write("/tmp/t_plain.ko.bz2", b"BZh91AY&SY and so on").unwrap();
    assert_verdict(&["/tmp/t_plain.ko.bz2"], &misfit("compression-unsupported", FORMAT));
}

/// Returned even by a kernel that takes unsigned modules, and without a word in its log.
fn signature_of_other_contents() {
    let file = distributions("nls_cp437");
    let mut bytes = fs::read(&file).unwrap();
    replace(&mut bytes, b"license=Dual BSD/GPL", b"license=Dual MIT/GPL");
    fs::write(&file, bytes).unwrap();
    let text = "Key was rejected by service";
    let expected = Expected { kind: "bad-signature", status: 6, text };
    let result = assert_load(&[&file], &expected);
    assert!(result["cause"]["signer"]["name"].is_string(), "{result}");
}

fn damaged_signature() {
    let file = altered("t_plain", |bytes| {
        bytes.extend([1, 2, 3, 0, 0, 2, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]);
        bytes.extend(b"~Module signature appended~\n");
    });
    assert_verdict(&[&file], &Expected { kind: "bad-signature", status: 6, text: "Bad message" });
}
