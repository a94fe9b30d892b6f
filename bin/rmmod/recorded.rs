//! Who took and dropped references during a time, in words and as data.

use std::fmt::Write;

use modutils::ModuleName;
use modutils::holders::{Change, Recording};
use serde_json::{Value, json};

use crate::common::unprintable::escaped;

fn changes<'r>(name: &ModuleName, recording: &'r Recording) -> Vec<&'r Change> {
    recording.changes.iter().filter(|change| change.module == *name).collect()
}

/// Returns the lines about one module.
pub(crate) fn text(name: &ModuleName, recording: &Recording) -> String {
    let changes = changes(name, recording);
    let taken: u64 = changes.iter().map(|change| change.taken).sum();
    let dropped: u64 = changes.iter().map(|change| change.dropped).sum();
    // Floating-point numbers would take 12 KiB.
    let tenths = (recording.time.as_millis() + 50) / 100;
    let (seconds, tenth) = (tenths / 10, tenths % 10);
    let mut text = format!(
        "{name}: within {seconds}.{tenth} s, {taken} references taken and {dropped} dropped\n"
    );
    for change in changes {
        let Change { process, call_site, taken, dropped, .. } = change;
        let line = format!(
            "{process} in {call_site}: {taken} taken, {dropped} dropped (balance {:+})",
            balance(change)
        );
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {}", escaped(line.as_bytes()));
    }
    if recording.lost > 0 {
        let _ = writeln!(text, "  not recorded: {} events that came too fast", recording.lost);
    }
    text
}

fn balance(change: &Change) -> i128 {
    i128::from(change.taken) - i128::from(change.dropped)
}

pub(crate) fn to_json(name: &ModuleName, recording: &Recording) -> Value {
    let changes = changes(name, recording).into_iter().map(|change| {
        let mut value = json!(change);
        if let Some(object) = value.as_object_mut() {
            let balance = i64::try_from(balance(change)).unwrap_or(i64::MAX);
            object.insert("balance".to_owned(), balance.into());
        }
        value
    });
    json!({
        "milliseconds": u64::try_from(recording.time.as_millis()).unwrap_or(u64::MAX),
        "lost": recording.lost,
        "changes": changes.collect::<Vec<_>>(),
    })
}
