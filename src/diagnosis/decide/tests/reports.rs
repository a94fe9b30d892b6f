//! Public reports that no kernel at hand shows, by the texts that they quote: `tests/reports.md` has
//! the links.

mod fifth;
mod fourth;
mod table;
mod third;

use std::collections::HashSet;

use super::{Change, decide, edit, exported, facts, log};
use crate::diagnosis::cause::Cause;
use crate::diagnosis::facts::Facts;
use crate::diagnosis::fix::remedies;
use crate::errno::Errno;
use crate::file::{Signature, Signer};
use crate::name::ModuleName;
use crate::system::System;

/// A report, and the diagnosis to expect.
struct Report {
    of: &'static str,
    answer: Errno,
    lines: &'static [&'static str],
    situation: Change,
    kind: &'static str,
    certain: bool,
    /// What the sentence has in it.
    says: &'static [&'static str],
    /// What one of the ways out has in it; nothing if there is to be none.
    advises: &'static str,
}

const PLAIN: Report = Report {
    of: "",
    answer: Errno::EINVAL,
    lines: &[],
    situation: |_| (),
    kind: "init-failed",
    certain: true,
    says: &[],
    advises: "",
};

fn signed(facts: &mut Facts) {
    let signer =
        Signer { name: Some("host Secure Boot Module Signature key".into()), key: "1f".into() };
    edit(facts, |module| module.signature = Signature::Present(signer));
    facts.policy.secure_boot = Some(true);
}

fn name(name: &str) -> ModuleName {
    ModuleName::new(name).unwrap()
}

#[test]
fn every_report() {
    for report in
        table::REPORTS.iter().chain(third::REPORTS).chain(fourth::REPORTS).chain(fifth::REPORTS)
    {
        let mut facts = facts();
        (facts.answer, facts.asked) = (Some(report.answer), true);
        (report.situation)(&mut facts);
        log(&mut facts, report.lines);
        let cause = decide(&facts).unwrap();
        let of = report.of;
        assert_eq!(
            (cause.kind(), cause.is_certain()),
            (report.kind, report.certain),
            "{of}: {cause}"
        );
        for part in report.says {
            assert!(cause.to_string().contains(part), "{of}: {cause}");
        }
        let found: Vec<String> = remedies(&System::at("/none"), &facts, &cause)
            .iter()
            .map(|remedy| format!("{remedy:?}"))
            .collect();
        assert!(
            found.iter().any(|it| it.contains(report.advises)) || report.advises.is_empty(),
            "{of}: {found:?}"
        );
    }
}

/// A kernel that cannot be forced refuses these without a word.
#[test]
fn silent_refusals() {
    let table: &[(&str, Change)] = &[
        ("modversions", |it| {
            edit(it, |module| {
                module.has_versions_section = false;
                module.versions.clear();
            });
        }),
        ("version magic", |it| edit(it, |module| module.vermagic = None)),
        ("that it exports", |it| {
            edit(it, |module| module.exports.iter_mut().for_each(|export| export.crc = None));
        }),
    ];
    for (part, change) in table {
        let mut facts = facts();
        facts.answer = Some(Errno::ENOEXEC);
        log(&mut facts, &[]);
        assert_eq!(decide(&facts).unwrap().kind(), "unknown");
        change(&mut facts);
        let cause = decide(&facts).unwrap();
        assert!(cause.to_string().contains(part), "{cause}");
        // A tracer may have answered.
        facts.policy.caller.traced = true;
        assert_eq!(decide(&facts).unwrap().kind(), "unknown");
        facts.policy.caller.traced = false;
        // Such a kernel is known by its configuration.
        (facts.answer, facts.log, facts.policy.force_load) = (None, None, Some(false));
        assert!(decide(&facts).is_some(), "{part}");
        facts.policy.force_load = Some(true);
        assert!(!matches!(decide(&facts), Some(Cause::Unversioned { .. })), "{part}");
    }
}

/// Whether the kernel has a key that its owner enrolled, its modules do not show.
#[test]
fn enrolled_keys() {
    let mut facts = facts();
    facts.policy.sig_enforce = Some(true);
    signed(&mut facts);
    facts.reference.signer = Some(Signer { name: Some("Debian".into()), key: "02".into() });
    assert!(decide(&facts).is_none(), "no keys can be seen");
    facts.reference.keys = Some(vec!["Debian Secure Boot CA: 6cce: X509.rsa 78 []".into()]);
    assert_eq!(decide(&facts).unwrap().kind(), "unknown-key");
    let own = "host Secure Boot Module Signature key: 9a: X509.rsa 9a []".to_owned();
    facts.reference.keys.get_or_insert_default().push(own);
    assert!(decide(&facts).is_none());
}

/// The kernel has no code for the hash, or for the kind of the key.
#[test]
fn algorithms_that_the_kernel_lacks() {
    let mut facts = facts();
    signed(&mut facts);
    facts.reference.signer = Some(Signer { name: Some("Debian".into()), key: "02".into() });
    facts.reference.keys = Some(vec!["Debian Secure Boot CA: 6cce: X509.rsa 78 []".into()]);
    facts.policy.sig_enforce = Some(true);
    facts.answer = Some(Errno::EKEYREJECTED);
    log(&mut facts, &["Loading of module with unsupported crypto is rejected"]);
    let said = |facts: &Facts| decide(facts).unwrap().to_string();
    assert!(said(&facts).ends_with("by an algorithm that this kernel does not support"));
    // Up to Linux 4.19, it is the answer itself, whether or not signatures are asked for.
    log(&mut facts, &[]);
    facts.answer = Some(Errno::ENOPKG);
    facts.policy.sig_enforce = Some(false);
    assert_eq!(decide(&facts).unwrap().kind(), "unknown");
    facts.answers_enokey = true;
    assert!(said(&facts).ends_with("by an algorithm that this kernel does not support"));
    edit(&mut facts, |module| module.signature = Signature::Absent);
    assert_eq!(decide(&facts).unwrap().kind(), "unknown");
}

/// Foreseen, as the proprietary module is loaded.
#[test]
fn symbols_of_both_kinds() {
    let mut facts = facts();
    exported(&mut facts, "g", Some(true));
    let exports = facts.exports.get_or_insert_default();
    exports.found.get_mut("f").unwrap().owner = Some(name("nvidia"));
    let import = crate::file::Import { name: "g".into(), weak: false };
    edit(&mut facts, |module| module.imports.push(import));
    assert!(decide(&facts).is_none());
    facts.proprietary = HashSet::from([name("nvidia")]);
    let cause = decide(&facts).unwrap();
    assert_eq!(cause.kind(), "gpl-only-symbol");
    assert!(cause.to_string().ends_with("proprietary module nvidia: f"), "{cause}");
}

/// The kernel does not show what it exports; the file of the provider does.
#[test]
fn symbol_that_a_provider_reserves() {
    let mut facts = facts();
    edit(&mut facts, |module| module.license = None);
    (facts.exports, facts.answer) = (None, Some(Errno::ENOENT));
    log(&mut facts, &["t_x: Unknown symbol f (err -2)"]);
    assert_eq!(decide(&facts).unwrap().kind(), "missing-symbol");
    facts.reserved.insert("f".into());
    assert_eq!(decide(&facts).unwrap().kind(), "gpl-only-symbol");
}
