//! A text that is written once, in less time than a vector and the C library take.

/// Lines in a buffer that is blank from the start: a gap in a line is a step. Short pieces are
/// copied in blocks of known sizes.
pub(crate) struct LineBuffer {
    bytes: Vec<u8>,
    end: usize,
}

impl LineBuffer {
    /// An empty text, with room for about as many bytes.
    pub(crate) fn new(length: usize) -> Self {
        Self { bytes: vec![b' '; length], end: 0 }
    }

    /// Appends a piece.
    #[inline]
    pub(crate) fn put(&mut self, piece: &[u8]) {
        let end = self.end + piece.len();
        if end > self.bytes.len() {
            self.grow(end);
        }
        if let Some(place) = self.bytes.get_mut(self.end..end) {
            copy(place, piece);
        }
        self.end = end;
    }

    /// Appends blanks.
    #[inline]
    pub(crate) fn blanks(&mut self, count: usize) {
        self.end += count;
    }

    #[cold]
    fn grow(&mut self, end: usize) {
        self.bytes.resize(end * 2, b' ');
    }

    pub(crate) fn into_bytes(mut self) -> Vec<u8> {
        self.bytes.resize(self.end, b' ');
        self.bytes
    }
}

/// Copies between slices of one length. A loop would become a call of the C library.
#[inline]
fn copy(to: &mut [u8], from: &[u8]) {
    match from.len() {
        0 => {}
        1 => copy_ends::<1>(to, from),
        2..4 => copy_ends::<2>(to, from),
        4..8 => copy_ends::<4>(to, from),
        8..16 => copy_ends::<8>(to, from),
        16..32 => copy_ends::<16>(to, from),
        _ => to.copy_from_slice(from),
    }
}

/// Copies the first bytes and the last ones, which may be some of the first.
#[inline]
fn copy_ends<const N: usize>(to: &mut [u8], from: &[u8]) {
    if let (Some(to), Some(from)) = (to.first_chunk_mut::<N>(), from.first_chunk()) {
        *to = *from;
    }
    if let (Some(to), Some(from)) = (to.last_chunk_mut::<N>(), from.last_chunk()) {
        *to = *from;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_each_length() {
        let piece: Vec<u8> = (b'!'..=b'~').collect();
        for room in [0, 1, 40, 9000] {
            let mut text = LineBuffer::new(room);
            let mut expected = Vec::new();
            for length in 0..=piece.len() {
                text.put(piece.get(..length).unwrap());
                text.blanks(length % 7);
                expected.extend_from_slice(piece.get(..length).unwrap());
                expected.extend(std::iter::repeat_n(b' ', length % 7));
            }
            assert_eq!(text.into_bytes(), expected, "{room}");
        }
    }
}
