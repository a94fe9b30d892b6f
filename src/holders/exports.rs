//! Directories that the NFS server of the kernel exports.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use super::holder::{Certainty, Holder, HolderKind};
use super::mountinfo::unescaped;
use super::mounts::is_below;
use super::search::Search;
use super::text::Text;
use crate::system;

/// Directories that the server has exported, and keeps, below one of the places.
pub(super) fn below(search: &Search<'_>, places: &[&OsStr]) -> Vec<Holder> {
    let table = system::read(&search.system.exports()).unwrap_or_default();
    let own = rows(&table).filter(|(path, _)| is_below(path, places));
    let holders = own.map(|(path, client)| {
        let (path, client) = (Text::from(path), Text::from(client));
        let place =
            Text::from(format!("{}:{}", client.as_os_str().display(), path.as_os_str().display()));
        let command = format!("exportfs -u {}; exportfs -f", place.word());
        Holder::new(HolderKind::Export { path, client }, Certainty::Known).ended_by(command)
    });
    holders.collect()
}

/// Rows of path, tabulator, client and options in parentheses (`svc_export_show` in
/// `fs/nfsd/export.c`). Comments are entries that the server refused or that expired.
fn rows(table: &[u8]) -> impl Iterator<Item = (OsString, OsString)> {
    table.split(|&byte| byte == b'\n').filter_map(|row| {
        let mut fields = row.splitn(2, |&byte| byte == b'\t');
        let path = fields.next().filter(|path| path.starts_with(b"/"))?;
        let client = fields.next()?.split(|&byte| byte == b'(').next()?;
        Some((unescaped(path), OsStr::from_bytes(client).to_owned()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exported_directories() {
        let table = b"#path domain(flags)\n\
            /srv/a\\040b\t*(rw,no_root_squash,sync)\n\
            # /old\t10.0.0.1(rw)\n\
            /srv/c\t10.0.0.0/24(ro)\n\
            /damaged\n";
        let found: Vec<_> = rows(table).collect();
        let expected = [("/srv/a b", "*"), ("/srv/c", "10.0.0.0/24")];
        assert_eq!(found, expected.map(|(path, client)| (path.into(), client.into())));
    }
}
