//! Which faults are tried, and in which order.

use std::collections::HashMap;

use crate::guest::{Call, Fault};

/// The faults and their places: on the first call of each sort the most plausible error, and one
/// byte only; if thorough, also on the second and the last such call, and with all other errors.
pub(super) fn faults(calls: &[Call], thorough: bool) -> Vec<(usize, Fault)> {
    let mut sorts: HashMap<_, Vec<usize>> = HashMap::new();
    for (index, call) in calls.iter().enumerate() {
        sorts.entry(sort(call)).or_default().push(index);
    }
    let mut ranked = Vec::new();
    for places in sorts.values() {
        let chosen = match places[..] {
            [first, second, .., last] if thorough => vec![first, second, last],
            [first, ..] if !thorough => vec![first],
            _ => places.clone(),
        };
        for (place, &index) in chosen.iter().enumerate() {
            let partial = calls[index].can_be_partial().then_some(Fault::Partial);
            let errors = calls[index].kind.errors.iter().map(|&errno| Fault::Error(errno));
            let errors = errors.take(if thorough { usize::MAX } else { 1 });
            let all = errors.enumerate().chain(partial.map(|fault| (0, fault)));
            ranked.extend(all.map(|(rank, fault)| (rank + place, index, fault)));
        }
    }
    ranked.sort_by_key(|&(rank, index, _)| (rank, index));
    ranked.into_iter().map(|(_, index, fault)| (index, fault)).collect()
}

/// Calls that are alike, whatever process or device they are about.
fn sort(call: &Call) -> (&'static str, String, u64) {
    let path = call.path.as_deref().or(call.file.as_deref()).unwrap_or_default();
    let path = path.chars().filter(|character| !character.is_ascii_digit()).collect();
    // Of descriptors, the standard ones are special.
    (call.kind.name, path, call.first.min(3))
}
