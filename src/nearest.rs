//! The known names that are nearest to a misspelled one.

use crate::order;

/// The most similar name, unless all of them are other words.
pub(crate) fn nearest<'a>(name: &[u8], names: impl Iterator<Item = &'a [u8]>) -> Option<&'a [u8]> {
    all_nearest(name, names).into_iter().next()
}

/// All the most similar names, sorted: several may be alike.
pub(crate) fn all_nearest<'a>(name: &[u8], names: impl Iterator<Item = &'a [u8]>) -> Vec<&'a [u8]> {
    // Beyond a third of the letters it is another word.
    let mut limit = (name.len() / 3).max(1);
    let mut found: Vec<&[u8]> = Vec::new();
    for other in names.filter(|other| *other != name) {
        if other.len().abs_diff(name.len()) > limit {
            continue;
        }
        let distance = distance(name, other);
        if distance < limit {
            found.clear();
            limit = distance;
        }
        if distance <= limit {
            found.push(other);
        }
    }
    order::sort(&mut found);
    found.dedup();
    found
}

/// How many letters to insert, drop, replace, or swap with the next, at least. Upper and lower
/// case are alike, and so are `-` and `_`.
fn distance(one: &[u8], other: &[u8]) -> usize {
    let long = usize::MAX / 2;
    if one.len().max(other.len()) > 64 {
        return long;
    }
    let fold = |byte: u8| if byte == b'-' { b'_' } else { byte.to_ascii_lowercase() };
    let mut before: Vec<usize> = Vec::with_capacity(other.len() + 1);
    let mut last: Vec<usize> = (0..=other.len()).collect();
    let mut next: Vec<usize> = Vec::with_capacity(other.len() + 1);
    for (row, &a) in one.iter().enumerate() {
        next.clear();
        next.push(row + 1);
        for (column, &b) in other.iter().enumerate() {
            let at = |line: &[usize], index: usize| line.get(index).copied().unwrap_or(long);
            let mut best = at(&last, column) + usize::from(fold(a) != fold(b));
            best = best.min(at(&last, column + 1) + 1).min(at(&next, column) + 1);
            let swapped = row > 0
                && column > 0
                && one.get(row - 1) == Some(&b)
                && other.get(column - 1) == Some(&a);
            if swapped {
                best = best.min(at(&before, column - 1) + 1);
            }
            next.push(best);
        }
        // The row before the last is not needed any more.
        std::mem::swap(&mut before, &mut last);
        std::mem::swap(&mut last, &mut next);
    }
    last.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_may_be_meant() {
        let names = ["algif_aead", "algif_hash", "af_alg", "nfs", "nfsd", "xfs"];
        for (name, expected) in [
            ("algif_aaed", vec!["algif_aead"]),
            ("ALGIF-HASH", vec!["algif_hash"]),
            ("nfx", vec!["nfs"]),
            ("nfss", vec!["nfs", "nfsd"]),
            ("bluetooth", vec![]),
            ("", vec![]),
        ] {
            let found = all_nearest(name.as_bytes(), names.iter().map(|name| name.as_bytes()));
            let expected: Vec<_> = expected.iter().map(|name: &&str| name.as_bytes()).collect();
            assert_eq!(found, expected, "{name}");
        }
    }
}
