//! What the kernel logged about a call, understood.
//!
//! A line is a text of the loader ([`texts`]), a line of the module itself, which proves that its
//! code ran, a warning of other code, which may still give the reason, or noise.

mod noise;
mod texts;

use std::collections::HashSet;

use crate::log::Since;

/// A line of the log, and what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Evidence {
    pub(super) line: String,
    pub(super) meaning: Meaning,
}

impl Evidence {
    /// What a text of the loader says.
    pub(super) fn finding(&self) -> Option<&Finding> {
        match &self.meaning {
            Meaning::Loader(finding) => Some(finding),
            _ => None,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// A text of the loader, or of what it calls.
    Loader(Finding),
    /// A line that the module itself logged: its name is the prefix, and no text of the loader
    /// follows.
    Own,
    /// A line that mentions the module.
    Mention,
    /// A warning or an error that other code logged during the call.
    Other,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Finding {
    /// The second is the errno, positive.
    UnknownSymbol(String, i32),
    VersionDisagrees(String),
    NoVersion(String),
    /// A symbol and its namespace.
    NotImported(String, String),
    /// A namespace that is reserved for modules of certain names and cannot be imported.
    NotImportable(String),
    /// The owner is proprietary, while this module also uses symbols for the GPL.
    ProprietaryOwner(String),
    /// The module uses symbols of a proprietary one, and from now on counts as such.
    InheritsTaint(String),
    /// A symbol that only signed modules may use or export, as on Android.
    Protected(String),
    /// The module's version magic and the kernel's.
    Vermagic(String, String),
    /// A symbol and the name of its owner.
    Duplicate(String, String),
    /// A parameter and its value.
    BadParameter(String, String),
    /// A parameter, and what the kernel logged of its limit before it.
    Limit(String, String),
    /// A parameter that the module does not have, and that kernels since 3.11 ignore.
    Ignored(String),
    /// Fatal up to Linux 3.10.
    UnknownParameter(String),
    /// The module that was waited for.
    GaveUpWaiting(String),
    NameTaken,
    Blacklisted(String),
    /// The hash of the module is on the kernel's list of those that it takes no more.
    Revoked,
    /// The fault of the signature.
    SignatureRejected(String),
    /// A key that the kernel looked for in vain.
    UnknownKey,
    /// A security module does not let the process search the kernel's keys.
    KeyDenied,
    Lockdown,
    /// Lockdown does not permit a parameter that is for hardware.
    LockdownParameter,
    /// The security module that denied the call.
    Denied(&'static str),
    /// The kernel's own description of a damaged file.
    Elf(String),
    /// The kernel's own description of the module's fault.
    NotAModule(String),
    /// The kernel's own description of a relocation that it cannot apply.
    Relocation(String),
    /// The type information does not fit the kernel's: the errno, positive.
    Btf(i32),
    /// A live patch, which could not be applied to the module.
    Livepatch(String),
    /// The kernel's own description of what its decoder did not take.
    Decompression(String),
    OutOfMemory,
    /// There was no room for so many bytes in the part of the address space that is for modules.
    NoRoom(u64),
    /// With `initcall_debug`: what the init function returned, positive.
    InitReturned(i32),
}

/// Whose lines are wanted.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct About<'a> {
    /// The names of the module, in `struct module` and in modinfo.
    pub(super) names: &'a [&'a str],
    /// The parameters that were given, as the kernel writes them.
    pub(super) parameters: &'a [&'a str],
    /// The name of this process, as the kernel writes it.
    pub(super) command: &'a str,
}

/// The most lines of others that are shown: the reason is among the first.
const OTHERS: usize = 12;

/// Picks the lines that have to do with the call, each text once.
pub(super) fn pick(since: &Since, about: About<'_>) -> Vec<Evidence> {
    let mut picked: Vec<_> = since
        .records
        .iter()
        .filter_map(|record| Some((record, read(&record.text, record.level, about)?)))
        .collect();
    if since.exact {
        // Where lines name the thread that logged them, those of the loader tell which one it was.
        let callers: HashSet<String> = picked
            .iter()
            .filter(|(_, found)| !matches!(found.meaning, Meaning::Other | Meaning::Mention))
            .filter_map(|(record, _)| record.caller.clone())
            .collect();
        picked.retain(|(record, found)| {
            found.meaning != Meaning::Other
                || callers.is_empty()
                || record.caller.as_ref().is_none_or(|caller| callers.contains(caller))
        });
    } else {
        // Only the times tell these from lines of an earlier call: all of one call lie within its
        // duration, and what others logged may be about anything.
        picked.retain(|(_, found)| found.meaning != Meaning::Other);
        let newest = picked.last().map(|(record, _)| record.time);
        let earliest = newest.map(|time| time.saturating_sub(since.elapsed));
        picked.retain(|(record, _)| earliest.is_none_or(|earliest| record.time >= earliest));
    }
    let mut seen = HashSet::new();
    let mut others = 0;
    picked
        .into_iter()
        .map(|(_, found)| found)
        .filter(|found| seen.insert(found.line.clone()))
        .filter(|found| {
            others += usize::from(found.meaning == Meaning::Other);
            found.meaning != Meaning::Other || others <= OTHERS
        })
        .collect()
}

/// `KERN_WARNING`: less urgent messages of other code have nothing to do with a failure.
const WARNING: u8 = 4;

/// Reads a line; `None` if it has nothing to do with the call.
pub(super) fn read(text: &str, level: u8, about: About<'_>) -> Option<Evidence> {
    let evidence = |meaning| Some(Evidence { line: text.to_owned(), meaning });
    let text = without_writer(text);
    if let Some(finding) = texts::find(text, about) {
        return evidence(Meaning::Loader(finding));
    }
    if noise::is_noise(text, about.names) {
        return None;
    }
    if about.names.iter().any(|name| is_own(text, name)) {
        return evidence(Meaning::Own);
    }
    if about.names.iter().any(|name| mentions(text, name)) {
        return evidence(Meaning::Mention);
    }
    if level <= WARNING && !text.trim().is_empty() { evidence(Meaning::Other) } else { None }
}

/// Takes away what kernels of vendors put before each line, the processor and the thread that wrote
/// it: `(0)[4410:insmod]` by Mediatek, `[0:  insmod: 4410] ` by Samsung.
fn without_writer(text: &str) -> &str {
    let is_number = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
    let by_mediatek = || {
        let (processor, rest) = text.trim_start_matches('-').strip_prefix('(')?.split_once(")[")?;
        let (writer, rest) = rest.split_once(']')?;
        let (thread, _) = writer.split_once(':')?;
        (is_number(processor) && is_number(thread)).then_some(rest)
    };
    let by_samsung = || {
        let (writer, rest) = text.strip_prefix('[')?.split_once("] ")?;
        let (processor, name) = writer.split_once(':')?;
        let (_, thread) = name.rsplit_once(':')?;
        (is_number(processor) && is_number(thread.trim())).then_some(rest)
    };
    by_mediatek().or_else(by_samsung).unwrap_or(text)
}

/// Whether the line begins with the module's name, as `pr_fmt` and most drivers have it.
fn is_own(text: &str, name: &str) -> bool {
    let text = text.strip_prefix('[').unwrap_or(text);
    let (start, rest) = text.split_at_checked(name.len()).unwrap_or_default();
    let same = start.bytes().zip(name.bytes()).all(|(a, b)| a == b || (a, b) == (b'-', b'_'));
    !name.is_empty()
        && start.len() == name.len()
        && same
        && (rest.starts_with(':') || rest.starts_with(']') || rest.starts_with(' '))
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
    use crate::log::Record;
    use std::time::Duration;

    const ABOUT: About<'_> = About { names: &["t_x"], parameters: &["p"], command: "insmod" };

    fn record(seconds: u64, level: u8, caller: Option<&str>, text: &str) -> Record {
        Record {
            time: Duration::from_secs(seconds),
            level,
            caller: caller.map(str::to_owned),
            text: text.to_owned(),
        }
    }

    fn lines(since: &Since) -> Vec<String> {
        pick(since, ABOUT).into_iter().map(|found| found.line).collect()
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
            assert_eq!(read(text, 6, ABOUT), None, "{text}");
        }
        assert_eq!(read("anything", 6, About::default()), None);
    }

    #[test]
    fn the_modules_own_words_are_kept() {
        for text in ["t_x: refusing", "t-x 0000:00: no device", "[t_x] hello"] {
            assert_eq!(read(text, 6, ABOUT).unwrap().meaning, Meaning::Own, "{text}");
        }
        for text in ["foo t-x 0000:00: no device", "x [t_x]"] {
            assert_eq!(read(text, 6, ABOUT).unwrap().meaning, Meaning::Mention, "{text}");
        }
    }

    /// The line with the reason often names another module.
    #[test]
    fn warnings_of_others_are_kept_once_and_without_noise() {
        let duplicate = "sysfs: cannot create duplicate filename '/class/blue'";
        let error = "kobject: kobject_add_internal failed for blue with -EEXIST, don't try to \
                     register things with the same name in the same directory.";
        let mut records = vec![
            record(1, 4, None, "t_x: loading out-of-tree module taints kernel."),
            record(1, 4, None, duplicate),
            record(1, 4, None, "CPU: 0 PID: 100 Comm: insmod Tainted: G           O"),
            record(1, 4, None, "Call Trace:"),
            record(1, 4, None, " dump_stack_lvl+0x44/0x5c"),
            record(1, 6, None, "usb 1-1: new device"),
            record(1, 3, None, error),
        ];
        records.extend((0..71).map(|_| record(1, 3, None, "t_x: no luck")));
        let since =
            Since { records, exact: true, complete: true, lost: false, elapsed: Duration::ZERO };
        assert_eq!(lines(&since), [duplicate, error, "t_x: no luck"]);
    }

    #[test]
    fn vendors_name_the_writer_of_a_line() {
        for (text, rest) in [
            ("(0)[4410:insmod]t_x: no", "t_x: no"),
            ("-(3)[4410:insmod]t_x: no", "t_x: no"),
            ("[1:         insmod: 4410] t_x: no", "t_x: no"),
            ("[t_x] no", "[t_x] no"),
            ("(0) t_x: no", "(0) t_x: no"),
            ("(a)[b:c]t_x: no", "(a)[b:c]t_x: no"),
            ("[0: 1] ", "[0: 1] "),
            ("", ""),
        ] {
            assert_eq!(without_writer(text), rest);
        }
        let line = "(0)[4410:insmod]t_x: Unknown symbol f (err 0)";
        let found = read(line, 3, ABOUT).unwrap();
        assert_eq!(found.line, line);
        assert_eq!(found.finding(), Some(&Finding::UnknownSymbol("f".into(), 2)));
    }

    #[test]
    fn another_thread_has_no_say_where_threads_are_known() {
        let records = vec![
            record(1, 3, Some("T7"), "t_x: no luck"),
            record(1, 3, Some("T7"), "Driver 'blue' is already registered"),
            record(1, 3, Some("T8"), "disk on fire"),
        ];
        let since =
            Since { records, exact: true, complete: true, lost: false, elapsed: Duration::ZERO };
        assert_eq!(lines(&since), ["t_x: no luck", "Driver 'blue' is already registered"]);
    }

    /// Without a position, an earlier call's lines are recognized by their time.
    #[test]
    fn an_earlier_call_is_not_quoted() {
        let records = vec![
            record(10, 3, None, "t_x: earlier"),
            record(19, 3, None, "another caller"),
            record(20, 3, None, "t_x: now"),
        ];
        let elapsed = Duration::from_secs(2);
        let since = Since { records, exact: false, complete: true, lost: false, elapsed };
        assert_eq!(lines(&since), ["t_x: now"]);
    }

    #[test]
    fn a_flood_is_cut() {
        let records = (0..1000).map(|number| record(1, 3, None, &format!("x {number}"))).collect();
        let since =
            Since { records, exact: true, complete: true, lost: false, elapsed: Duration::ZERO };
        assert_eq!(lines(&since).len(), OTHERS);
    }
}
