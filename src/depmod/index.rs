//! The binary indexes of depmod(8): `modules.dep.bin`, `modules.alias.bin` and their like.
//!
//! A trie of keys with values, from `libkmod/libkmod-index.c` of kmod 34. All numbers are
//! big-endian. A node is found by an offset, whose upper bits tell what the node has: a piece of
//! the key, children by the key's next byte, values.

/// `0xB007F457` and version 2.1.
const MAGIC: &[u8] = &[0xb0, 0x07, 0xf4, 0x57, 0x00, 0x02, 0x00, 0x01];

const HAS_PREFIX: u32 = 0x8000_0000;
const HAS_VALUES: u32 = 0x4000_0000;
const HAS_CHILDREN: u32 = 0x2000_0000;
const OFFSET: u32 = 0x0fff_ffff;

/// The longest key: device aliases stay below a kibibyte.
const KEY_MAX: usize = 4096;

/// A key and one of its values.
pub(super) type Entry = (Vec<u8>, Vec<u8>);

/// All entries, in the order of their keys. What a damaged index leads to nowhere is left out; an
/// index whose nodes lead in circles has an end, too.
pub(super) fn entries(index: &[u8]) -> Vec<Entry> {
    let mut entries = Vec::new();
    let Some(body) = index.strip_prefix(MAGIC) else { return entries };
    let Some((&root, _)) = body.split_first_chunk::<4>() else { return entries };
    // No index has more nodes than words.
    let mut nodes_left = index.len() / 4;
    // Keys of entries that lie far apart may be long in a damaged index: they add up to no more
    // than a multiple of its size.
    let mut bytes_left = index.len().saturating_mul(16);
    let mut waiting = vec![(u32::from_be_bytes(root), Vec::new())];
    while let Some((node, mut key)) = waiting.pop() {
        if nodes_left == 0 {
            break;
        }
        nodes_left -= 1;
        let mut at = Cursor { index, at: (node & OFFSET) as usize };
        if node & HAS_PREFIX != 0 {
            let Some(prefix) = at.text() else { continue };
            key.extend_from_slice(prefix);
        }
        if key.len() > KEY_MAX {
            continue;
        }
        let children = if node & HAS_CHILDREN != 0 { at.children() } else { Some(Vec::new()) };
        let Some(children) = children else { continue };
        if node & HAS_VALUES != 0 {
            for value in at.values() {
                let Some(left) = bytes_left.checked_sub(key.len() + value.len() + 1) else {
                    return entries;
                };
                bytes_left = left;
                entries.push((key.clone(), value.to_vec()));
            }
        }
        for (byte, child) in children.into_iter().rev() {
            waiting.push((child, [key.as_slice(), &[byte]].concat()));
        }
    }
    entries
}

struct Cursor<'a> {
    index: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let taken = self.index.get(self.at..self.at.checked_add(count)?)?;
        self.at += count;
        Some(taken)
    }

    fn number(&mut self) -> Option<u32> {
        Some(u32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }

    /// Up to a NUL.
    fn text(&mut self) -> Option<&'a [u8]> {
        let rest = self.index.get(self.at..)?;
        let end = rest.iter().position(|&byte| byte == 0)?;
        self.at += end + 1;
        rest.get(..end)
    }

    /// The nodes by the first and the last byte that has one, and those between; no node, no
    /// offset.
    fn children(&mut self) -> Option<Vec<(u8, u32)>> {
        let &[first, last] = self.take(2)? else { return None };
        let mut children = Vec::new();
        for byte in first..=last {
            let child = self.number()?;
            if child & OFFSET != 0 {
                children.push((byte, child));
            }
        }
        Some(children)
    }

    /// Each has a priority before it, which is the line's number in the file that depmod read.
    fn values(&mut self) -> Vec<&'a [u8]> {
        let count = self.number().unwrap_or_default();
        let mut value = || {
            self.number()?;
            self.text()
        };
        (0..count).map_while(|_| value()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `ab` has the values `x` and `y`, `abc` has `z`.
    fn index() -> Vec<u8> {
        let mut index = MAGIC.to_vec();
        index.extend((HAS_PREFIX | HAS_VALUES | HAS_CHILDREN | 0x0c).to_be_bytes());
        // At 12: the piece, one child, two values; at 36: the child.
        index.extend(b"ab\0cc");
        index.extend((HAS_VALUES | 0x21).to_be_bytes());
        index.extend([0, 0, 0, 2, 0, 0, 0, 1, b'x', 0, 0, 0]);
        assert_eq!(index.len(), 33);
        index
    }

    #[test]
    fn keys_are_put_together_from_pieces() {
        let mut index = MAGIC.to_vec();
        index.extend((HAS_PREFIX | HAS_VALUES | HAS_CHILDREN | 0x0c).to_be_bytes());
        index.extend(b"ab\0cc");
        index.extend((HAS_VALUES | 0x25).to_be_bytes());
        index.extend([0, 0, 0, 2, 0, 0, 0, 1, b'x', 0, 0, 0, 0, 2, b'y', 0]);
        assert_eq!(index.len(), 37);
        index.extend([0, 0, 0, 1, 0, 0, 0, 3, b'z', 0]);
        let found = entries(&index);
        let expected = [("ab", "x"), ("ab", "y"), ("abc", "z")];
        let expected = expected.map(|(key, value)| (key.into(), value.into()));
        assert_eq!(found, expected);
    }

    #[test]
    fn circles_and_cut_off_indexes_end() {
        // The child is the root again.
        let mut index = index();
        let root: [u8; 4] = index[8..12].try_into().unwrap();
        index[17..21].copy_from_slice(&root);
        assert!(entries(&index).len() < index.len());
        for end in 0..index.len() {
            entries(&index[..end]);
        }
        assert!(entries(b"").is_empty());
        assert!(entries(b"alias a b\n").is_empty());
    }
}
