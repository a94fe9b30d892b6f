//! Character devices of which nothing says to whom they belong: neither an alias, nor a driver,
//! nor their name.

use std::collections::HashMap;
use std::path::Path;

use super::constants::Constants;
use super::device::Device;
use super::holder::{Certainty, Holder};
use super::process::Access;
use super::search::Search;
use super::seen::OpenFile;
use super::stopping;

/// Processes that have such a device open, if the module has operations of something, and if their
/// number fits the remaining references: one reference for each open file, or two.
pub(super) fn of(search: &Search<'_>) -> Vec<Holder> {
    let processes = search.processes();
    // As for other devices: each kind of table is code.
    let mut known: HashMap<Device, Option<Certainty>> = HashMap::new();
    let mut found = Vec::new();
    for file in processes.files.iter().filter(|file| file.access == Access::Open) {
        let Some(device) = file.status.and_then(|status| status.device) else { continue };
        let Some(owner) = processes.owner(file) else { continue };
        let find = || search.is_unowned(device).then_some(Certainty::Likely);
        if known.entry(device).or_insert_with(find).is_some() {
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
    if !has_operations(search) && !registers(search, found.iter().map(|(_, file)| *file)) {
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

/// Whether the name that a device's number is registered under is among the module's constants.
fn registers<'f>(search: &Search<'_>, mut files: impl Iterator<Item = &'f OpenFile>) -> bool {
    let Some(memory) = Constants::open(search.system) else { return false };
    let texts = memory.texts(search.module, ".rodata");
    let of = |file: &OpenFile| search.registered(file.status?.device?);
    files.any(|file| of(file).is_some_and(|name| texts.contains(name)))
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
