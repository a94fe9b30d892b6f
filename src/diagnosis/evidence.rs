//! What the kernel's loader logs, understood.
//!
//! The texts are those of `kernel/module/*.c`, `kernel/params.c`, `security/lockdown` and
//! `security/loadpin`, Linux 5.15 to 6.19. Most begin with the module's name and a colon; those of
//! the first checks, before the name is known, have no name at all.

/// A line of the log, and what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Evidence {
    pub(super) line: String,
    /// `None` for a line that only mentions the module: its own, mostly.
    pub(super) finding: Option<Finding>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Finding {
    /// The second is the errno, positive.
    UnknownSymbol(String, i32),
    VersionDisagrees(String),
    NoVersion(String),
    /// A symbol and its namespace.
    NotImported(String, String),
    /// A symbol whose owner is proprietary while this module also uses those for the GPL.
    ProprietaryOwner(String),
    /// The module's version magic and the kernel's.
    Vermagic(String, String),
    /// A symbol and the name of its owner.
    Duplicate(String, String),
    /// A parameter and its value.
    BadParameter(String, String),
    /// A parameter, and what the kernel logged of its limit before it.
    Limit(String, String),
    /// Fatal up to Linux 3.10.
    UnknownParameter(String),
    /// The module that was waited for.
    GaveUpWaiting(String),
    NameTaken,
    Blacklisted(String),
    /// What is wrong with the signature.
    SignatureRejected(String),
    Lockdown,
    LoadPin,
    /// The kernel's own description of a damaged file.
    Elf(String),
    /// The kernel's own description of what is not right with the module.
    NotAModule(String),
    Decompression,
    OutOfMemory,
}

/// Reads a message of the log; `None` if it has nothing to do with a module of one of the names, or
/// with one of the parameters that were given.
pub(super) fn read(text: &str, names: &[&str], parameters: &[&str]) -> Option<Evidence> {
    let finding = names
        .iter()
        .find_map(|name| named(text.strip_prefix(name)?.strip_prefix(": ")?))
        .or_else(|| nameless(text, names))
        .or_else(|| limit(text, parameters));
    let about = finding.is_some() || names.iter().any(|name| mentions(text, name));
    about.then(|| Evidence { line: text.to_owned(), finding })
}

/// Texts that leave nothing to be added.
const NOT_A_MODULE: &[&str] = &[
    "module has no symbols (stripped?)",
    "No module found in object",
    "module is marked as livepatch module, but livepatch support is disabled",
    "please compile with -fno-common",
    "has both .ctors and .init_array.",
    "module sysfs not initialized",
];

/// Texts behind the module's name.
fn named(text: &str) -> Option<Finding> {
    let owned = str::to_owned;
    if let Some(rest) = text.strip_prefix("Unknown symbol ") {
        let (symbol, errno) = rest.split_once(" (err ").unwrap_or((rest, "-2)"));
        let errno = errno.trim_end_matches(')').parse::<i32>().unwrap_or(0);
        return Some(Finding::UnknownSymbol(owned(symbol), errno.saturating_abs()));
    }
    if let Some(symbol) = text.strip_prefix("disagrees about version of symbol ") {
        return Some(Finding::VersionDisagrees(owned(symbol)));
    }
    if let Some(symbol) = text.strip_prefix("no symbol version for ") {
        return Some(Finding::NoVersion(owned(symbol)));
    }
    if let Some([symbol, namespace]) =
        parts(text, ["module uses symbol (", ") from namespace ", ", but does not import it."])
    {
        return Some(Finding::NotImported(owned(symbol), owned(namespace)));
    }
    if let Some([symbol, _]) = parts(
        text,
        ["module using GPL-only symbols uses symbols ", " from proprietary module ", "."],
    ) {
        return Some(Finding::ProprietaryOwner(owned(symbol)));
    }
    if let Some([module, kernel]) = parts(text, ["version magic '", "' should be '", "'"]) {
        return Some(Finding::Vermagic(owned(module), owned(kernel)));
    }
    if let Some([symbol, owner]) = parts(text, ["exports duplicate symbol ", " (owned by ", ")"]) {
        return Some(Finding::Duplicate(owned(symbol), owned(owner)));
    }
    for middle in ["' invalid for parameter `", "' too large for parameter `"] {
        if let Some([value, name]) = parts(text, ["`", middle, "'"]) {
            return Some(Finding::BadParameter(owned(name), owned(value)));
        }
    }
    if let Some(name) = between(text, "Unknown parameter `", "'") {
        return Some(Finding::UnknownParameter(owned(name)));
    }
    if let Some(module) = between(text, "gave up waiting for init of module ", ".") {
        return Some(Finding::GaveUpWaiting(owned(module)));
    }
    if text == "module is already loaded" {
        return Some(Finding::NameTaken);
    }
    if text.starts_with("Could not allocate ") {
        return Some(Finding::OutOfMemory);
    }
    if NOT_A_MODULE.contains(&text) || text.contains("has invalid WRITE|EXEC flags") {
        return Some(Finding::NotAModule(owned(text)));
    }
    rejected(text.strip_suffix(" is rejected")?)
}

/// Texts without a name in front.
fn nameless(text: &str, names: &[&str]) -> Option<Finding> {
    if let Some(name) = between(text, "Module ", " is blacklisted") {
        return names.contains(&name).then(|| Finding::Blacklisted(name.to_owned()));
    }
    if let Some(what) = between(text, "Loading of ", " is rejected") {
        return rejected(what);
    }
    if text.starts_with("Lockdown: ") && text.contains("unsigned module loading is restricted") {
        return Some(Finding::Lockdown);
    }
    if text.starts_with("LoadPin: ") && text.contains("denied") {
        return Some(Finding::LoadPin);
    }
    let text = text.strip_prefix("module: ").unwrap_or(text);
    if let Some(detail) = text.strip_prefix("module ")
        && detail.contains(".gnu.linkonce.this_module")
    {
        let detail = detail.split_once(": ").map_or(detail, |(_, detail)| detail);
        return Some(Finding::NotAModule(detail.to_owned()));
    }
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| text.starts_with(prefix));
    if text == "Only one .modinfo section must exist."
        || starts(&[
            "Unknown rela relocation",
            "overflow in relocation",
            "x86/modules: Invalid relocation target",
        ])
    {
        return Some(Finding::NotAModule(text.to_owned()));
    }
    if starts(&[
        "Invalid ELF ",
        "Invalid architecture in ELF",
        "Invalid module architecture",
        "ELF Spec violation",
        "empty section name table",
        "empty symbol string table",
        "symbol string table ",
        "symbol name out of bounds",
        "Module has invalid ELF",
    ]) {
        return Some(Finding::Elf(text.to_owned()));
    }
    if starts(&[
        "not a gzip compressed module",
        "not an xz compressed module",
        "not a zstd compressed module",
        "decompression failed with status",
        "failed to initialize decompressor",
        "ZSTD-",
    ]) {
        return Some(Finding::Decompression);
    }
    starts(&["execmem: unable to allocate memory", "vmap allocation for size"])
        .then_some(Finding::OutOfMemory)
}

/// Texts behind a parameter's name, without the module's.
fn limit(text: &str, parameters: &[&str]) -> Option<Finding> {
    let (name, what) = text.split_once(": ")?;
    let takes = if let Some(count) = between(what, "can only take ", " arguments") {
        format!("at most {count} of them")
    } else if let Some(count) = between(what, "string doesn't fit in ", " chars.") {
        format!("at most {count} bytes")
    } else if what == "string parameter too long" {
        "at most 1024 bytes".to_owned()
    } else {
        return None;
    };
    parameters.contains(&name).then(|| Finding::Limit(name.to_owned(), takes))
}

fn rejected(what: &str) -> Option<Finding> {
    ["unsigned module", "module with unsupported crypto", "module with unavailable key"]
        .contains(&what)
        .then(|| Finding::SignatureRejected(what.to_owned()))
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    text.strip_prefix(start)?.strip_suffix(end)
}

/// The two texts around a middle.
fn parts<'a>(text: &'a str, [start, middle, end]: [&str; 3]) -> Option<[&'a str; 2]> {
    let (first, second) = between(text, start, end)?.split_once(middle)?;
    Some([first, second])
}

/// Whether a text has the name as a word of its own; drivers also write it with dashes.
fn mentions(text: &str, name: &str) -> bool {
    let text = text.replace('-', "_");
    let name = name.replace('-', "_");
    let part_of_a_word =
        |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    !name.is_empty()
        && text.match_indices(&name).any(|(start, found)| {
            let bytes = text.as_bytes();
            let before = start.checked_sub(1).and_then(|index| bytes.get(index));
            !part_of_a_word(before) && !part_of_a_word(bytes.get(start + found.len()))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(text: &str) -> Option<Finding> {
        read(text, &["t_x"], &["p"]).and_then(|evidence| evidence.finding)
    }

    #[test]
    fn texts_of_the_loader() {
        let s = str::to_owned;
        for (text, expected) in [
            ("t_x: Unknown symbol f (err -2)", Finding::UnknownSymbol(s("f"), 2)),
            ("t_x: Unknown symbol f (err -16)", Finding::UnknownSymbol(s("f"), 16)),
            ("t_x: Unknown symbol f", Finding::UnknownSymbol(s("f"), 2)),
            (
                "t_x: disagrees about version of symbol module_layout",
                Finding::VersionDisagrees(s("module_layout")),
            ),
            (
                "t_x: module uses symbol (f) from namespace N, but does not import it.",
                Finding::NotImported(s("f"), s("N")),
            ),
            (
                "t_x: version magic '1 SMP ' should be '2 SMP '",
                Finding::Vermagic(s("1 SMP "), s("2 SMP ")),
            ),
            (
                "t_x: exports duplicate symbol f (owned by kernel)",
                Finding::Duplicate(s("f"), s("kernel")),
            ),
            ("t_x: `a `b' invalid for parameter `n'", Finding::BadParameter(s("n"), s("a `b"))),
            ("t_x: gave up waiting for init of module y.", Finding::GaveUpWaiting(s("y"))),
            ("t_x: module is already loaded", Finding::NameTaken),
            ("Module t_x is blacklisted", Finding::Blacklisted(s("t_x"))),
            (
                "Loading of unsigned module is rejected",
                Finding::SignatureRejected(s("unsigned module")),
            ),
            (
                "t_x: module with unavailable key is rejected",
                Finding::SignatureRejected(s("module with unavailable key")),
            ),
            (
                "Lockdown: insmod: unsigned module loading is restricted; see man kernel_lockdown.7",
                Finding::Lockdown,
            ),
            (
                "Invalid ELF section header overflow",
                Finding::Elf(s("Invalid ELF section header overflow")),
            ),
            ("decompression failed with status 6", Finding::Decompression),
            ("p: can only take 4 arguments", Finding::Limit(s("p"), s("at most 4 of them"))),
            ("p: string doesn't fit in 15 chars.", Finding::Limit(s("p"), s("at most 15 bytes"))),
            ("p: string parameter too long", Finding::Limit(s("p"), s("at most 1024 bytes"))),
        ] {
            assert_eq!(finding(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn others_are_not_meant() {
        for text in [
            "t_y: Unknown symbol f (err -2)",
            "Module t_y is blacklisted",
            "t_x2: module is already loaded",
            "usb 1-1: new device",
            "q: can only take 4 arguments",
            "",
        ] {
            assert_eq!(read(text, &["t_x"], &["p"]), None, "{text}");
        }
        assert_eq!(read("anything", &[], &[]), None);
    }

    #[test]
    fn the_modules_own_words_are_kept() {
        for text in ["t_x: refusing", "foo t-x 0000:00: no device", "[t_x] hello"] {
            let evidence = read(text, &["t_x"], &[]);
            assert!(evidence.is_some_and(|it| it.finding.is_none()), "{text}");
        }
    }
}
