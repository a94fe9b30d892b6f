//! The texts of the loader and of what it calls, as a table.
//!
//! They are those of `kernel/module/*.c` (`kernel/module.c` before 5.18), `kernel/params.c`,
//! `kernel/livepatch`, `kernel/bpf/btf.c`, the loaders in `arch/*/kernel/module*.c` and
//! `security/*`, Linux 3.x to 7.x. Most follow the module's name and a colon; those of the first
//! checks, before the name is known, have no name. Some files put a prefix before both.

mod relocations;
#[cfg(test)]
mod tests;

use super::{About, Finding};

/// A text with `{}` where it varies, and what it says.
type Row = (&'static str, fn(&[&str]) -> Option<Finding>);

/// What the text says, if it is one of these and about this call.
pub(super) fn find(text: &str, about: About<'_>) -> Option<Finding> {
    let (rest, is_named) = subject(text, about.names);
    let found = if is_named { first(NAMED, rest).or_else(|| described(rest)) } else { None };
    found
        .or_else(|| first(NAMELESS, rest))
        .or_else(|| described_without_name(rest))
        .or_else(|| about_one_of(text, about.names))
        .or_else(|| initcall(text, about.names))
        .or_else(|| limit(text, about.parameters))
        .or_else(|| memory(text, about.command))
        .or_else(|| audit(text, about.command))
}

/// Takes the prefixes away. Whether the module's name was among them.
fn subject<'a>(text: &'a str, names: &[&str]) -> (&'a str, bool) {
    let mut rest = text;
    for prefix in ["module: ", "module_64: ", "module_32: ", "x86/modules: ", "kmod: "] {
        rest = rest.strip_prefix(prefix).unwrap_or(rest);
    }
    let behind_name =
        |rest: &'a str| names.iter().find_map(|name| rest.strip_prefix(name)?.strip_prefix(": "));
    // In place of the name, where the kernel has none: it is not in modinfo, or where another
    // configuration has it in `struct module`.
    let behind_none = |rest: &'a str| NO_NAME.iter().find_map(|none| rest.strip_prefix(none));
    let found = behind_name(rest).or_else(|| behind_name(rest.strip_prefix("module ")?));
    match found.or_else(|| behind_none(rest.strip_prefix("module ").unwrap_or(rest))) {
        Some(rest) => (rest, true),
        None => (rest, false),
    }
}

const NO_NAME: &[&str] =
    &["(missing .modinfo section or name field): ", "(missing .modinfo name field): ", ": "];

fn first(rows: &[Row], text: &str) -> Option<Finding> {
    rows.iter().find_map(|(template, finding)| finding(&matched(template, text)?))
}

/// What stands in the places of a template.
fn matched<'a>(template: &str, text: &'a str) -> Option<Vec<&'a str>> {
    let mut pieces = template.split("{}");
    let mut rest = text.strip_prefix(pieces.next()?)?;
    let mut pieces = pieces.peekable();
    let mut found = Vec::new();
    while let Some(piece) = pieces.next() {
        let (hole, after) = match (piece, pieces.peek()) {
            ("", None) => (rest, ""),
            // The last one ends the text.
            (piece, None) => (rest.strip_suffix(piece)?, ""),
            (piece, Some(_)) => rest.split_once(piece)?,
        };
        found.push(hole);
        rest = after;
    }
    rest.is_empty().then_some(found)
}

fn one(found: &[&str]) -> Option<String> {
    found.first().map(|text| (*text).to_owned())
}

fn two(found: &[&str]) -> Option<(String, String)> {
    Some((one(found)?, (*found.get(1)?).to_owned()))
}

/// The number that a line ends with, without its sign.
fn errno(text: &str) -> Option<i32> {
    Some(text.parse::<i32>().ok()?.saturating_abs())
}

/// Behind the module's name.
const NAMED: &[Row] = &[
    ("Unknown symbol {} (err {})", |found| {
        let (symbol, error) = two(found)?;
        // Linux 3.10 to 4.x write 0 for a symbol without an exporter.
        let error = errno(&error)?;
        Some(Finding::UnknownSymbol(symbol, if error == 0 { nix::libc::ENOENT } else { error }))
    }),
    // Up to 2.6.
    ("Unknown symbol {}", |found| Some(Finding::UnknownSymbol(one(found)?, nix::libc::ENOENT))),
    ("disagrees about version of symbol {}", |found| Some(Finding::VersionDisagrees(one(found)?))),
    ("no symbol version for {}", |found| Some(Finding::NoVersion(one(found)?))),
    ("module uses symbol ({}) from namespace {}, but does not import it.", |found| {
        let (symbol, namespace) = two(found)?;
        Some(Finding::NotImported(symbol, namespace))
    }),
    ("module tries to import module namespace: {}", |found| {
        Some(Finding::NotImportable(one(found)?))
    }),
    ("module using GPL-only symbols uses symbols {}from proprietary module {}.", |found| {
        Some(Finding::ProprietaryOwner(two(found)?.1))
    }),
    ("module uses symbols {}from proprietary module {}, inheriting taint.", |found| {
        Some(Finding::InheritsTaint(two(found)?.1))
    }),
    ("exports protected symbol {}", |found| Some(Finding::Protected(one(found)?))),
    ("Protected symbol: {} (err {})", |found| Some(Finding::Protected(one(found)?))),
    ("version magic '{}' should be '{}'", |found| {
        let (module, kernel) = two(found)?;
        Some(Finding::Vermagic(module, kernel))
    }),
    ("exports duplicate symbol {} (owned by {})", |found| {
        let (symbol, owner) = two(found)?;
        Some(Finding::Duplicate(symbol, owner))
    }),
    ("`{}' invalid for parameter `{}'", |found| {
        let (value, name) = two(found)?;
        Some(Finding::BadParameter(name, value))
    }),
    ("`{}' too large for parameter `{}'", |found| {
        let (value, name) = two(found)?;
        Some(Finding::BadParameter(name, value))
    }),
    ("unknown parameter '{}' ignored", |found| Some(Finding::Ignored(one(found)?))),
    ("Unknown parameter `{}'", |found| Some(Finding::UnknownParameter(one(found)?))),
    ("gave up waiting for init of module {}.", |found| Some(Finding::GaveUpWaiting(one(found)?))),
    ("module is already loaded", |_| Some(Finding::NameTaken)),
    ("Could not allocate {} bytes percpu data", |_| Some(Finding::OutOfMemory)),
    ("{} is rejected", |found| rejected(found.first()?)),
];

/// After the module's name; quoted in the kernel's own words.
const MISFITS: &[&str] = &[
    "module has no symbols (stripped?)",
    "No module found in object",
    "{}.gnu.linkonce.this_module{}",
    "module is marked as livepatch module, but livepatch support is disabled",
    "please compile with -fno-common",
    "has both .ctors and .init_array.",
    "module sysfs not initialized",
    "section {} has invalid WRITE|EXEC flags",
    "Symbol {} has an invalid section index {}",
    "no flags for exported symbols",
    "module not supported by {}, refusing to load. {}",
    "Too many symbols",
    "error occurred during dynamic SCS patching{}",
    "no versions for exported symbols",
];

fn described(text: &str) -> Option<Finding> {
    if any(MISFITS, text) {
        return Some(Finding::NotAModule(text.to_owned()));
    }
    any(relocations::TEMPLATES, text).then(|| Finding::Relocation(text.to_owned()))
}

/// Without a name.
const NAMELESS: &[Row] = &[
    ("Loading of {} is rejected", |found| rejected(found.first()?)),
    // EACCES: it may have the key.
    ("Request for unknown module key {} err -13", |_| Some(Finding::KeyDenied)),
    ("Request for unknown module key {}", |_| Some(Finding::UnknownKey)),
    ("not signed with expected {}", |_| {
        Some(Finding::SignatureRejected("module with unsupported crypto".to_owned()))
    }),
    // Up to 5.3.
    ("Module is not signed with expected {}", |_| {
        Some(Finding::SignatureRejected("module with unsupported crypto".to_owned()))
    }),
    ("PKCS#7 signature info has unexpected non-zero params", |_| {
        Some(Finding::SignatureRejected("damaged signature".to_owned()))
    }),
    ("Lockdown: {}: unsigned module loading is restricted{}", |_| Some(Finding::Lockdown)),
    ("Lockdown: {}: unsafe module parameters is restricted{}", |_| {
        Some(Finding::LockdownParameter)
    }),
    ("Lockdown: {}Loading of unsigned module{}", |_| Some(Finding::Lockdown)),
    ("Module hash {} is blacklisted", |_| Some(Finding::Revoked)),
    ("LoadPin: kernel-module {}denied {}", |_| Some(Finding::Denied("loadpin"))),
    ("LoadPin: {}denied {}", |_| Some(Finding::Denied("loadpin"))),
    ("Chromium OS LSM: {}denied {}", |_| Some(Finding::Denied("loadpin"))),
    ("ima: impossible to appraise a {}", |_| Some(Finding::Denied("ima"))),
    ("impossible to appraise a {}", |_| Some(Finding::Denied("ima"))),
    ("execmem: unable to allocate memory{}", |_| Some(Finding::OutOfMemory)),
    ("vmap allocation for size {} failed{}", |found| Some(no_room(found.first()?))),
    ("vmalloc_node_range for size {} failed{}", |found| Some(no_room(found.first()?))),
    ("Failed to allocate memory: jump_label may not work{}", |_| Some(Finding::OutOfMemory)),
    ("Failed to allocate memory for static calls{}", |_| Some(Finding::OutOfMemory)),
    ("percpu: allocation failed, size={}", |_| Some(Finding::OutOfMemory)),
    ("vmalloc: allocation failure{}", |_| Some(Finding::OutOfMemory)),
    ("PERCPU: allocation failed, size={}", |_| Some(Finding::OutOfMemory)),
];

/// Without a name, about a damaged or foreign file; quoted in the kernel's own words.
const ELF: &[&str] = &[
    // Up to 4.16.
    "No module found in object",
    "Invalid ELF {}",
    "Invalid architecture in ELF {}",
    "Invalid module architecture in ELF {}",
    "ELF Spec violation: {}",
    "empty section name table{}",
    "empty symbol string table{}",
    "symbol string table {}",
    "symbol name out of bounds{}",
    "Module has invalid ELF {}",
    "Module len {} truncated",
    "extended version crc+name presence does not match{}",
    "more extended version crcs than names{}",
    "Only one .modinfo section must exist.",
];

/// The same: a relocation, on x86.
const RELOCATIONS_WITHOUT_NAME: &[&str] = &[
    "Unknown rela relocation: {}",
    "overflow in relocation type {}",
    "Overflow in relocation type {}",
    "Invalid relocation target, existing value is nonzero {}",
    "Skipping invalid relocation target, existing value is nonzero {}",
];

/// The same: relocations of a live patch, which only it may have.
const LIVE_PATCHES: &[&str] = &[
    "livepatch: symbol {} is not marked as a livepatch symbol",
    "livepatch: symbol {} has an incorrectly formatted name",
    "livepatch: section {} has an incorrectly formatted name",
    "livepatch: invalid access to vmlinux symbol '{}' from module-specific livepatch relocation{}",
];

/// The same: what the kernel's decoders say of a compressed file.
const DECODERS: &[&str] = &[
    "not a gzip compressed module",
    "not an xz compressed module",
    "not a zstd compressed module",
    "decompression failed with status {}",
    "failed to initialize decompressor{}",
    "ZSTD-{}",
];

fn any(templates: &[&str], text: &str) -> bool {
    templates.iter().any(|template| matched(template, text).is_some())
}

fn described_without_name(text: &str) -> Option<Finding> {
    if any(ELF, text) {
        return Some(Finding::Elf(text.to_owned()));
    }
    if any(DECODERS, text) {
        return Some(Finding::Decompression(text.to_owned()));
    }
    let is_relocation = any(RELOCATIONS_WITHOUT_NAME, text) || any(LIVE_PATCHES, text);
    is_relocation.then(|| Finding::Relocation(text.to_owned()))
}

/// Texts with the module's name in the middle.
fn about_one_of(text: &str, names: &[&str]) -> Option<Finding> {
    const ROWS: &[Row] = &[
        ("Module {} is blacklisted", |found| Some(Finding::Blacklisted(one(found)?))),
        ("failed to validate module [{}] BTF: {}", btf),
        ("BPF: failed to validate module [{}] BTF: {}", btf),
        // parisc.
        ("module {} relocation of symbol {} is out of range ({})", |found| {
            let symbol = found.get(1)?;
            Some(Finding::Relocation(format!("relocation of symbol {symbol} is out of range")))
        }),
        ("{}`{}' likely not compiled with {}", |_| {
            Some(Finding::Relocation("likely not compiled with -mcmodel=kernel".to_owned()))
        }),
    ];
    const LIVEPATCH: &[&str] = &[
        "livepatch: patch '{}' failed for module '{}', refusing to load module '{}'",
        "livepatch: failed to initialize patch '{}' for module '{}' ({})",
        "livepatch: pre-patch callback failed for object '{}'",
    ];
    let is_ours = |found: &[&str]| found.iter().any(|word| names.contains(word));
    let row = ROWS.iter().find_map(|(template, finding)| {
        let found = matched(template, text)?;
        if is_ours(&found) { finding(&found) } else { None }
    });
    row.or_else(|| {
        let mut found = LIVEPATCH.iter().filter_map(|template| matched(template, text));
        let found = found.find(|found| is_ours(found))?;
        let patch = found.first().filter(|_| found.len() > 1);
        Some(Finding::Livepatch(patch.map_or_else(String::new, |patch| (*patch).to_owned())))
    })
}

/// `initcall t_init+0x0/0x10 [t] returned -19 after 3 usecs`, with `initcall_debug`.
fn initcall(text: &str, names: &[&str]) -> Option<Finding> {
    let [_, module, number, _]: [&str; 4] =
        matched("initcall {} [{}] returned {} after {}", text)?.try_into().ok()?;
    names.contains(&module).then_some(())?;
    Some(Finding::InitReturned(errno(number)?))
}

/// Texts behind a parameter's name, without the module's.
fn limit(text: &str, parameters: &[&str]) -> Option<Finding> {
    let (name, what) = text.split_once(": ")?;
    if !parameters.contains(&name) {
        return None;
    }
    let takes = if let Some(count) = matched("can only take {} arguments", what) {
        format!("at most {} of them", count.first()?)
    } else if let Some(count) = matched("string doesn't fit in {} chars.", what) {
        format!("at most {} bytes", count.first()?)
    } else if what == "string parameter too long" {
        "at most 1024 bytes".to_owned()
    } else {
        return None;
    };
    Some(Finding::Limit(name.to_owned(), takes))
}

/// Warnings about the memory that this process asked for, behind its name.
fn memory(text: &str, command: &str) -> Option<Finding> {
    const STARTS: &[&str] =
        &["page allocation failure", "vmalloc: allocation failure", "vmalloc error: "];
    let text = text.strip_prefix(command)?.strip_prefix(": ")?;
    if let Some(found) = matched("vmalloc error: size {}, vm_struct allocation failed{}", text) {
        return Some(no_room(found.first()?));
    }
    STARTS.iter().any(|start| text.starts_with(start)).then_some(Finding::OutOfMemory)
}

fn btf(found: &[&str]) -> Option<Finding> {
    Some(Finding::Btf(errno(found.get(1)?)?))
}

fn no_room(size: &str) -> Finding {
    size.parse().map_or(Finding::OutOfMemory, Finding::NoRoom)
}

fn rejected(what: &str) -> Option<Finding> {
    ["unsigned module", "module with unsupported crypto", "module with unavailable key"]
        .contains(&what)
        .then(|| Finding::SignatureRejected(what.to_owned()))
}

/// Records of audit, which are in the log where no daemon collects them.
fn audit(text: &str, command: &str) -> Option<Finding> {
    let text = text.strip_prefix("audit: ").unwrap_or(text);
    if !text.starts_with("type=") {
        return None;
    }
    let has = |part: &str| text.contains(part);
    if !has(&format!("comm=\"{command}\"")) && has("comm=") {
        return None;
    }
    // Linux 5.6 to 5.15 asked SELinux about lockdown, too.
    let lockdown = has("tclass=lockdown") && has("lockdown_reason=");
    let selinux = ["{ module_load }", "{ sys_module }"].iter().any(|right| has(right)) || lockdown;
    if has("avc:") && has("denied") && selinux && !has("permissive=1") {
        return Some(Finding::Denied("selinux"));
    }
    if has("apparmor=\"DENIED\"") && has("sys_module") {
        return Some(Finding::Denied("apparmor"));
    }
    if has("op=appraise_data") && has("cause=") && !has("res=1") {
        return Some(Finding::Denied("ima"));
    }
    (has("ipe_op=KMODULE") && has("action=DENY")).then_some(Finding::Denied("ipe"))
}
