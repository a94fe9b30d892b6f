//! Kernels that do not take every module: enforced signatures, lockdown, a blacklist.

use std::fs;

use super::absent::{Installed, record};
use super::first_lines::Comparison;
use crate::guest::{
    Expected, altered, assert_load, assert_verdict, distributions, is_loaded, replace, replaced,
    run,
};

/// `module.sig_enforce=1`.
pub(crate) mod enforced {
    use super::{
        Comparison, Expected, altered, assert_load, assert_verdict, replace, replaced, run,
        signed_with, verify_signed, with_another_signer,
    };

    crate::tests![
        unsigned,
        unknown_key,
        other_contents,
        voided_by_force,
        signed,
        not_loaded,
        faults_of_the_file,
        signature_that_is_not_at_the_end,
        signature_that_was_stripped,
        first_lines,
    ];

    fn first_lines() {
        super::verify_lines();
        Comparison::of("insmod").alone(&[&with_another_signer()]);
    }

    const TEXT: &str = "Key was rejected by service";

    /// To sign these would not help.
    fn faults_of_the_file() {
        let expected = |kind| Expected { kind, status: 7, text: TEXT };
        let page = altered("t_plain", |bytes| *bytes = b"<!DOCTYPE html>".repeat(99));
        assert_verdict(&[&page], &expected("not-elf"));
        let foreign = altered("t_plain", |bytes| bytes[18] = 183);
        assert_verdict(&[&foreign], &expected("wrong-architecture"));
        let cut = altered("t_plain", |bytes| bytes.truncate(5000));
        assert_verdict(&[&cut], &expected("truncated"));
        let old = replaced("t_plain", " mod_unload ", " mod_unlobd ");
        assert_verdict(&[&old], &expected("vermagic-mismatch"));
    }

    /// The way out is carried out, and helps.
    fn signature_that_is_not_at_the_end() {
        let file = signed_with(|bytes| bytes.extend([0; 512]));
        let expected = Expected { kind: "unsigned", status: 6, text: TEXT };
        let result = assert_verdict(&[&file], &expected);
        assert_eq!(result["cause"]["followed-by"], 512, "{result}");
        let command = result["fix"][0]["command"].as_str().unwrap();
        run(["sh", "-c", command]).succeeds();
        run(["insmod", &file]).succeeds();
        run(["rmmod", "nls_cp437"]).succeeds();
    }

    fn signature_that_was_stripped() {
        let file = signed_with(|bytes| {
            let at = bytes.len() - b"~Module signature appended~\n".len() - 4;
            let length = u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
            bytes.truncate(at - 8 - usize::try_from(length).unwrap());
        });
        let expected = Expected { kind: "unsigned", status: 6, text: TEXT };
        let result = assert_verdict(&[&file], &expected);
        let command = result["fix"][0]["command"].as_str().unwrap();
        assert!(command.starts_with("insmod /lib/modules/"), "{result}");
        run(["sh", "-c", command]).succeeds();
        run(["rmmod", "nls_cp437"]).succeeds();
    }

    fn unsigned() {
        let expected = Expected { kind: "unsigned", status: 6, text: TEXT };
        assert_verdict(&["/modules/t_plain.ko"], &expected);
        assert_verdict(&["/modules/t_plain.ko.xz"], &expected);
    }

    fn unknown_key() {
        let file = with_another_signer();
        let result =
            assert_verdict(&[&file], &Expected { kind: "unknown-key", status: 6, text: TEXT });
        assert!(result["cause"]["signer"]["key"].is_string(), "{result}");
    }

    fn other_contents() {
        let file = signed_with(|bytes| {
            replace(bytes, b"license=Dual BSD/GPL", b"license=Dual MIT/GPL");
        });
        assert_load(&[&file], &Expected { kind: "bad-signature", status: 6, text: TEXT });
    }

    fn voided_by_force() {
        let file = signed_with(|_| ());
        let expected = Expected { kind: "unsigned", status: 6, text: TEXT };
        let result = assert_verdict(&["--force", &file], &expected);
        assert!(result["cause"]["text"].as_str().unwrap().starts_with("--force "), "{result}");
    }

    fn signed() {
        verify_signed();
    }

    fn not_loaded() {
        super::verify_blocked("unsigned");
    }
}

/// `lockdown=integrity` and `lockdown=confidentiality`.
pub(crate) mod lockdown {
    use super::{
        Comparison, Expected, assert_verdict, fs, signed_with, verify_signed, with_another_signer,
    };

    crate::tests![unsigned, unknown_key, voided_by_force, signed, not_loaded, first_lines];

    fn first_lines() {
        super::verify_lines();
        Comparison::of("insmod").alone(&[&with_another_signer()]);
    }

    const TEXT: &str = "Operation not permitted";

    fn mode() -> &'static str {
        let state = fs::read_to_string("/sys/kernel/security/lockdown").unwrap();
        if state.contains("[integrity]") { "integrity" } else { "confidentiality" }
    }

    fn unsigned() {
        let expected = Expected { kind: "locked-down", status: 6, text: TEXT };
        let result = assert_verdict(&["/modules/t_plain.ko"], &expected);
        assert_eq!(result["cause"]["mode"], mode());
    }

    fn unknown_key() {
        let file = with_another_signer();
        let expected = Expected { kind: "locked-down", status: 6, text: TEXT };
        let result = assert_verdict(&[&file], &expected);
        assert!(result["cause"]["text"].as_str().unwrap().contains("key"), "{result}");
    }

    fn voided_by_force() {
        let file = signed_with(|_| ());
        let expected = Expected { kind: "locked-down", status: 6, text: TEXT };
        let result = assert_verdict(&["--force", &file, "a=1"], &expected);
        let fix = format!("insmod {file} a=1");
        assert_eq!(result["fix"], serde_json::json!([{"command": fix}]));
    }

    fn not_loaded() {
        super::verify_blocked("lockdown");
    }

    fn signed() {
        verify_signed();
    }
}

/// `module_blacklist=t_plain`, and later `kernel.modules_disabled`, which nothing undoes.
pub(crate) mod forbidden {
    use super::{Expected, assert_verdict, fs, run};

    crate::tests![blacklisted, not_loaded, first_lines, modules_disabled];

    fn first_lines() {
        super::verify_lines();
    }

    const TEXT: &str = "Operation not permitted";

    fn blacklisted() {
        let expected = Expected { kind: "blacklisted", status: 6, text: TEXT };
        assert_verdict(&["/modules/t_plain.ko"], &expected);
        run(["insmod", "--check", "/modules/t_base.ko"]).succeeds_silently();
    }

    fn not_loaded() {
        super::verify_blocked("module-blacklist");
    }

    fn modules_disabled() {
        fs::write("/proc/sys/kernel/modules_disabled", "1").unwrap();
        let expected = Expected { kind: "modules-disabled", status: 6, text: TEXT };
        assert_verdict(&["/modules/t_base.ko"], &expected);
        super::verify_lines();
    }
}

/// `nomodule`.
pub(crate) mod nomodule {
    use super::{Expected, assert_verdict};

    crate::tests![modules_disabled, not_loaded, first_lines];

    fn first_lines() {
        super::verify_lines();
    }

    fn not_loaded() {
        super::verify_blocked("modules-disabled");
    }

    fn modules_disabled() {
        let text = "Operation not permitted";
        let expected = Expected { kind: "modules-disabled", status: 6, text };
        let result = assert_verdict(&["/modules/t_base.ko"], &expected);
        assert!(result["cause"]["text"].as_str().unwrap().contains("nomodule"), "{result}");
    }
}

/// The first lines are kmod's here, too.
fn verify_lines() {
    let mut insmod = Comparison::of("insmod");
    let foreign = altered("t_base", |bytes| bytes[18] = 183);
    for file in ["/modules/t_plain.ko", "/init", &foreign] {
        insmod.alone(&[file]);
    }
    let mut rmmod = Comparison::of("rmmod");
    for name in ["t_absent", "tcp_cubic"] {
        rmmod.alone(&[name]);
        rmmod.alone(&["-f", name]);
    }
}

/// What lsmod says of an unsigned module that is installed and not loaded.
fn verify_blocked(kind: &str) {
    let _installed = Installed::new(&["t_plain"]);
    let found = record("t_plain");
    let kinds: Vec<_> =
        found["blocked-by"].as_array().unwrap().iter().map(|block| &block["kind"]).collect();
    assert!(kinds.contains(&&kind.into()), "{found}");
    assert!(found["text"].as_str().unwrap().contains("cannot be loaded now"), "{found}");
}

/// A module of the distribution, which has signed it, with a change.
fn signed_with(change: impl FnOnce(&mut Vec<u8>)) -> String {
    let file = distributions("nls_cp437");
    let mut bytes = fs::read(&file).unwrap();
    change(&mut bytes);
    fs::write(&file, bytes).unwrap();
    file
}

/// What the distribution signed is taken.
fn verify_signed() {
    let file = signed_with(|_| ());
    run(["insmod", "--check", &file]).succeeds_silently();
    run(["insmod", &file]).succeeds_silently();
    assert!(is_loaded("nls_cp437"));
    run(["rmmod", "nls_cp437"]).succeeds_silently();
}

/// The kernel looks up a key by its serial number and the name of its issuer.
fn with_another_signer() -> String {
    // The build's own key, or Debian's for all builds.
    let names: [&[u8]; 2] = [b"kernel key", b"Secure Boot"];
    signed_with(|bytes| {
        let start = bytes.len() - 2000;
        let at = (start..bytes.len())
            .find(|&at| names.iter().any(|name| bytes[at..].starts_with(name)))
            .expect("no signer's name");
        bytes[at] ^= b' ';
    })
}
