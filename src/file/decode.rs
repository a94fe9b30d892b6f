//! Decompression in user space, of everything that the formats allow.

#[cfg(any(feature = "gzip", feature = "zstd"))]
#[cfg(any(feature = "gzip", feature = "zstd"))]
use std::io::BufReader;
use std::io::{self, Read};

use super::Compression;
#[cfg(feature = "gzip")]
use super::gzip::Members;
use crate::error::{Error, ErrorKind};

/// The largest window that the format's reference decoder accepts: `ZSTD_WINDOWLOG_MAX` of zstd.h.
#[cfg(feature = "zstd")]
const WINDOW_LOG_MAX: u32 = if cfg!(target_pointer_width = "64") { 31 } else { 30 };

/// How much of a file is decoded.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extent {
    /// The first stream, member or frame.
    First,
    /// All of them.
    All,
}

/// The bytes behind a compressed stream that holds an ELF object.
///
/// It stops at the first bytes of anything else, so that a file that is not a module costs nothing
/// however much it expands to.
pub(super) fn decode(
    compression: Compression,
    input: impl Read,
    limit: u64,
) -> Result<Vec<u8>, Error> {
    collect(decoder(compression, input, Extent::All)?, limit)
}

/// Whether some bytes are in it. Nothing behind them is decompressed.
pub(super) fn holds(
    compression: Compression,
    input: impl Read,
    limit: u64,
    bytes: &[u8],
) -> Result<bool, Error> {
    let mut decoder = decoder(compression, input, Extent::All)?.take(limit);
    let mut window = Vec::new();
    loop {
        // Keep bytes that may start a member.
        let kept = window.len().min(bytes.len().saturating_sub(1));
        window.drain(..window.len() - kept);
        let read = decoder.by_ref().take(CHUNK).read_to_end(&mut window).map_err(corrupt)?;
        if window.windows(bytes.len().max(1)).any(|found| found == bytes) {
            return Ok(true);
        }
        if read == 0 {
            return Ok(false);
        }
    }
}

const CHUNK: u64 = 1 << 16;

/// The data of the first stream, member or frame of a file.
#[derive(Default)]
pub(super) struct Part {
    pub(super) bytes: Vec<u8>,
    /// It ends as it should, whatever follows.
    pub(super) ends: bool,
}

/// Reads the first stream, member or frame, as far as it can be read and while it looks like an ELF
/// object.
pub(super) fn first_part(compression: Compression, input: impl Read, limit: u64) -> Part {
    let Ok(mut decoder) = decoder(compression, input, Extent::First) else {
        return Part::default();
    };
    let mut bytes = Vec::new();
    let start = decoder.by_ref().take(ELF_MAGIC.len() as u64).read_to_end(&mut bytes);
    let ends = start.is_ok()
        && bytes == ELF_MAGIC
        && decoder.take(limit).read_to_end(&mut bytes).is_ok_and(|read| (read as u64) < limit);
    Part { bytes, ends }
}

/// The decoder of a format, if it was compiled in.
fn decoder<'a>(
    compression: Compression,
    input: impl Read + 'a,
    extent: Extent,
) -> Result<Box<dyn Read + 'a>, Error> {
    match (compression, extent) {
        #[cfg(feature = "gzip")]
        (Compression::Gzip, Extent::All) => Ok(Box::new(Members::new(BufReader::new(input)))),
        #[cfg(feature = "gzip")]
        (Compression::Gzip, Extent::First) => Ok(Box::new(flate2::read::GzDecoder::new(input))),
        #[cfg(feature = "xz")]
        (Compression::Xz, Extent::All) => {
            Ok(Box::new(xz2::read::XzDecoder::new_multi_decoder(input)))
        }
        #[cfg(feature = "xz")]
        (Compression::Xz, Extent::First) => Ok(Box::new(xz2::read::XzDecoder::new(input))),
        #[cfg(feature = "zstd")]
        (Compression::Zstd, _) => {
            let mut decoder = zstd::Decoder::with_buffer(BufReader::new(input)).map_err(corrupt)?;
            if extent == Extent::First {
                return Ok(Box::new(decoder.single_frame()));
            }
            decoder.window_log_max(WINDOW_LOG_MAX).map_err(corrupt)?;
            Ok(Box::new(decoder))
        }
        #[cfg(not(all(feature = "gzip", feature = "xz", feature = "zstd")))]
        (other, _) => {
            drop(input);
            let detail = format!("this program was built without a decoder for {}", other.as_str());
            Err(Error::new(ErrorKind::UnsupportedCompression, detail))
        }
    }
}

const ELF_MAGIC: &[u8] = b"\x7fELF";

/// The apparent format of the decompressed data, unless it is an ELF object.
fn instead(start: &[u8]) -> String {
    match Compression::sniff(start) {
        Some(again) => format!("it is compressed twice; inside is {} again", again.as_str()),
        None if start.get(257..262) == Some(b"ustar") => {
            "it is a compressed tar archive".to_owned()
        }
        None => "the decompressed data is not an ELF object".to_owned(),
    }
}

fn collect(mut decoder: impl Read, limit: u64) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    decoder.by_ref().take(ELF_MAGIC.len() as u64).read_to_end(&mut bytes).map_err(corrupt)?;
    if bytes != ELF_MAGIC {
        // Enough to recognize the format; damage after that does not matter.
        let _ = decoder.by_ref().take(508).read_to_end(&mut bytes);
        return Err(Error::new(ErrorKind::NotElf, instead(&bytes)));
    }
    let rest = limit.saturating_sub(bytes.len() as u64);
    decoder.by_ref().take(rest).read_to_end(&mut bytes).map_err(corrupt)?;
    let more = decoder.take(1).read_to_end(&mut Vec::new()).map_err(corrupt)?;
    if more > 0 {
        let detail = format!("it decompresses to more than {}", in_words(limit));
        return Err(Error::new(ErrorKind::TooLarge, detail));
    }
    Ok(bytes)
}

/// A limit, as people set it.
pub(super) fn in_words(bytes: u64) -> String {
    if bytes.is_multiple_of(1 << 20) {
        format!("{} MiB", bytes >> 20)
    } else {
        format!("{bytes} bytes")
    }
}

#[allow(clippy::needless_pass_by_value, reason = "called through map_err")]
fn corrupt(error: io::Error) -> Error {
    match error.raw_os_error() {
        Some(number) => {
            let errno = crate::errno::Errno::from_raw(number);
            Error::new(ErrorKind::Io(errno), errno.to_string())
        }
        None => Error::new(ErrorKind::CorruptCompression, error.to_string()),
    }
}

#[cfg(all(test, feature = "gzip", feature = "xz", feature = "zstd"))]
mod tests {
    use super::*;
    use std::io::Write;

    const MODULE: &[u8] = b"\x7fELF and then some text that is long enough to be compressed";

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn xz(bytes: &[u8], check: xz2::stream::Check) -> Vec<u8> {
        let stream = xz2::stream::Stream::new_easy_encoder(0, check).unwrap();
        let mut encoder = xz2::write::XzEncoder::new_stream(Vec::new(), stream);
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(bytes: &[u8]) -> Vec<u8> {
        zstd::encode_all(bytes, 1).unwrap()
    }

    const LIMIT: u64 = 1 << 20;

    #[test]
    fn round_trips() {
        assert_eq!(decode(Compression::Gzip, &*gzip(MODULE), LIMIT).unwrap(), MODULE);
        assert_eq!(decode(Compression::Zstd, &*zstd(MODULE), LIMIT).unwrap(), MODULE);
        for check in [
            xz2::stream::Check::None,
            xz2::stream::Check::Crc32,
            xz2::stream::Check::Crc64,
            xz2::stream::Check::Sha256,
        ] {
            assert_eq!(decode(Compression::Xz, &*xz(MODULE, check), LIMIT).unwrap(), MODULE);
        }
    }

    #[test]
    fn several_members_are_one_module() {
        let (head, tail) = MODULE.split_at(20);
        let parts = [gzip(head), gzip(tail)].concat();
        assert_eq!(decode(Compression::Gzip, &*parts, LIMIT).unwrap(), MODULE);
        assert_eq!(first_part(Compression::Gzip, &*parts, LIMIT).bytes, head);
        let crc32 = xz2::stream::Check::Crc32;
        let parts = [xz(head, crc32), xz(tail, crc32)].concat();
        assert_eq!(decode(Compression::Xz, &*parts, LIMIT).unwrap(), MODULE);
        assert_eq!(first_part(Compression::Xz, &*parts, LIMIT).bytes, head);
        let parts = [zstd(head), zstd(tail)].concat();
        assert_eq!(decode(Compression::Zstd, &*parts, LIMIT).unwrap(), MODULE);
        assert_eq!(first_part(Compression::Zstd, &*parts, LIMIT).bytes, head);
    }

    /// Tapes and partitions pad with zeros, and gzip(1) minds nothing else either.
    #[test]
    fn what_follows_the_last_member_is_ignored() {
        for garbage in [&b"\0"[..], &[0; 10_000], b"text", b"\x1f"] {
            for members in [vec![MODULE], MODULE.chunks(7).collect()] {
                let mut file: Vec<u8> = members.into_iter().flat_map(gzip).collect();
                file.extend_from_slice(garbage);
                // However the bytes arrive.
                let slow = BufReader::with_capacity(1, &*file);
                assert_eq!(decode(Compression::Gzip, slow, LIMIT).unwrap(), MODULE);
                let mut decoded = Vec::new();
                let one_by_one = BufReader::with_capacity(1, &*file);
                Members::new(one_by_one).read_to_end(&mut decoded).unwrap();
                assert_eq!(decoded, MODULE);
            }
        }
        let damaged = [gzip(MODULE), b"\x1f\x8b\x08 and no more".to_vec()].concat();
        let error = decode(Compression::Gzip, &*damaged, LIMIT).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::CorruptCompression);
    }

    #[test]
    fn bytes_are_found_across_chunks() {
        let chunk = usize::try_from(CHUNK).unwrap();
        let long = [MODULE, &vec![b'x'; chunk - MODULE.len() - 3], b"needle", b"rest"].concat();
        for (compression, stream) in [
            (Compression::Gzip, gzip(&long)),
            (Compression::Xz, xz(&long, xz2::stream::Check::Crc32)),
            (Compression::Zstd, zstd(&long)),
        ] {
            let holds = |bytes: &[u8]| holds(compression, &*stream, LIMIT, bytes).unwrap();
            assert!(holds(b"needle") && holds(b"rest") && holds(b"\x7fELF"));
            assert!(!holds(b"needles"));
        }
    }

    #[test]
    fn damage_is_called_damage() {
        for (compression, stream) in [
            (Compression::Gzip, gzip(MODULE)),
            (Compression::Xz, xz(MODULE, xz2::stream::Check::Crc64)),
            (Compression::Zstd, zstd(MODULE)),
        ] {
            for end in 0..stream.len() {
                let error = decode(compression, &stream[..end], LIMIT).unwrap_err();
                assert!(
                    matches!(error.kind(), ErrorKind::CorruptCompression | ErrorKind::NotElf),
                    "{compression:?} cut at {end}: {error:?}"
                );
            }
        }
    }

    #[test]
    fn a_part_that_ends_differs_from_one_that_does_not() {
        for (compression, stream) in [
            (Compression::Gzip, gzip(MODULE)),
            (Compression::Xz, xz(MODULE, xz2::stream::Check::Crc64)),
            (Compression::Zstd, zstd(MODULE)),
        ] {
            for behind in [&b""[..], b"junk", &stream[..9]] {
                let part = first_part(compression, &*[&stream, behind].concat(), LIMIT);
                assert!(part.ends && part.bytes == MODULE, "{compression:?} {behind:?}");
            }
            for end in 0..stream.len() {
                let part = first_part(compression, &stream[..end], LIMIT);
                assert!(!part.ends, "{compression:?} cut at {end}");
            }
            let length = MODULE.len() as u64;
            assert!(!first_part(compression, &*stream, length - 4).ends, "{compression:?}");
        }
    }

    #[test]
    fn a_bomb_stops_at_the_limit_or_at_once() {
        let mut bomb = MODULE.to_vec();
        bomb.resize(2 << 20, 0);
        let error = decode(Compression::Gzip, &*gzip(&bomb), LIMIT).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooLarge);
        let zeros = zstd(&vec![0; 2 << 20]);
        let error = decode(Compression::Zstd, &*zeros, LIMIT).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotElf);
        assert_eq!(first_part(Compression::Zstd, &*zeros, LIMIT).bytes, [0; 4]);
        // The limit itself is still allowed.
        bomb.truncate(1 << 20);
        assert!(decode(Compression::Xz, &*xz(&bomb, xz2::stream::Check::Crc32), LIMIT).is_ok());
    }
}
