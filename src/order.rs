//! Sorts of short lists, in little code.
//!
//! The standard library's sort takes about 5 KiB for each type of element, and there are many: a
//! fifteenth of `rmmod`. Here it sorts positions, so there is one.

use std::cmp::Ordering;

/// Sorts as [`slice::sort`] does: equal elements stay as they are.
pub(crate) fn sort<T: Ord>(list: &mut [T]) {
    sort_by(list, T::cmp);
}

/// Sorts as [`slice::sort_by_key`] does.
pub(crate) fn sort_by_key<T, K: Ord>(list: &mut [T], key: impl Fn(&T) -> K) {
    sort_by(list, |one, other| key(one).cmp(&key(other)));
}

/// Sorts as [`slice::sort_by`] does.
pub(crate) fn sort_by<T>(list: &mut [T], compare: impl Fn(&T, &T) -> Ordering) {
    let order = positions(list.len(), &|one, other| {
        list.get(one)
            .zip(list.get(other))
            .map_or(Ordering::Equal, |(one, other)| compare(one, other))
    });
    for place in 0..list.len() {
        list.swap(place, now_at(&order, place));
    }
}

/// Which element goes to each place.
fn positions(length: usize, compare: &dyn Fn(usize, usize) -> Ordering) -> Vec<usize> {
    let mut order: Vec<usize> = (0..length).collect();
    order.sort_by(|&one, &other| compare(one, other));
    order
}

/// Where the element that goes to a place is once all places before it have theirs: it was swapped
/// on from each of these that it was in.
fn now_at(order: &[usize], place: usize) -> usize {
    let mut at = place;
    loop {
        match order.get(at) {
            Some(&next) => at = next,
            None => return place,
        }
        if at >= place {
            return at;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn like_the_standard_library() {
        let mut number = 1u32;
        for length in (0..40).chain([1000]) {
            let mut list: Vec<(u32, usize)> = (0..length)
                .map(|index| {
                    number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (number >> 28, index)
                })
                .collect();
            let mut expected = list.clone();
            expected.sort_by_key(|(key, _)| *key);
            sort_by_key(&mut list, |(key, _)| *key);
            assert_eq!(list, expected);
            list.reverse();
            sort(&mut list);
            expected.sort_unstable();
            assert_eq!(list, expected);
        }
    }
}
