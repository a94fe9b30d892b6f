//! rpm: the headers of the installed packages, in `SQLite` or in rpm's own format, `ndb`. Older
//! systems have Berkeley DB, which is not read.

mod header;
mod ndb;
mod sqlite;

use std::collections::HashSet;
use std::path::Path;

use header::Header;
use sqlite::{Database, Value};

use super::Wanted;
use crate::system::System;

/// `%_dbpath` of distributions; the last one is rpm-ostree's.
const PLACES: &[&str] = &["var/lib/rpm", "usr/lib/sysimage/rpm", "usr/share/rpm"];

pub(super) fn search(system: &System, wanted: &mut Wanted) {
    for place in PLACES {
        if wanted.is_complete() {
            return;
        }
        let directory = system.file(place);
        if let Some(database) = Database::open(&directory.join("rpmdb.sqlite")) {
            search_sqlite(&database, wanted);
        } else {
            search_ndb(&directory.join("Packages.db"), wanted);
        }
    }
}

/// By the index of file names, which has tens of thousands.
fn search_sqlite(database: &Database, wanted: &mut Wanted) -> Option<()> {
    let packages = database.root("Packages")?;
    let names = database.root("Basenames")?;
    let index = database.root("Basenames_key_idx")?;
    let mut seen = HashSet::new();
    for path in wanted.open_paths() {
        // Each package that is read may have found several.
        if wanted.package_of(&path).is_some() {
            continue;
        }
        let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
        for row in database.rows_of(index, name) {
            // Its columns: name, number of the package, number of the file in it.
            let row = database.row(names, row).unwrap_or_default();
            let Some(Value::Number(number)) = row.get(1) else { continue };
            if !seen.insert(*number) {
                continue;
            }
            let row = database.row(packages, *number).unwrap_or_default();
            if let Some(Value::Bytes(blob)) = row.get(1) {
                note(blob, wanted);
            }
        }
    }
    Some(())
}

fn search_ndb(path: &Path, wanted: &mut Wanted) {
    ndb::blobs(path, |blob| {
        note(blob, wanted);
        !wanted.is_complete()
    });
}

fn note(blob: &[u8], wanted: &mut Wanted) {
    let Some(header) = Header::parse(blob) else { return };
    let package = header.package();
    header.files(|path| wanted.note(path, &package));
}
