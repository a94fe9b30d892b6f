//! Algorithms in use.

use super::search::Search;
use super::{Holder, HolderKind};
use crate::system;

pub(super) fn of(search: &Search<'_>) -> Vec<Holder> {
    let text = system::read(&search.system.crypto()).unwrap_or_default();
    parse(&text, search.name())
}

/// Paragraphs of lines `key : value`. Each user of an algorithm holds its module once, and the
/// registration counts as a user that does not (`crypto_mod_get` in `crypto/api.c`).
fn parse(text: &[u8], module: &[u8]) -> Vec<Holder> {
    let mut list = Vec::new();
    let (mut driver, mut own) = (Vec::new(), false);
    for line in text.split(|&byte| byte == b'\n') {
        let Some(colon) = line.iter().position(|&byte| byte == b':') else { continue };
        let (key, value) = line.split_at_checked(colon).unwrap_or((line, b""));
        let value = value.get(1..).unwrap_or_default().trim_ascii();
        match key.trim_ascii() {
            b"driver" => driver = value.to_vec(),
            b"module" => own = value == module,
            b"refcnt" if own => {
                let users = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
                let references = users.unwrap_or(0u64).saturating_sub(1);
                if references > 0 {
                    let name = std::mem::take(&mut driver).into();
                    let kind = HolderKind::Crypto { name };
                    list.push(Holder::known(kind).with_references(references));
                }
            }
            _ => {}
        }
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_beside_the_registration() {
        let text = b"\
name         : md4
driver       : md4-generic
module       : md4
priority     : 0
refcnt       : 3

name         : md4x
driver       : md4x-generic
module       : md4
refcnt       : 1

name         : sha1
driver       : sha1-generic
module       : kernel
refcnt       : 9
";
        let list = parse(text, b"md4");
        assert_eq!(list.len(), 1);
        assert_eq!(list[0].kind, HolderKind::Crypto { name: "md4-generic".into() });
        assert_eq!(list[0].references, 2);
    }
}
