//! apk: one file with a paragraph for each package. `P:` is its name, `F:` a directory, `R:` a file
//! in the last directory.

use super::Wanted;
use crate::system::{self, System};

pub(super) fn search(system: &System, wanted: &mut Wanted) {
    // The second since apk-tools 3.
    for place in ["lib/apk/db/installed", "usr/lib/apk/db/installed"] {
        let text = system::read_regular(&system.file(place)).unwrap_or_default();
        parse(&text, |path, package| wanted.note(path, package));
    }
}

fn parse(text: &[u8], mut note: impl FnMut(&[u8], &str)) {
    let (mut package, mut directory) = (String::new(), Vec::new());
    for line in text.split(|&byte| byte == b'\n') {
        match line {
            [] => (package, directory) = (String::new(), Vec::new()),
            [b'P', b':', name @ ..] => package = String::from_utf8_lossy(name).into_owned(),
            [b'F', b':', path @ ..] => directory = [b"/", path].concat(),
            [b'R', b':', file @ ..] if !package.is_empty() => {
                note(&[&directory, &b"/"[..], file].concat(), &package);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs() {
        let text = b"C:x\nP:one\nV:1\nF:lib\nF:lib/a\nR:b.ko\na:0:0:644\n\nP:two\nF:etc\nR:c\nR:d";
        let mut found = Vec::new();
        parse(text, |path, package| {
            found.push(format!("{package} {}", String::from_utf8_lossy(path)));
        });
        assert_eq!(found, ["one /lib/a/b.ko", "two /etc/c", "two /etc/d"]);
    }
}
