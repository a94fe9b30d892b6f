//! The signature behind a module, and who made it.
//!
//! `struct module_signature` of `include/linux/module_signature.h` and a marker end the file; a
//! PKCS#7 message (RFC 2315) lies before them. Only what names the signer is read here: whether
//! the signature is true is for the kernel to say.

use memchr::memrchr_iter;

const MARKER: &[u8] = b"~Module signature appended~\n";
const INFO_LENGTH: usize = 12;

/// The bytes after a module.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Signature {
    /// Nothing.
    Absent,
    /// The marker, and so many bytes behind it: the kernel, which looks at the very end, does not
    /// see it.
    Followed(usize),
    /// The marker, without a valid signature before it.
    Malformed,
    /// A signature.
    Present(Signer),
    /// A signature that is not a PKCS#7 message, by the type that it has: one of the kernel's own
    /// forms before Linux 4.3, or a proof that the module belongs to a build of the kernel
    /// ([`PROOF`](Self::PROOF)).
    Other(u8),
}

/// The key that a signature was made with, as the signature names it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Signer {
    /// The common name of who certified the key.
    pub name: Option<String>,
    /// The number of its certificate, or the identifier of the key, in hexadecimal.
    pub key: String,
}

impl Signature {
    /// The type of a proof, by hashes, that the module belongs to the build of the kernel that has
    /// the root of the hashes (`CONFIG_MODULE_HASHES`, posted for Linux 7).
    pub const PROOF: u8 = 3;

    /// Looks at the end of a module.
    pub fn read(module: &[u8]) -> Self {
        let Some(rest) = module.strip_suffix(MARKER) else {
            return followed(module).map_or(Self::Absent, Self::Followed);
        };
        let Some((rest, info)) = rest.split_last_chunk::<INFO_LENGTH>() else {
            return Self::Malformed;
        };
        let [_, _, id_type, _, _, _, _, _, length @ ..] = *info;
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        let message = rest.len().checked_sub(length).and_then(|start| rest.get(start..));
        match message {
            // PKEY_ID_PKCS7.
            Some(message) if id_type == 2 => signer(message).map_or(Self::Malformed, Self::Present),
            Some(_) => Self::Other(id_type),
            None => Self::Malformed,
        }
    }
}

/// How far from the end to search for a marker: padding to a block, or another signature.
const PADDING_MAX: usize = 1 << 16;

/// How many bytes follow the last marker.
fn followed(module: &[u8]) -> Option<usize> {
    let start = module.len().saturating_sub(PADDING_MAX);
    let end = module.get(start..)?;
    let is_marker = |at: &usize| end.get(*at..).is_some_and(|rest| rest.starts_with(MARKER));
    let at = memrchr_iter(b'~', end).find(is_marker)?;
    Some(end.len() - at - MARKER.len())
}

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OID: u8 = 0x06;
const INTEGER: u8 = 0x02;
const CONTEXT_0: u8 = 0xa0;
const KEY_ID: u8 = 0x80;
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];

/// The first `signerInfo` of a `signedData` message.
fn signer(message: &[u8]) -> Option<Signer> {
    let mut message = Der(message).enter(SEQUENCE)?;
    message.take(OID)?;
    let mut data = message.enter(CONTEXT_0)?.enter(SEQUENCE)?;
    data.take(INTEGER)?;
    data.take(SET)?;
    data.take(SEQUENCE)?;
    // Certificates and revocation lists, which modules come without, may stand in between.
    while !data.0.is_empty() && data.0.first() != Some(&SET) {
        data.any()?;
    }
    let mut info = data.enter(SET)?.enter(SEQUENCE)?;
    info.take(INTEGER)?;
    if info.0.first() == Some(&KEY_ID) {
        return Some(Signer { name: None, key: hexadecimal(info.take(KEY_ID)?) });
    }
    let mut id = info.enter(SEQUENCE)?;
    let mut issuer = id.enter(SEQUENCE)?;
    let key = hexadecimal(id.take(INTEGER)?);
    let mut name = None;
    while !issuer.0.is_empty() {
        let mut attribute = issuer.enter(SET)?.enter(SEQUENCE)?;
        if attribute.take(OID)? == COMMON_NAME {
            name = Some(String::from_utf8_lossy(attribute.any()?.1).into_owned());
        }
    }
    Some(Signer { name, key })
}

/// Values in DER, one behind the other (X.690).
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    /// The next value, whatever its tag.
    fn any(&mut self) -> Option<(u8, &'a [u8])> {
        let (&[tag, length], rest) = self.0.split_first_chunk::<2>()?;
        let (length, rest) = if length < 0x80 {
            (usize::from(length), rest)
        } else {
            let (digits, rest) = rest.split_at_checked(usize::from(length & 0x7f))?;
            let fits = digits.len() <= size_of::<u32>();
            let length = digits.iter().fold(0_usize, |sum, &digit| sum << 8 | usize::from(digit));
            (fits.then_some(length)?, rest)
        };
        let (value, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, value))
    }

    fn take(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.any().filter(|(found, _)| *found == tag).map(|(_, value)| value)
    }

    fn enter(&mut self, tag: u8) -> Option<Der<'a>> {
        self.take(tag).map(Der)
    }
}

/// Writes an identifier, such as a build ID, in lower-case hexadecimal.
pub fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A message as sign-file makes it, for "CN=k", serial 0x0102, without the signature proper.
    fn message() -> Vec<u8> {
        fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
            let body = parts.concat();
            [&[tag, u8::try_from(body.len()).unwrap()], &*body].concat()
        }
        let attribute = der(SEQUENCE, &[&der(OID, &[COMMON_NAME]), &der(0x0c, &[b"k"])]);
        let issuer = der(SEQUENCE, &[&der(SET, &[&attribute])]);
        let id = der(SEQUENCE, &[&issuer, &der(INTEGER, &[&[1, 2]])]);
        let info = der(SEQUENCE, &[&der(INTEGER, &[&[1]]), &id]);
        let data = der(
            SEQUENCE,
            &[&der(INTEGER, &[&[1]]), &der(SET, &[]), &der(SEQUENCE, &[]), &der(SET, &[&info])],
        );
        der(SEQUENCE, &[&der(OID, &[&[1]]), &der(CONTEXT_0, &[&data])])
    }

    fn signed(message: &[u8], length: usize) -> Vec<u8> {
        let length = u32::try_from(length).unwrap().to_be_bytes();
        [b"ELF", message, &[0, 0, 2, 0, 0, 0, 0, 0], &length, MARKER].concat()
    }

    #[test]
    fn other_types() {
        for id_type in [0, 1, Signature::PROOF, 9] {
            let mut module = signed(&[0; 40], 40);
            let at = module.len() - MARKER.len() - INFO_LENGTH + 2;
            module[at] = id_type;
            assert_eq!(Signature::read(&module), Signature::Other(id_type));
        }
    }

    #[test]
    fn the_signer_is_named() {
        let message = message();
        let signer = Signer { name: Some("k".into()), key: "0102".into() };
        assert_eq!(Signature::read(&signed(&message, message.len())), Signature::Present(signer));
    }

    #[test]
    fn damage_is_not_absence() {
        let message = message();
        assert_eq!(Signature::read(b"ELF"), Signature::Absent);
        assert_eq!(Signature::read(MARKER), Signature::Malformed);
        assert_eq!(Signature::read(&signed(&message, 4000)), Signature::Malformed);
        for end in 0..message.len() {
            assert_eq!(Signature::read(&signed(&message[..end], end)), Signature::Malformed);
        }
        let mut cut = signed(&message, message.len());
        cut.pop();
        assert_eq!(Signature::read(&cut), Signature::Absent);
    }
}
