//! Handlers of `binfmt_misc` that keep their interpreter open.

use std::path::Path;

use super::holder::{Holder, HolderKind};
use super::search::Search;
use super::text::Text;
use crate::directory;
use crate::shell::shell_word;
use crate::system;

/// The handlers with the flag `F`, each with its interpreter, as holders without references.
pub(super) fn of(search: &Search<'_>) -> Vec<(Text, Holder)> {
    let own = search.views().iter().filter(|view| view.namespace.is_none());
    let mounts = own.flat_map(|view| &view.mounts).filter(|mount| mount.kind == "binfmt_misc");
    let entries = mounts.filter_map(|mount| directory::entries(Path::new(&mount.place)).ok());
    let handlers = entries.flatten().flatten().filter_map(|entry| {
        let text = system::read_text(&entry.path).ok()?;
        let path = Text::from(kept(&text)?);
        let command = format!("echo -1 > {}", shell_word(&entry.path));
        let kind = HolderKind::SysfsObject { path: entry.path.into() };
        Some((path, Holder::known(kind).with_references(0).ended_by(command)))
    });
    handlers.collect()
}

/// The interpreter that is kept open (`entry_status` in `fs/binfmt_misc.c`).
fn kept(text: &str) -> Option<&str> {
    let value = |key| text.lines().find_map(|line| line.strip_prefix(key));
    value("flags: ").filter(|flags| flags.contains('F'))?;
    value("interpreter ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interpreters() {
        let text = "enabled\ninterpreter /mnt/i x\nflags: OCF\nextension .x\n";
        assert_eq!(kept(text), Some("/mnt/i x"));
        assert_eq!(kept("enabled\ninterpreter /mnt/i\nflags: OC\nextension .x\n"), None);
        assert_eq!(kept("enabled\n"), None);
    }
}
