//! Module files.

use std::fs::File;
use std::io::{Seek, Write};

use modutils::file::{DECOMPRESSED_MAX, ElfHeader, Image, Signature};
use modutils::{ErrorKind, ModuleFile};
use nix::sys::memfd::{MFdFlags, memfd_create};

/// A module's bytes.
pub fn image(bytes: &[u8]) {
    let image = Image::new(bytes.to_vec());
    assert_eq!(image.bytes(), bytes);
    if let Ok(name) = image.name() {
        assert!(!name.as_bytes().is_empty() && !name.as_bytes().contains(&0));
    }
    if let Ok(info) = image.modinfo() {
        for (tag, value) in info.entries() {
            assert!(!tag.contains(&b'=') && !tag.contains(&0) && !value.contains(&0));
        }
    }
    let parameters = image.parameters().unwrap_or_default();
    for (index, parameter) in parameters.iter().enumerate() {
        let again = parameters.iter().skip(index + 1).any(|other| other.name == parameter.name);
        assert!(!again, "{parameter:?} comes twice");
    }
    let _ = image.depends();
    let _ = image.imports();
    let _ = image.exports();
    let _ = image.versions();
    let _ = image.signature();
    if let Some(id) = image.build_id() {
        assert!(id.len() <= bytes.len());
    }
    if let Ok(header) = ElfHeader::read(bytes) {
        let _ = header.architecture();
    }
}

/// A file in memory, as if it had been opened.
pub(super) fn file(bytes: &[u8]) -> ModuleFile {
    let mut memory = File::from(memfd_create(c"fuzz", MFdFlags::MFD_CLOEXEC).unwrap());
    memory.write_all(bytes).unwrap();
    memory.rewind().unwrap();
    ModuleFile::from_stream(memory, "fuzz", DECOMPRESSED_MAX).unwrap()
}

/// A file's bytes, in any compression.
pub fn compressed(bytes: &[u8]) {
    let file = file(bytes);
    let compression = file.compression().unwrap();
    match file.image() {
        Ok(image) if compression.is_some() => {
            assert!(image.bytes().len() as u64 <= DECOMPRESSED_MAX);
            assert!(image.bytes().starts_with(b"\x7fELF"));
        }
        Ok(image) => assert_eq!(image.bytes(), bytes),
        Err(error) => {
            let kinds = [ErrorKind::CorruptCompression, ErrorKind::NotElf, ErrorKind::TooLarge];
            assert!(compression.is_some() && kinds.contains(&error.kind()), "{error:?}");
        }
    }
}

/// The message of a signature: the trailer that makes it one is added here.
pub fn signature(message: &[u8]) {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    let info = [&[0, 0, 2, 0, 0, 0, 0, 0], &length[..]].concat();
    let marker = b"~Module signature appended~\n";
    let module = [b"\x7fELF", message, &info, marker].concat();
    match Signature::read(&module) {
        Signature::Absent => panic!("the marker was not seen"),
        Signature::Present(signer) => {
            assert!(signer.key.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b':'));
            // Of the message, not of what lies before or behind it.
            assert!(signer.key.len() <= 3 * message.len());
        }
        _ => {}
    }
    let _ = Signature::read(message);
}
