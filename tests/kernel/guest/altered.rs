//! Module files with something wrong about them.

use std::fs;

use super::run;

/// A copy of a test module with a change to its bytes; returns its path.
pub(crate) fn altered(name: &str, change: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut bytes = fs::read(format!("/modules/{name}.ko")).expect("cannot read the module");
    change(&mut bytes);
    let path = format!("/tmp/{name}.ko");
    fs::write(&path, bytes).expect("cannot write to /tmp");
    path
}

/// Replaces bytes, wherever they are, by as many others.
pub(crate) fn replaced(name: &str, from: &str, to: &str) -> String {
    assert_eq!(from.len(), to.len());
    altered(name, |bytes| replace(bytes, from.as_bytes(), to.as_bytes()))
}

pub(crate) fn replace(bytes: &mut [u8], from: &[u8], to: &[u8]) {
    let mut found = 0;
    for start in 0..bytes.len().saturating_sub(from.len()) {
        if bytes[start..].starts_with(from) {
            bytes[start..start + to.len()].copy_from_slice(to);
            found += 1;
        }
    }
    assert_ne!(found, 0, "{} is not there", from.escape_ascii());
}

/// Changes the checksum of a symbol among those that a module was built with.
pub(crate) fn with_another_crc(name: &str, symbol: &str) -> String {
    altered(name, |bytes| {
        let entry = [symbol.as_bytes(), &[0; 8]].concat();
        // Before the name is a long, the upper half of which is zero if it has 64 bits.
        let (wide, big_endian) = (bytes[4] == 2, bytes[5] == 2);
        let upper = |at: usize| if big_endian { at - 8..at - 4 } else { at - 4..at };
        let at = (8..bytes.len() - entry.len())
            .step_by(4)
            .find(|&at| bytes[at..].starts_with(&entry) && (!wide || bytes[upper(at)] == [0; 4]))
            .expect("no such entry in __versions");
        bytes[if wide && !big_endian { at - 8 } else { at - 4 }] ^= 1;
    })
}

/// Whether the kernel compares the checksums of symbols; tests of that have nothing to do where it
/// does not, as in Debian's kernels since Linux 7.
pub(crate) fn has_symbol_versions() -> bool {
    let bytes = fs::read("/modules/t_plain.ko").unwrap();
    let has = bytes.windows(12).any(|part| part == b"modversions ");
    if !has {
        println!("the kernel has no symbol versions");
    }
    has
}

/// The module in plain, wherever the distribution has it and however compressed.
pub(crate) fn distributions(name: &str) -> String {
    let found = run(["/kmod/modinfo", "-n", name]);
    found.succeeds();
    let (from, to) = (found.stdout.trim(), format!("/tmp/{name}.ko"));
    run([
        "sh",
        "-c",
        &format!("case {from} in *.xz) unxz -c {from} ;; *) cat {from} ;; esac >{to}"),
    ])
    .succeeds();
    to
}
