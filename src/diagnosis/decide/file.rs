//! Whether the file is a module at all.

use std::os::unix::ffi::OsStrExt;

use super::{gate, log_decides, logged};
use crate::diagnosis::cause::Cause;
use crate::diagnosis::evidence::Finding;
use crate::diagnosis::facts::Facts;
use crate::errno::Errno;
use crate::error::ErrorKind;
use crate::file::{Compression, ElfHeader, Import, vermagic_differences};

pub(super) fn not_a_file(facts: &Facts) -> Option<Cause> {
    facts.file.not_regular.map(|what| Cause::NotAFile { what })
}

pub(super) fn empty(facts: &Facts) -> Option<Cause> {
    facts.file.is_empty.then_some(Cause::EmptyFile)
}

pub(super) fn not_readable(facts: &Facts) -> Option<Cause> {
    let unreadable = facts.unreadable.as_ref().and_then(crate::error::Error::errno);
    let busy = facts.answer.filter(|errno| *errno == Errno::ETXTBSY);
    let errno = busy.or(unreadable)?;
    Some(Cause::FileNotReadable { path: facts.path.clone(), errno })
}

/// What stands in the file cannot be known, for the reason that the kernel gave: a network or a disk
/// that fails, a key that is missing.
pub(super) fn unread(facts: &Facts) -> Option<Cause> {
    let errno = facts.unreadable.as_ref()?.errno()?;
    let same = facts.answer.is_none_or(|answer| answer == errno);
    same.then(|| Cause::FileNotReadable { path: facts.path.clone(), errno })
}

pub(super) fn compression(facts: &Facts) -> Option<Cause> {
    if let Some(format) = facts.file.foreign {
        return Some(Cause::CompressionUnsupported { format: format.to_owned() });
    }
    let said = logged(facts, |finding| match finding {
        Finding::Decompression(detail) => Some(detail.clone()),
        _ => None,
    });
    if let Some(said) = said.filter(|_| facts.unreadable.is_none()) {
        let detail = format!("the kernel's decoder refused it ({said})");
        return Some(Cause::CorruptCompression { compression: facts.file.compression, detail });
    }
    let error = facts.unreadable.as_ref()?;
    match error.kind() {
        ErrorKind::CorruptCompression => Some(Cause::CorruptCompression {
            compression: facts.file.compression,
            detail: error.detail().to_owned(),
        }),
        ErrorKind::UnsupportedCompression => Some(Cause::CompressionUnsupported {
            format: facts
                .file
                .compression
                .map_or("an unknown format", Compression::as_str)
                .to_owned(),
        }),
        // The limit is ours, and no reason of the kernel's.
        ErrorKind::TooLarge if !facts.asked => {
            Some(Cause::TooLarge { detail: error.detail().to_owned() })
        }
        _ => None,
    }
}

pub(super) fn not_elf(facts: &Facts) -> Option<Cause> {
    let header = facts.module.as_ref().map(|module| module.header.as_ref());
    let error = match header {
        Some(Ok(_)) => return None,
        Some(Err(error)) => error,
        None => facts.unreadable.as_ref()?,
    };
    match error.kind() {
        ErrorKind::NotElf if header.is_none() => {
            Some(Cause::NotElf { what: error.detail().to_owned() })
        }
        ErrorKind::NotElf => Some(Cause::NotElf { what: facts.file.looks_like.clone() }),
        ErrorKind::Truncated => Some(Cause::Truncated { detail: error.detail().to_owned() }),
        _ => None,
    }
}

pub(super) fn wrong_architecture(facts: &Facts) -> Option<Cause> {
    let header = facts.module.as_ref()?.header.as_ref().ok()?;
    let kernel = &facts.architecture;
    let module = header.architecture();
    // The kernel compares the machine alone; it notices the class and the byte order by what
    // follows from them.
    let fits = facts.reference.header.map_or_else(
        || {
            header.big_endian == facts.big_endian
                && module.map_or_else(
                    || !ElfHeader::architectures().any(|known| same_family(known, kernel)),
                    |module| same_family(module, kernel),
                )
        },
        |reference| reference.is_of_same_machine(header),
    );
    (!fits).then(|| Cause::WrongArchitecture {
        module: module.map_or_else(|| format!("ELF machine {}", header.machine), str::to_owned),
        kernel: kernel.clone(),
    })
}

/// `uname -m` tells the personality of the process, such as i686, or the model, such as armv7l.
fn same_family(module: &str, kernel: &str) -> bool {
    let family = |name: &str| match name {
        // A kernel of 32 bits on such a processor, or the word for programs of 32 bits.
        "armv8l" if module.starts_with("aarch64") => "aarch64".to_owned(),
        name if name.starts_with("arm") => "arm".to_owned(),
        "i386" | "i486" | "i586" | "i686" => "i686".to_owned(),
        name => {
            name.trim_end_matches("_be").trim_end_matches("le").trim_end_matches("el").to_owned()
        }
    };
    family(module) == family(kernel)
}

pub(super) fn truncated(facts: &Facts) -> Option<Cause> {
    let error = facts.module.as_ref()?.valid.as_ref().err()?;
    let cut = error.kind() == ErrorKind::Truncated;
    cut.then(|| Cause::Truncated { detail: error.detail().to_owned() })
}

/// An intermediate object of the build, given instead of the module that is linked from it.
pub(super) fn intermediate(facts: &Facts) -> Option<Cause> {
    let name = facts.path.file_name()?.as_bytes();
    let module = facts.module.as_ref();
    let unlinked = module.is_some_and(|module| {
        let main = |import: &Import| matches!(&import.name[..], "init_module" | "cleanup_module");
        module.valid.is_err() || module.imports.iter().any(main)
    });
    let detail = if name.ends_with(b".debug") && module.is_some_and(|module| module.valid.is_err())
    {
        "the file holds the debugging information of a module, not the module"
    } else if name.ends_with(b".o") && unlinked {
        "the file is an intermediate object of the build; the module is the .ko file"
    } else {
        return None;
    };
    Some(Cause::NotAModule { detail: detail.to_owned() })
}

/// Entries of the symbol table that are zeros: the file has a hole where it was not written.
pub(super) fn hollow(facts: &Facts) -> Option<Cause> {
    let said = logged(facts, |finding| match finding {
        Finding::UnknownSymbol(name, _) if name.is_empty() => Some(()),
        _ => None,
    });
    let nameless = facts.valid_module().is_some_and(|module| module.has_nameless_imports);
    let hollow = if log_decides(facts) { said.is_some() } else { nameless };
    hollow.then_some(Cause::Hollow)
}

pub(super) fn relocation(facts: &Facts) -> Option<Cause> {
    if !log_decides(facts)
        && let Some(Err(detail)) = facts.valid_module().map(|module| &module.relocations)
    {
        return Some(Cause::Relocation { detail: detail.clone() });
    }
    logged(facts, |finding| match finding {
        Finding::Relocation(detail) => Some(Cause::Relocation { detail: detail.clone() }),
        _ => None,
    })
}

pub(super) fn not_a_module(facts: &Facts) -> Option<Cause> {
    let module = facts.module.as_ref()?;
    if let Err(error) = &module.valid {
        return Some(Cause::NotAModule { detail: error.detail().to_owned() });
    }
    let said = logged(facts, |finding| match finding {
        Finding::NotAModule(detail) | Finding::Elf(detail) => Some(detail.clone()),
        _ => None,
    });
    if let Some(detail) = said {
        let detail = format!("not a module for this kernel: {detail}");
        let size = detail.contains("struct module size");
        return if size { other_build(facts) } else { None }.or(Some(Cause::NotAModule { detail }));
    }
    let (own, kernels) = (module.struct_size?, facts.reference.struct_size?);
    if log_decides(facts) || own == kernels { None } else { other_build(facts) }
}

/// Linux 6.4 and later compare the size of `struct module`. If it differs, so does mostly the
/// release, which tells more.
fn other_build(facts: &Facts) -> Option<Cause> {
    let module = facts.module.as_ref()?;
    if let (Some(own), Some(kernels)) = (&module.vermagic, facts.kernel_magic()) {
        let differences = vermagic_differences(own, &kernels, false);
        if facts.was_upgraded {
            return Some(gate::not_rebooted(facts, own, true));
        }
        if !differences.is_empty() {
            let (module, kernel) = (own.clone(), Some(kernels));
            let certain = true;
            return Some(Cause::VermagicMismatch { module, kernel, differences, certain });
        }
    }
    let (own, kernels) = (module.struct_size?, facts.reference.struct_size?);
    Some(Cause::NotAModule {
        detail: format!(
            "the module was built for another configuration of the kernel: its struct module has \
             {own} bytes, that of this kernel {kernels}"
        ),
    })
}
