//! rpm: the headers of the installed packages, in `SQLite`, in rpm's own format, `ndb`, or on systems
//! older than 2020 in Berkeley DB.

mod berkeley;
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
            search_blobs(ndb::blobs, &directory.join("Packages.db"), wanted);
            search_blobs(berkeley::blobs, &directory.join("Packages"), wanted);
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

/// Calls a function with each header in a file until that returns false. `None` for a file of another
/// format.
type Blobs = fn(&Path, &mut dyn FnMut(&[u8]) -> bool) -> Option<()>;

/// Reads all headers of a file until each path is found.
fn search_blobs(blobs: Blobs, path: &Path, wanted: &mut Wanted) {
    if !wanted.is_complete() {
        blobs(path, &mut |blob| {
            note(blob, wanted);
            !wanted.is_complete()
        });
    }
}

fn note(blob: &[u8], wanted: &mut Wanted) {
    let Some(header) = Header::parse(blob) else { return };
    let package = header.package();
    header.files(|path| wanted.note(path, &package));
}

/// All that a file with these bytes gives.
#[cfg(test)]
fn all_blobs(blobs: Blobs, bytes: &[u8]) -> Vec<Vec<u8>> {
    let root = crate::captured::Captured::new();
    let path = root.write("Packages", bytes);
    let mut found = Vec::new();
    blobs(&path, &mut |blob| {
        found.push(blob.to_vec());
        true
    });
    found
}
