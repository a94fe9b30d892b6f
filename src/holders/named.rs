//! Modules that took a reference by name, with `symbol_get` or `get_fs_type`, or of a device: the
//! kernel lists them nowhere, but the name is among their constants, or a parameter of theirs.

use std::collections::HashMap;

use super::constants::Constants;
use super::holder::{Holder, HolderKind};
use super::registered;
use super::search::Search;
use super::text::Text;
use crate::directory;
use crate::loaded::Snapshot;
use crate::name::ModuleName;
use crate::order;
use crate::shell::shell_word;
use crate::symbols::OwnSymbol;
use crate::system;

/// Loaded modules that name it and are not among its users, with a reference for each name.
pub(super) fn of(search: &Search<'_>) -> Vec<Holder> {
    let memory = Constants::open(search.system);
    let names = names(search, memory.as_ref());
    let Some(snapshot) = Snapshot::take(search.system).ok().filter(|_| !names.is_empty()) else {
        return Vec::new();
    };
    let module = search.module;
    // A gadget takes a function by its name even if it uses its symbols.
    let is_function = search.name().starts_with(b"usb_f_");
    let others = snapshot
        .modules()
        .iter()
        .filter(|other| other.name != module.name)
        .filter(|other| is_function || !module.used_by.contains(&other.name));
    let mut list = Vec::new();
    for other in others.take_while(|_| !search.is_late()) {
        let mut found: Vec<&str> = Vec::new();
        let mut add = |text: &[u8]| found.extend(names.get(text).map(String::as_str));
        for value in parameters(search, &other.name) {
            add(&value);
        }
        if let Some(memory) = &memory {
            memory.each(other, ".rodata", &mut add);
        }
        order::sort(&mut found);
        found.dedup();
        // What was read for names of symbols can be of the module behind it in memory.
        found.retain(|text| {
            let symbol = text.strip_prefix("symbol ").map(str::as_bytes);
            symbol.is_none_or(|name| search.symbols().iter().any(|own| own.name == name))
        });
        let Some(first) = found.first() else { continue };
        let kind = HolderKind::Unlisted {
            name: other.name.as_os_str().into(),
            reason: Text::from(format!("names its {first}")),
        };
        let references = u64::try_from(found.len()).unwrap_or(u64::MAX);
        let command = format!("rmmod {}", shell_word(other.name.as_os_str()));
        list.push(Holder::known(kind).with_references(references).ended_by(command));
    }
    list
}

/// What another module can name it by, each with a word that says what that is: its types of file
/// systems, its functions of gadgets, or the symbols that it exports; and its devices.
fn names(search: &Search<'_>, memory: Option<&Constants<'_>>) -> HashMap<Vec<u8>, String> {
    let of = |prefix| search.aliases.suffixes(prefix, &search.module.name);
    let kinds = [("file system", of("fs-")), ("function", of("usbfunc:"))];
    let kind = kinds.into_iter().find(|(_, names)| !names.is_empty());
    let (word, names) = kind.unwrap_or_else(|| ("symbol", exports(search, memory)));
    let described = |name: Vec<u8>| {
        let text = format!("{word} {}", String::from_utf8_lossy(&name));
        (name, text)
    };
    let mut list: HashMap<_, _> = names.into_iter().map(described).collect();
    // A legacy gadget has the disk as a parameter.
    for path in registered::own_nodes(search) {
        let described = format!("device {}", path.display());
        list.insert(path.into_os_string().into_encoded_bytes(), described);
    }
    list
}

/// The symbols that the module exports: the memory of the kernel has them, and its list of symbols,
/// which takes it tens of milliseconds.
fn exports(search: &Search<'_>, memory: Option<&Constants<'_>>) -> Vec<Vec<u8>> {
    let found = memory.map(|memory| memory.texts(search.module, "__ksymtab_strings"));
    if let Some(mut found) = found.filter(|found| !found.is_empty()) {
        found.retain(|text| is_symbol(text));
        return found;
    }
    let sections = search.system.module_dir(&search.module.name).join("sections");
    if ["__ksymtab", "__ksymtab_gpl"].iter().all(|name| !sections.join(name).exists()) {
        return Vec::new();
    }
    exported(search.symbols()).map(<[u8]>::to_vec).collect()
}

/// Whether a text is the name of a symbol, and not that of a namespace of them, in capitals.
fn is_symbol(text: &[u8]) -> bool {
    let is_word = text.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    is_word && text.iter().any(u8::is_ascii_lowercase)
}

fn exported(symbols: &[OwnSymbol]) -> impl Iterator<Item = &[u8]> {
    symbols.iter().filter_map(|symbol| symbol.name.strip_prefix(b"__ksymtab_"))
}

/// The values of a module's parameters.
fn parameters(search: &Search<'_>, module: &ModuleName) -> Vec<Vec<u8>> {
    let dir = search.system.module_dir(module).join("parameters");
    let files = directory::entries(&dir).into_iter().flatten().flatten();
    let values = files.filter_map(|file| system::read(&file.path).ok());
    values.map(|value| value.trim_ascii_end().to_vec()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_symbols() {
        let texts: [&[u8]; 4] = [b"hci_alloc_dev", b"BT_1", b"\xffx", b"a b"];
        assert_eq!(texts.map(is_symbol), [true, false, false, false]);
    }

    #[test]
    fn exported_symbols() {
        let symbols = ["shown", "__ksymtab_shown"]
            .map(|name| OwnSymbol { address: None, name: name.as_bytes().to_vec() });
        assert_eq!(exported(&symbols).collect::<Vec<_>>(), [b"shown"]);
    }
}
