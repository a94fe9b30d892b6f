//! What a name is that matches no loaded module, in words and as data.

use modutils::ModuleName;
use modutils::availability::{Availability, Block, Presence, Scope, Trigger};
use modutils::diagnosis::{CommandLine, Remedy, WayOut};
use modutils::file::Signature;
use serde_json::{Value, json};

use super::options::{Detail, TOOL};
use crate::common::invocation::Invocation;
use crate::common::report::Explanation;

/// So many triggers and names are in a brief text.
const BRIEF_MAX: usize = 3;

/// The text behind the first line.
pub(crate) fn explanation(
    found: &Availability,
    package: Option<&str>,
    detail: Detail,
) -> Explanation {
    let name = &found.name;
    let mut phrases = vec![presence(found, package)];
    if let Presence::Loadable { .. } = found.presence {
        phrases.extend(loaded_when(found, detail));
        let mut blocks: Vec<String> = found.blocks.iter().map(ToString::to_string).collect();
        if let Some(first) = blocks.first_mut() {
            first.insert_str(0, "but ");
        }
        phrases.extend(blocks);
        let unreadable = found.unreadable.iter();
        phrases.extend(unreadable.map(|file| format!("{} could not be read", file.display())));
    }
    if detail == Detail::Full && !found.aliases.is_empty() {
        phrases.push(format!("aliases: {}", found.aliases.join(", ")));
    }
    let fix = fix(found).into_iter().collect();
    let cause = format!("{name} {}", phrases.join("; "));
    Explanation { cause: Some(cause), fix, ..Explanation::default() }
}

/// Explains a pattern without a loaded module by the modules that it would match.
pub(crate) fn explanation_of_pattern(matching: &[ModuleName], detail: Detail) -> Explanation {
    let names: Vec<String> = matching.iter().map(ToString::to_string).collect();
    let most = if detail == Detail::Full { usize::MAX } else { 2 * BRIEF_MAX };
    let cause = match listed(&names, most) {
        Some(names) => format!("not loaded, but built in or loadable: {names}"),
        None => "no module that is built in or loadable matches either".to_owned(),
    };
    Explanation { cause: Some(cause), ..Explanation::default() }
}

fn presence(found: &Availability, package: Option<&str>) -> String {
    match &found.presence {
        Presence::BuiltIn { functions } => {
            let unknown = if functions.is_empty() {
                "; the function that starts it is not among the kernel's symbols"
            } else {
                ""
            };
            format!("is built into the kernel; lsmod lists loadable modules only{unknown}")
        }
        Presence::Loadable { file, signature, .. } => {
            let mut facts = Vec::new();
            facts.extend(package.map(|package| format!("package {package}")));
            facts.push(signed(signature.as_ref()));
            let can = found.blocks.iter().all(|block| block.scope() != Scope::Everything);
            let verb = if can { "can be loaded from" } else { "cannot be loaded now; its file is" };
            format!("{verb} {} ({})", file.display(), facts.join(", "))
        }
        Presence::OtherRelease { releases, running_has_modules, .. } => {
            let have = releases.iter().map(|(release, built_in)| {
                format!("{release} has it{}", if *built_in { " built in" } else { "" })
            });
            let running = if *running_has_modules {
                "is not a module of the running release"
            } else {
                "is not there for the running release, whose modules are gone: most likely the \
                 kernel was upgraded and the machine was not rebooted"
            };
            format!("{running}; {}", have.collect::<Vec<_>>().join(", "))
        }
        Presence::Unknown { alias_of, nearest, running_has_modules, .. } => {
            let names = |names: &[ModuleName]| {
                listed(&names.iter().map(ToString::to_string).collect::<Vec<_>>(), usize::MAX)
            };
            if let Some(modules) = names(alias_of) {
                return format!("is not a module but an alias of {modules}");
            }
            let mut text = if *running_has_modules {
                "is unknown: no installed release has a module of this name".to_owned()
            } else {
                "is unknown: the list of the running release's modules is missing".to_owned()
            };
            if let Some(nearest) = names(nearest) {
                text.push_str("; similar names: ");
                text.push_str(&nearest);
            }
            text
        }
        _ => "is not loaded".to_owned(),
    }
}

fn signed(signature: Option<&Signature>) -> String {
    match signature {
        None => "the file could not be read".to_owned(),
        Some(Signature::Absent) => "not signed".to_owned(),
        Some(Signature::Present(signer)) => match &signer.name {
            Some(name) => format!("signed by {name}"),
            None => "signed".to_owned(),
        },
        Some(Signature::Other(Signature::PROOF)) => {
            "with a proof for one build of the kernel in place of a signature".to_owned()
        }
        Some(Signature::Other(id_type)) => format!("with a signature of type {id_type}"),
        Some(_) => "with a damaged signature".to_owned(),
    }
}

fn loaded_when(found: &Availability, detail: Detail) -> Option<String> {
    let is_blocked = found.blocks.iter().any(|block| block.scope() != Scope::Aliases);
    let is = if is_blocked { "would be" } else { "is" };
    if found.triggers.is_empty() {
        let names: Vec<String> = found.needed_by.iter().map(ToString::to_string).collect();
        let most = if detail == Detail::Full { usize::MAX } else { BRIEF_MAX };
        return Some(format!("it {is} loaded together with {}", listed(&names, most)?));
    }
    let most = if detail == Detail::Full { usize::MAX } else { BRIEF_MAX };
    let words: Vec<String> = found
        .triggers
        .iter()
        .map(|trigger| {
            let who = if trigger.any_user { " (by any user)" } else { "" };
            format!("{trigger}{who}")
        })
        .collect();
    let (shown, more) = words.split_at_checked(most).unwrap_or((&words, &[]));
    let more = match more.len() {
        0 => String::new(),
        count => format!(", or in {count} more cases"),
    };
    (!shown.is_empty()).then(|| format!("it {is} loaded when {}{more}", shown.join(", or when ")))
}

/// What the user may want to do about it. Loading the module is not it: who looks for a module in
/// an incident wants it not to be there.
fn fix(found: &Availability) -> Option<WayOut> {
    let name = &found.name;
    match &found.presence {
        Presence::BuiltIn { .. } => found.presence.way_to_disable(),
        Presence::Loadable { .. } if found.blocks.contains(&Block::NotListed) => {
            let depmod = Remedy::Other(WayOut::Command("depmod".to_owned()));
            Invocation::of_process(TOOL).show(&depmod)
        }
        Presence::Loadable { .. } => {
            let blocked =
                |block: &Block| matches!(block.scope(), Scope::Everything | Scope::Modprobe);
            let open = found.triggers.iter().any(|trigger| trigger.any_user);
            (open && !found.blocks.iter().any(blocked)).then(|| {
                let line = quoted(&format!("install {name} /bin/false"));
                let file = quoted(&format!("/etc/modprobe.d/{name}.conf"));
                WayOut::Step(format!("to keep it from being loaded, write {line} to {file}"))
            })
        }
        // Otherwise, another kernel is a choice of its own.
        Presence::OtherRelease { releases, running_has_modules: false, .. } => {
            let (release, _) = releases.last()?;
            Some(WayOut::Step(format!("reboot into {}", quoted(release))))
        }
        Presence::Unknown { alias_of, nearest, .. } => {
            let name = alias_of.first().or(nearest.first())?;
            let line = CommandLine::new(TOOL).operands([name.as_os_str()]);
            Some(WayOut::Command(line.to_string()))
        }
        _ => None,
    }
}

/// A word for a text that is not a command.
fn quoted(word: &str) -> String {
    CommandLine::new(word).to_string()
}

/// `a, b and 3 more`.
fn listed(names: &[String], most: usize) -> Option<String> {
    let (shown, more) = names.split_at_checked(most).unwrap_or((names, &[]));
    let more = if more.is_empty() { String::new() } else { format!(" and {} more", more.len()) };
    (!shown.is_empty()).then(|| format!("{}{more}", shown.join(", ")))
}

/// The record of the array `not-loaded`.
pub(crate) fn record(found: &Availability, package: Option<&str>) -> Value {
    let Explanation { cause, fix, .. } = explanation(found, package, Detail::Brief);
    let mut record = blank(&found.name.to_string(), &cause.unwrap_or_default());
    let mut set = |key: &str, value: Value| {
        if let Some(field) = record.get_mut(key) {
            *field = value;
        }
    };
    let texts =
        |names: &[ModuleName]| json!(names.iter().map(ToString::to_string).collect::<Vec<_>>());
    let trigger = |trigger: &Trigger| json!({ "text": trigger.text, "any-user": trigger.any_user });
    set("state", json!(found.presence.kind()));
    set("fix", json!(fix));
    set("aliases", json!(found.aliases));
    set("needed-by", texts(&found.needed_by));
    set("triggers", found.triggers.iter().map(trigger).collect());
    set("blocked-by", found.blocks.iter().map(block).collect());
    let unreadable = found.unreadable.iter().map(|file| json!(file.display().to_string()));
    set("unreadable", unreadable.collect());
    match &found.presence {
        Presence::BuiltIn { functions } => set("functions", json!(functions)),
        Presence::Loadable { file, signature, .. } => {
            set("file", json!(file.display().to_string()));
            set("package", json!(package));
            let signer = match signature {
                Some(Signature::Present(signer)) => signer.name.as_deref(),
                _ => None,
            };
            set("signer", json!(signer));
            set("signature", json!(signature.as_ref().map(word)));
        }
        Presence::OtherRelease { releases, .. } => {
            let names: Vec<_> = releases.iter().map(|(release, _)| release).collect();
            set("releases", json!(names));
        }
        Presence::Unknown { alias_of, nearest, .. } => {
            set("alias-of", texts(alias_of));
            set("nearest", texts(nearest));
        }
        _ => {}
    }
    record
}

/// The record of an argument that stands for no module at all.
pub(crate) fn blank(argument: &str, text: &str) -> Value {
    json!({
        "name": argument,
        "state": "unknown",
        "text": text,
        "fix": [],
        "file": null,
        "package": null,
        "signature": null,
        "signer": null,
        "functions": [],
        "releases": [],
        "alias-of": [],
        "nearest": [],
        "aliases": [],
        "needed-by": [],
        "triggers": [],
        "blocked-by": [],
        "unreadable": [],
    })
}

fn word(signature: &Signature) -> &'static str {
    match signature {
        Signature::Absent => "absent",
        Signature::Present(_) | Signature::Other(_) => "present",
        _ => "malformed",
    }
}

fn block(block: &Block) -> Value {
    let place = block.place();
    json!({
        "kind": block.kind(),
        "blocks": match block.scope() {
            Scope::Modprobe => "modprobe",
            Scope::Aliases => "aliases",
            Scope::Requests => "kernel-requests",
            _ => "everything",
        },
        "text": block.to_string(),
        "file": place.map(|place| place.file.display().to_string()),
        "line": place.map(|place| place.line),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use modutils::System;
    use modutils::availability::Catalog;
    use std::fs;

    /// The names in depmod's lists are no commands, and another release helps only a kernel that
    /// has lost its modules.
    #[test]
    fn advice_from_lists() {
        let root = std::env::temp_dir().join(format!("modutils-absent-{}", std::process::id()));
        let put = |file: &str, text: &str| {
            let path = root.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        put("proc/sys/kernel/osrelease", "6.1\n");
        put("lib/modules/6.2;x/modules.dep", "kernel/elsewhere.ko:\n");
        let advised = |name: &str| {
            let name = ModuleName::new(name).unwrap();
            fix(&Catalog::read(&System::at(&root)).look_up(&name))
        };
        let step = |text: &str| Some(WayOut::Step(text.to_owned()));
        assert_eq!(advised("elsewhere"), step("reboot into '6.2;x'"));
        put("lib/modules/6.1/modules.dep", "kernel/snd;reboot.ko:\n");
        assert_eq!(advised("elsewhere"), None);
        let line = WayOut::Command("lsmod 'snd;reboot'".to_owned());
        assert_eq!(advised("snd;rebot"), Some(line));
        fs::remove_dir_all(&root).unwrap();
    }
}
