//! Answers of the device mapper.

use crate::Target;
use crate::call::{DATA_START, TARGET_COUNT, get};

/// A header, and data from the offset that it names.
pub(crate) type Text = [u8];

/// Size of `struct dm_target_spec`, which the parameters follow.
const SPEC: usize = 40;
/// Offset of the distance to the next target, from the start of the data.
const NEXT: usize = 20;
/// Offset of the type.
const KIND: usize = 24;
/// Size of the type.
const KIND_SIZE: usize = 16;

/// Names and numbers of the devices in an answer to `DM_LIST_DEVICES`.
pub(crate) fn names(answer: &Text) -> Vec<(Vec<u8>, (u32, u32))> {
    let mut list = Vec::new();
    let mut rest = data(answer);
    // Each entry: the number in eight bytes, the distance to the next entry, the name.
    while let (Some(number), Some(next)) = (long(rest), get(rest, 8)) {
        let name = until_nul(rest.get(12..).unwrap_or_default());
        if number == 0 || name.is_empty() {
            break;
        }
        list.push((name.to_vec(), split(number)));
        match rest.get(usize::try_from(next).unwrap_or(usize::MAX)..) {
            Some(after) if next > 0 => rest = after,
            _ => break,
        }
    }
    list
}

/// The targets in an answer to `DM_TABLE_STATUS`.
pub(crate) fn targets(answer: &Text) -> Vec<Target> {
    let data = data(answer);
    let count = get(answer, TARGET_COUNT).unwrap_or(0);
    let mut list = Vec::new();
    let mut place = 0;
    for _ in 0..count {
        let Some(spec) = data.get(place..).filter(|spec| spec.len() > SPEC) else { break };
        let kind = spec.get(KIND..KIND + KIND_SIZE).unwrap_or_default();
        let text = |bytes| String::from_utf8_lossy(until_nul(bytes)).into_owned();
        let parameters = text(spec.get(SPEC..).unwrap_or_default());
        list.push(Target { kind: text(kind), parameters });
        let next = get(spec, NEXT).and_then(|next| usize::try_from(next).ok()).unwrap_or(0);
        if next <= place {
            break;
        }
        place = next;
    }
    list
}

fn data(answer: &Text) -> &[u8] {
    let start = get(answer, DATA_START).and_then(|start| usize::try_from(start).ok());
    start.and_then(|start| answer.get(start..)).unwrap_or_default()
}

fn long(bytes: &[u8]) -> Option<u64> {
    bytes.first_chunk().map(|bytes| u64::from_ne_bytes(*bytes))
}

fn until_nul(bytes: &[u8]) -> &[u8] {
    bytes.split(|&byte| byte == 0).next().unwrap_or_default()
}

/// Major and minor number, as `huge_encode_dev` puts them together.
fn split(number: u64) -> (u32, u32) {
    let number = u32::try_from(number & 0xffff_ffff).unwrap_or(0);
    ((number & 0xf_ff00) >> 8, (number & 0xff) | ((number >> 12) & 0xf_ff00))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(count: u32, data: &[u8]) -> Vec<u8> {
        let mut answer = vec![0; 24];
        answer.splice(DATA_START..DATA_START + 4, 24u32.to_ne_bytes());
        answer.splice(TARGET_COUNT..TARGET_COUNT + 4, count.to_ne_bytes());
        answer.extend(data);
        answer
    }

    fn target(kind: &str, parameters: &str, next: u32) -> Vec<u8> {
        let mut spec = vec![0; SPEC];
        spec.splice(NEXT..NEXT + 4, next.to_ne_bytes());
        spec.splice(KIND..KIND + kind.len(), kind.bytes());
        spec.extend(parameters.bytes());
        spec.resize(64, 0);
        spec
    }

    #[test]
    fn a_table() {
        let data = [target("linear", "7:0 0", 64), target("crypt", "aes 0", 128)].concat();
        let found = targets(&answer(2, &data));
        let found: Vec<_> =
            found.iter().map(|one| (one.kind.as_str(), one.parameters.as_str())).collect();
        assert_eq!(found, [("linear", "7:0 0"), ("crypt", "aes 0")]);
    }

    #[test]
    fn a_table_that_is_cut_off_or_turns_back() {
        let data = target("linear", "7:0 0", 0);
        assert_eq!(targets(&answer(9, &data)).len(), 1);
        assert_eq!(targets(&answer(9, data.get(..30).unwrap_or_default())).len(), 0);
        assert!(targets(b"").is_empty() && names(b"").is_empty());
    }

    #[test]
    fn a_list_of_devices() {
        let entry = |number: u64, next: u32, name: &str| {
            let mut entry = number.to_ne_bytes().to_vec();
            entry.extend(next.to_ne_bytes());
            entry.extend(name.bytes());
            entry.resize(24, 0);
            entry
        };
        let data = [entry(0xfd01, 24, "vg-lv"), entry(0x10_fd02, 0, "b")].concat();
        let expected = [(b"vg-lv".to_vec(), (253, 1)), (b"b".to_vec(), (253, 258))];
        assert_eq!(names(&answer(0, &data)), expected);
    }
}
