//! pacman: `/var/lib/pacman/local/NAME-VERSION-RELEASE/files` has the paths below `%FILES%`,
//! without the leading slash.

use std::path::PathBuf;

use super::Wanted;
use crate::directory;
use crate::order;
use crate::system::{self, System};

pub(super) fn search(system: &System, wanted: &mut Wanted) {
    let entries = directory::entries(&system.file("var/lib/pacman/local"));
    let entries = entries.into_iter().flatten().flatten();
    let named = entries.filter_map(|entry| {
        let name = entry.name.into_string().ok()?;
        Some((package_of(&name)?.to_owned(), entry.path.join("files")))
    });
    let mut lists: Vec<(String, PathBuf)> = named.collect();
    order::sort_by_key(&mut lists, |(package, _)| !package.starts_with("linux"));
    for (package, list) in lists {
        if wanted.is_complete() {
            break;
        }
        let text = system::read_regular(&list).unwrap_or_default();
        for path in files(&text) {
            wanted.note(&[b"/", path].concat(), &package);
        }
    }
}

/// The name in `NAME-VERSION-RELEASE`.
fn package_of(directory: &str) -> Option<&str> {
    let (rest, _release) = directory.rsplit_once('-')?;
    let (name, _version) = rest.rsplit_once('-')?;
    Some(name)
}

/// The lines below `%FILES%`, up to an empty one.
fn files(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let lines = text.split(|&byte| byte == b'\n');
    lines.skip_while(|line| *line != b"%FILES%").skip(1).take_while(|line| !line.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_files() {
        assert_eq!(package_of("linux-lts-6.6.1.arch1-1"), Some("linux-lts"));
        assert_eq!(package_of("ALPM_DB_VERSION"), None);
        let text = b"%FILES%\nusr/\nusr/lib/a.ko\n\n%BACKUP%\netc/b\n";
        assert_eq!(files(text).collect::<Vec<_>>(), [&b"usr/"[..], b"usr/lib/a.ko"]);
        assert_eq!(files(b"").count(), 0);
    }
}
