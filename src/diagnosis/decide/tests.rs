//! The decision as a table: facts, and the cause that follows from them.

use std::collections::HashSet;

mod doubts;
mod init;
mod reports;
mod texts;

use super::decide;
use crate::caller::Privilege;
use crate::diagnosis::evidence::{self, About};
use crate::diagnosis::exports::{Exported, Exports};
use crate::diagnosis::facts::{Argument, Facts, Module};
use crate::diagnosis::reference::Reference;
use crate::errno::Errno;
use crate::error::{Error, ErrorKind};
use crate::file::{ElfHeader, Export, Import, Parameter, Signature, Signer, SymbolVersion};
use crate::loaded::State;
use crate::name::ModuleName;

const MAGIC: &str = "6.12.1 SMP preempt mod_unload modversions ";

fn header(machine: u16, is_64: bool, big_endian: bool) -> ElfHeader {
    ElfHeader { object_type: 1, machine, is_64, big_endian }
}

/// A module that fits in every way.
fn module() -> Module {
    Module {
        header: Ok(header(62, true, false)),
        valid: Ok(()),
        name: ModuleName::new("t_x").ok(),
        modinfo_name: Some("t_x".into()),
        vermagic: Some(MAGIC.into()),
        license: Some(b"GPL".to_vec()),
        namespaces: HashSet::new(),
        depends: Vec::new(),
        has_init: true,
        signature: Signature::Absent,
        has_nameless_imports: false,
        relocations: Ok(()),
        imports: vec![Import { name: "f".into(), weak: false }],
        exports: vec![Export { name: "e".into(), gpl_only: false, namespace: None, crc: Some(1) }],
        has_versions_section: true,
        build_id: None,
        versions: vec![SymbolVersion { name: "f".into(), crc: 1 }],
        parameters: vec![Parameter {
            name: b"p".to_vec(),
            kind: Some(b"int".to_vec()),
            description: None,
        }],
        struct_size: Some(1280),
    }
}

/// A kernel that has nothing against it.
fn facts() -> Facts {
    let mut facts = Facts {
        path: "./t_x.ko".into(),
        module: Some(module()),
        architecture: "x86_64".into(),
        module_support: Some(true),
        exports: Some(Exports::default()),
        ..Facts::default()
    };
    facts.policy.modules_disabled = Some(false);
    facts.policy.sig_enforce = Some(false);
    facts.policy.lockdown = Some("none".into());
    facts.reference.vermagic = Some(MAGIC.into());
    facts.reference.struct_size = Some(1280);
    facts.reference.header = Some(header(62, true, false));
    facts.reference.crcs.insert("f".into(), 1);
    exported(&mut facts, "f", Some(false));
    facts
}

fn exported(facts: &mut Facts, name: &str, gpl_only: Option<bool>) {
    let exports = facts.exports.get_or_insert_default();
    exports.found.insert(name.into(), Exported { owner: None, gpl_only });
}

fn log(facts: &mut Facts, lines: &[&str]) {
    let about = About { names: &["t_x"], parameters: &["p"], command: "insmod" };
    facts.log = Some(lines.iter().filter_map(|line| evidence::read(line, 3, about)).collect());
    facts.log_complete = true;
}

fn edit(facts: &mut Facts, change: impl FnOnce(&mut Module)) {
    change(facts.module.as_mut().unwrap());
}

fn kind(facts: &Facts) -> Option<&'static str> {
    decide(facts).map(|cause| cause.kind())
}

type Change = fn(&mut Facts);

/// Each change speaks against the module, is foreseen, and explains the kernel's answer even
/// where its log cannot be read.
#[test]
fn foreseen_and_explained() {
    let table: &[(&str, Errno, Change)] = &[
        ("modules-disabled", Errno::EPERM, |it| it.policy.modules_disabled = Some(true)),
        ("not-a-file", Errno::EINVAL, |it| it.file.not_regular = Some("a pipe")),
        ("empty-file", Errno::EINVAL, |it| it.file.is_empty = true),
        ("compression-unsupported", Errno::ENOEXEC, |it| it.file.foreign = Some("bzip2")),
        ("corrupt-compression", Errno::EINVAL, |it| {
            it.module = None;
            it.unreadable = Some(Error::new(ErrorKind::CorruptCompression, "x"));
        }),
        ("not-elf", Errno::ENOEXEC, |it| {
            edit(it, |module| module.header = ElfHeader::read(b"text"));
        }),
        ("truncated", Errno::ENOEXEC, |it| {
            edit(it, |module| module.valid = Err(Error::new(ErrorKind::Truncated, "x")));
        }),
        ("not-a-module", Errno::ENOEXEC, |it| {
            edit(it, |module| module.valid = Err(Error::new(ErrorKind::NotAModule, "x")));
        }),
        ("not-a-module", Errno::ENOEXEC, |it| it.reference.struct_size = Some(1)),
        ("wrong-architecture", Errno::ENOEXEC, |it| {
            it.reference.header = Some(header(183, true, false));
        }),
        // The same machine in another word size, or in another byte order.
        ("wrong-architecture", Errno::ENOEXEC, |it| {
            it.reference.header = Some(header(62, false, false));
        }),
        ("wrong-architecture", Errno::ENOEXEC, |it| {
            it.reference.header = Some(header(62, true, true));
        }),
        ("wrong-architecture", Errno::ENOEXEC, |it| {
            (it.reference.header, it.big_endian) = (None, true);
        }),
        // Without another module to compare it with: x32, and a machine that has no name here.
        ("wrong-architecture", Errno::ENOEXEC, |it| {
            it.reference.header = None;
            edit(it, |module| module.header = Ok(header(62, false, false)));
        }),
        ("wrong-architecture", Errno::ENOEXEC, |it| {
            it.reference.header = None;
            edit(it, |module| module.header = Ok(header(0x9026, true, false)));
        }),
        ("bad-signature", Errno::EBADMSG, |it| {
            edit(it, |module| module.signature = Signature::Malformed);
        }),
        ("unsigned", Errno::EKEYREJECTED, |it| it.policy.sig_enforce = Some(true)),
        ("unknown-key", Errno::EKEYREJECTED, |it| {
            it.policy.sig_enforce = Some(true);
            it.reference.signer = Some(Signer { name: None, key: "02".into() });
            it.reference.keys = Some(Vec::new());
            edit(it, |module| module.signature = Signature::Present(Signer::default()));
        }),
        ("locked-down", Errno::EPERM, |it| it.policy.lockdown = Some("integrity".into())),
        ("blacklisted", Errno::EPERM, |it| it.policy.blacklist = vec!["t_x".into()]),
        ("vermagic-mismatch", Errno::ENOEXEC, |it| {
            it.reference.vermagic = Some("6.12.1 SMP mod_unload modversions ".into());
        }),
        ("symbol-version-mismatch", Errno::EINVAL, |it| {
            it.reference.crcs.insert("f".into(), 2);
        }),
        ("symbol-version-mismatch", Errno::ENOEXEC, |it| {
            it.reference.crcs.insert("module_layout".into(), 2);
            let version = SymbolVersion { name: "module_layout".into(), crc: 1 };
            edit(it, |module| module.versions.push(version));
        }),
        ("already-loaded", Errno::EEXIST, |it| it.namesake = Some(State::Live)),
        ("being-unloaded", Errno::EBUSY, |it| it.namesake = Some(State::Unloading)),
        ("missing-symbol", Errno::ENOENT, |it| it.exports = Some(Exports::default())),
        ("truncated", Errno::ENOENT, |it| edit(it, |module| module.has_nameless_imports = true)),
        ("not-a-module", Errno::ENOEXEC, |it| {
            edit(it, |module| module.relocations = Err("Unknown rela relocation: 41".into()));
        }),
        ("gpl-only-symbol", Errno::ENOENT, |it| {
            edit(it, |module| module.license = None);
            exported(it, "f", Some(true));
        }),
        ("missing-namespace", Errno::EINVAL, |it| {
            let namespace = Some("N".into());
            let export = Export { name: "f".into(), gpl_only: false, namespace, crc: None };
            it.details.insert("f".into(), export);
        }),
        ("duplicate-symbol", Errno::ENOEXEC, |it| exported(it, "e", None)),
        ("bad-parameter", Errno::EINVAL, |it| {
            it.arguments = vec![Argument { name: b"p".to_vec(), value: Some(b"x".to_vec()) }];
        }),
        ("bad-parameter", Errno::ERANGE, |it| {
            let value = Some(b"99999999999".to_vec());
            it.arguments = vec![Argument { name: b"p".to_vec(), value }];
        }),
        ("built-in", Errno::EINVAL, |it| it.built_in = true),
    ];
    for (expected, errno, change) in table {
        let mut facts = facts();
        assert_eq!(kind(&facts), None, "without a change");
        change(&mut facts);
        assert_eq!(kind(&facts), Some(*expected), "before the call");
        assert_eq!(decide(&facts).and_then(|cause| cause.answer()), Some(*errno), "{expected}");
        facts.answer = Some(*errno);
        assert_eq!(kind(&facts), Some(*expected), "after it");
    }
}

#[test]
fn a_module_that_is_removed_right_after_the_answer() {
    let mut facts = facts();
    facts.namesake = Some(State::Unloading);
    facts.answer = Some(Errno::EEXIST);
    assert_eq!(kind(&facts), Some("already-loaded"));
}

/// What only the log tells.
#[test]
fn the_log_decides() {
    for (line, errno, expected) in [
        ("t_x: Unknown symbol f (err -2)", Errno::ENOENT, "missing-symbol"),
        ("t_x: Unknown symbol f (err -16)", Errno::EBUSY, "dependency-initializing"),
        ("t_x: disagrees about version of symbol f", Errno::EINVAL, "symbol-version-mismatch"),
        (
            "t_x: disagrees about version of symbol module_layout",
            Errno::ENOEXEC,
            "symbol-version-mismatch",
        ),
        (
            "t_x: module uses symbol (f) from namespace N, but does not import it.",
            Errno::EINVAL,
            "missing-namespace",
        ),
        ("t_x: version magic 'a ' should be 'b '", Errno::ENOEXEC, "vermagic-mismatch"),
        ("t_x: exports duplicate symbol e (owned by kernel)", Errno::ENOEXEC, "duplicate-symbol"),
        ("t_x: `1' invalid for parameter `q'", Errno::EPERM, "bad-parameter"),
        ("t_x: module is already loaded", Errno::EINVAL, "built-in"),
        ("Module t_x is blacklisted", Errno::EPERM, "blacklisted"),
        ("t_x: module has no symbols (stripped?)", Errno::ENOEXEC, "not-a-module"),
        (
            "Lockdown: insmod: unsigned module loading is restricted; see man kernel_lockdown.7",
            Errno::EPERM,
            "locked-down",
        ),
        (
            "LoadPin: kernel-module denied obj=\"/x.ko\" pid=1 cmdline=\"insmod\"",
            Errno::EPERM,
            "security-policy",
        ),
    ] {
        let mut facts = facts();
        facts.answer = Some(errno);
        log(&mut facts, &[line]);
        assert_eq!(kind(&facts), Some(expected), "{line}");
    }
}

/// A module that passed all checks was refused by its own init function.
#[test]
fn the_init_function_is_the_last_suspect() {
    for errno in [Errno::ENODEV, Errno::EIO, Errno::ENOENT, Errno::EINVAL] {
        let mut facts = facts();
        facts.answer = Some(errno);
        log(&mut facts, &["t_x: refusing"]);
        assert_eq!(kind(&facts), Some("init-failed"), "{errno:?}");
        // With all else known, the log is not needed.
        facts.log = None;
        assert_eq!(kind(&facts), Some("init-failed"), "{errno:?}");
    }
}

#[test]
fn what_cannot_be_known_is_not_invented() {
    let mut facts = facts();
    facts.answer = Some(Errno::ENOENT);
    facts.exports = None;
    facts.log_error = Some(Error::new(ErrorKind::Io(Errno::EPERM), "no right"));
    let cause = decide(&facts).unwrap();
    assert_eq!(cause.kind(), "unknown");
    assert!(cause.to_string().contains("the kernel log: no right"), "{cause}");

    // A key that is not of this release's modules may be known all the same, and a known one's
    // signature need not be of these contents.
    let mut facts = self::facts();
    let signer = Signer { name: Some("k".into()), key: "01".into() };
    edit(&mut facts, |module| module.signature = Signature::Present(signer.clone()));
    facts.reference.signer = Some(signer);
    assert_eq!(kind(&facts), None);
    facts.answer = Some(Errno::EKEYREJECTED);
    assert_eq!(kind(&facts), Some("bad-signature"));
}

#[test]
fn a_silent_denial_may_be_anybodys() {
    let mut facts = facts();
    facts.answer = Some(Errno::EPERM);
    log(&mut facts, &[]);
    assert_eq!(kind(&facts), Some("unknown"));
    log(&mut facts, &["t_x: refusing"]);
    assert_eq!(kind(&facts), Some("init-failed"));
}

#[test]
fn who_asks_counts_only_when_the_kernel_was_asked() {
    let mut facts = facts();
    facts.policy.caller.lacks = Some(Privilege::Missing);
    assert_eq!(kind(&facts), None);
    facts.answer = Some(Errno::EPERM);
    assert_eq!(kind(&facts), Some("no-privilege"));
}

/// Without modules of the running kernel, only the releases can be compared; a kernel with symbol
/// versions compares those instead.
#[test]
fn a_release_alone_is_not_certain() {
    let mut facts = facts();
    facts.reference = Reference::default();
    facts.release = "6.12.1".into();
    assert_eq!(kind(&facts), None);
    // Of the same series: it may fit.
    facts.release = "6.12.9".into();
    assert_eq!(kind(&facts), None);
    facts.release = "6.13.1".into();
    for versions in [true, false] {
        edit(&mut facts, |module| module.has_versions_section = versions);
        for upgraded in [false, true] {
            facts.was_upgraded = upgraded;
            let cause = decide(&facts).unwrap();
            assert_eq!((cause.kind(), cause.is_certain()), ("vermagic-mismatch", !versions));
            assert_eq!(cause.to_string().contains("most likely"), versions, "{cause}");
        }
    }
}

/// However large a file is, it is not the kernel that minds.
#[test]
fn our_own_limit_differs_from_the_kernels_answer() {
    let mut facts = facts();
    facts.module = None;
    facts.unreadable = Some(Error::new(ErrorKind::TooLarge, "it is larger than 1 MiB"));
    facts.answer = Some(Errno::EFBIG);
    assert_eq!(kind(&facts), Some("compression-unsupported"));
    facts.answer = Some(Errno::ENOEXEC);
    facts.asked = true;
    assert_eq!(kind(&facts), Some("unknown"));
}

/// A module for another kernel has hundreds of them; the document has all.
#[test]
fn many_versions_are_not_all_in_the_sentence() {
    let mut facts = facts();
    for number in 0..300 {
        let version = SymbolVersion { name: format!("s{number}"), crc: 1 };
        facts.reference.crcs.insert(version.name.clone(), 2);
        edit(&mut facts, |module| module.versions.push(version));
    }
    let text = decide(&facts).unwrap().to_string();
    assert!(text.ends_with(" and 292 more") && text.len() < 600, "{text}");
}
