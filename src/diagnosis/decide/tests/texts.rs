//! Every text that a kernel logs for a refusal, with its errno and the cause that must follow.
//!
//! From the sources of Linux 3.10 to 7.x: `kernel/module.c` and `kernel/module/`,
//! `kernel/module_signing.c`, `kernel/params.c`, `kernel/livepatch`, `kernel/bpf/btf.c`,
//! `arch/*/kernel/module*.c`, `security`. `t_x` is the module.

mod loader;
mod machines;

use super::{decide, edit, facts, log};
use crate::diagnosis::cause::Cause;
use crate::diagnosis::facts::Facts;
use crate::errno::Errno;
use crate::file::{Signature, Signer};

/// Every text, with the errno and the kind that must follow.
fn texts() -> impl Iterator<Item = (Errno, &'static str, &'static str)> {
    let of_machines = machines::TEXTS.iter().map(|&(errno, line)| (errno, "not-a-module", line));
    loader::TEXTS.iter().copied().chain(of_machines)
}

/// Signatures, on a kernel that wants them.
const SIGNATURES: &[(Errno, &str)] = &[
    (Errno::EKEYREJECTED, "Loading of unsigned module is rejected"),
    (Errno::EKEYREJECTED, "t_x: unsigned module is rejected"),
    // Up to 4.19, without a word.
    (Errno::ENOKEY, ""),
];

fn own_license(facts: &mut Facts, expected: &str) {
    if expected == "gpl-only-symbol" {
        edit(facts, |module| module.license = None);
    }
}

#[test]
fn every_text() {
    for (errno, expected, line) in texts() {
        let mut facts = facts();
        facts.answer = Some(errno);
        facts.asked = true;
        log(&mut facts, &[line]);
        own_license(&mut facts, expected);
        let cause = decide(&facts).unwrap();
        assert_eq!(cause.kind(), expected, "{line}: {cause}");
    }
    for (errno, line) in SIGNATURES {
        let mut facts = facts();
        facts.answer = Some(*errno);
        facts.policy.sig_enforce = Some(true);
        log(&mut facts, &[line]);
        assert_eq!(decide(&facts).unwrap().kind(), "unsigned", "{line}");
    }
}

/// Lockdown, not the value, is the reason; signing the module would not help.
#[test]
fn hardware_parameters_under_lockdown() {
    let line = "t_x: `0x300' invalid for parameter `p'";
    for (mode, lines) in [
        ("integrity", &[line][..]),
        (
            "none",
            &[
                "Lockdown: insmod: unsafe module parameters is restricted; see man kernel_lockdown.7",
                line,
            ],
        ),
    ] {
        let mut facts = facts();
        facts.answer = Some(Errno::EPERM);
        facts.policy.lockdown = Some(mode.into());
        let signer = Signer { name: None, key: "01".into() };
        edit(&mut facts, |module| module.signature = Signature::Present(signer));
        log(&mut facts, lines);
        let cause = decide(&facts).unwrap();
        assert_eq!((cause.kind(), cause.is_certain()), ("locked-down", mode == "none"));
        assert!(cause.to_string().ends_with("hardware parameter p"), "{cause}");
    }
}

/// With taint notices around it, which people take for the reason.
#[test]
fn taints_are_no_reason() {
    for (errno, expected, line) in texts() {
        let mut facts = facts();
        facts.answer = Some(errno);
        facts.asked = true;
        own_license(&mut facts, expected);
        log(
            &mut facts,
            &[
                "t_x: loading out-of-tree module taints kernel.",
                "t_x: module verification failed: signature and/or required key missing - \
                 tainting kernel",
                "t_x: module license 'Own' taints kernel.",
                "Disabling lock debugging due to kernel taint",
                line,
            ],
        );
        assert_eq!(decide(&facts).unwrap().kind(), expected, "{line}");
    }
}

/// Of kernels with and without `CONFIG_MODULE_HASHES`.
#[test]
fn proofs_in_place_of_signatures() {
    let mut old = facts();
    edit(&mut old, |module| module.signature = Signature::Other(1));
    assert!(decide(&old).is_none());
    old.policy.sig_enforce = Some(true);
    assert_eq!(decide(&old).unwrap().kind(), "unknown-key");
    // Before PKCS#7, such signatures were the kernel's own.
    old.precedes_pkcs7 = true;
    assert!(decide(&old).is_none());
    for (answer, line, expected) in [
        (None, "", None),
        (
            Some(Errno::EKEYREJECTED),
            "module: not signed with expected PKCS#7 message",
            Some("unknown-key"),
        ),
        (
            Some(Errno::EKEYREJECTED),
            "module: not signed with expected signature",
            Some("unknown-key"),
        ),
        (
            Some(Errno::EKEYREJECTED),
            "Loading of module with unsupported crypto is rejected",
            Some("unknown-key"),
        ),
        (
            Some(Errno::EPERM),
            "Lockdown: insmod: unsigned module loading is restricted; see man kernel_lockdown.7",
            Some("locked-down"),
        ),
    ] {
        let mut facts = facts();
        edit(&mut facts, |module| module.signature = Signature::Other(Signature::PROOF));
        facts.answer = answer;
        facts.policy.sig_enforce = Some(true);
        if answer.is_some() {
            log(&mut facts, &[line]);
        }
        let cause = decide(&facts);
        assert_eq!(cause.as_ref().map(Cause::kind), expected, "{line}");
        if expected == Some("unknown-key") {
            assert!(cause.unwrap().to_string().contains("proof"), "{line}");
        }
    }
}
