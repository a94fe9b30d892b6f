//! Character devices of which nothing says to whom they belong: neither an alias, nor a driver,
//! nor their name.

use std::collections::HashMap;
use std::path::Path;

use super::device::Device;
use super::holder::Holder;
use super::process::Access;
use super::search::Search;
use super::stopping;

/// Processes that have such a device open, if the module has operations of something, and if their
/// number fits the remaining references: one reference for each open file, or two.
pub(super) fn of(search: &Search<'_>) -> Vec<Holder> {
    let processes = search.processes();
    let mut known: HashMap<Device, bool> = HashMap::new();
    let mut found = Vec::new();
    for file in processes.files.iter().filter(|file| file.access == Access::Open) {
        let Some(device) = file.status.and_then(|status| status.device) else { continue };
        let Some(owner) = processes.owner(file) else { continue };
        if *known.entry(device).or_insert_with(|| search.is_unowned(device)) {
            found.push((owner, file));
        }
    }
    // The files that this process was started with are its parent's.
    if found.iter().any(|(owner, _)| !owner.is_caller) {
        found.retain(|(owner, _)| !owner.is_caller);
    }
    let count = u64::try_from(found.len()).unwrap_or(u64::MAX);
    // One for the file, one for the device; and a watchdog that runs has one of its own.
    let is_watchdog = |path: &Path| {
        let name = path.file_name().unwrap_or_default();
        name.as_encoded_bytes().starts_with(b"watchdog")
    };
    let most = if found.iter().all(|(_, file)| is_watchdog(&file.path)) { 3 } else { 2 };
    let each = match search.left().checked_div(count) {
        Some(each) if (1..=most).contains(&each) && each.saturating_mul(count) == search.left() => {
            each
        }
        _ => return Vec::new(),
    };
    if !has_operations(search) {
        return Vec::new();
    }
    let mut list: Vec<Holder> = Vec::new();
    for (owner, file) in found {
        let holder = Holder::known(file.holder(owner)).with_references(each);
        match list.iter_mut().find(|known| known.kind == holder.kind) {
            Some(known) => known.references += each,
            None => list.push(stopping::with_stop(search, &file.path, owner.hold(holder))),
        }
    }
    list
}

/// Whether a symbol of the module is called like operations.
fn has_operations(search: &Search<'_>) -> bool {
    search.symbols().iter().any(|symbol| {
        let mentions = |word: &[u8]| symbol.name.windows(word.len()).any(|part| part == word);
        mentions(b"ops") || mentions(b"operations")
    })
}

/// Whether the device is a character device without a driver above it and without a class that
/// belongs to a module.
pub(super) fn has_no_driver(dir: &Path) -> bool {
    let above = dir.ancestors().take_while(|dir| !dir.ends_with("devices"));
    above.into_iter().all(|place| !place.join("driver").exists())
}
