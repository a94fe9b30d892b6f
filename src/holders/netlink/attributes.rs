//! Attributes of netlink messages: type, length, value.

use netlink_packet_core::NlasIterator;

/// Iterates over attributes, as type and value; damaged ones end it.
pub(in crate::holders) struct Attributes<'a>(NlasIterator<&'a [u8]>);

impl<'a> Attributes<'a> {
    pub(in crate::holders) fn new(bytes: &'a [u8]) -> Self {
        Self(NlasIterator::new(bytes))
    }

    /// Those after a header of `length` bytes.
    pub(in crate::holders) fn after(length: usize, payload: &'a [u8]) -> Self {
        Self::new(payload.get(length..).unwrap_or_default())
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let attribute = self.0.next()?.ok()?;
        let (kind, length) = (attribute.kind(), usize::from(attribute.length()));
        Some((kind, attribute.into_inner().get(4..length)?))
    }
}

/// The value of the first attribute of a type.
pub(in crate::holders) fn attribute(bytes: &[u8], kind: u16) -> Option<&[u8]> {
    Attributes::new(bytes).find(|(found, _)| *found == kind).map(|(_, value)| value)
}

/// A text, without the NUL at its end.
pub(in crate::holders) fn text(value: &[u8]) -> &[u8] {
    value.split(|&byte| byte == 0).next().unwrap_or_default()
}

/// A number of 32 bits at an offset, in the order of the machine.
pub(in crate::holders) fn number(bytes: &[u8], offset: usize) -> Option<u32> {
    bytes.get(offset..)?.first_chunk().map(|&bytes| u32::from_ne_bytes(bytes))
}

/// A number of 32 bits in the order of the network.
pub(in crate::holders) fn big_endian_u32(bytes: &[u8]) -> Option<u32> {
    bytes.first_chunk().map(|&bytes| u32::from_be_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_and_damage() {
        let header = |length: u16, kind: u16| [length.to_ne_bytes(), kind.to_ne_bytes()].concat();
        let mut bytes = header(6, 0x8001);
        bytes.extend(b"ab\0\0");
        bytes.extend(header(8, 2));
        bytes.extend([1, 2, 3, 4]);
        let all: Vec<_> = Attributes::new(&bytes).collect();
        assert_eq!(all, [(1, &b"ab"[..]), (2, &[1, 2, 3, 4])]);
        assert_eq!(attribute(&bytes, 2), Some(&[1, 2, 3, 4][..]));
        assert_eq!(attribute(&bytes, 3), None);
        for length in [0, 3, 7, 12, 15] {
            assert!(Attributes::new(&bytes[..length]).count() <= 1);
        }
        for length in [0, 3, u16::MAX] {
            assert_eq!(Attributes::new(&header(length, 1)).count(), 0);
        }
        assert_eq!(Attributes::after(9, &bytes[..4]).count(), 0);
    }

    #[test]
    fn texts_and_numbers() {
        assert_eq!(text(b"lo\0x"), b"lo");
        assert_eq!(text(b"lo"), b"lo");
        assert_eq!(text(b""), b"");
        assert_eq!(big_endian_u32(&[0, 0, 1, 2]), Some(258));
        assert_eq!(big_endian_u32(&[0, 0, 1]), None);
        assert_eq!(number(&7u32.to_ne_bytes(), 0), Some(7));
        assert_eq!(number(&[1], 4), None);
    }
}
