//! gzip as gzip(1) and the kernel read it: whatever follows the last member is ignored.

use std::io::{self, BufRead, Chain, Cursor, Read};

use flate2::bufread::GzDecoder;

const MAGIC: &[u8] = b"\x1f\x8b";

/// The members of a file, one after another.
pub(super) struct Members<R> {
    /// The current member, after the bytes that were read to recognize it.
    member: Option<GzDecoder<Chain<Cursor<Vec<u8>>, R>>>,
}

impl<R: BufRead> Members<R> {
    pub(super) fn new(input: R) -> Self {
        Self { member: Some(GzDecoder::new(Cursor::new(Vec::new()).chain(input))) }
    }

    fn next(&mut self) -> io::Result<()> {
        let Some(member) = self.member.take() else { return Ok(()) };
        let mut rest = member.into_inner();
        let mut start = Vec::new();
        rest.by_ref().take(MAGIC.len() as u64).read_to_end(&mut start)?;
        if start == MAGIC {
            let (mut before, input) = rest.into_inner();
            before.read_to_end(&mut start)?;
            self.member = Some(GzDecoder::new(Cursor::new(start).chain(input)));
        }
        Ok(())
    }
}

impl<R: BufRead> Read for Members<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.member {
            let count = member.read(buffer)?;
            if count > 0 || buffer.is_empty() {
                return Ok(count);
            }
            self.next()?;
        }
        Ok(0)
    }
}
