//! Whether the kernel could apply a module's relocations: `apply_relocate_add` in
//! `arch/*/kernel/module.c`.

use object::elf;
use object::read::{
    File, Object, ObjectSection, ReadRef, RelocationFlags, RelocationTarget, SectionFlags,
};

/// Checks the relocations of loaded sections; the error is the line that the kernel would log.
pub(super) fn check<'data>(object: &File<'data, impl ReadRef<'data>>) -> Result<(), String> {
    let Some(machine) = Machine::of(object) else { return Ok(()) };
    for section in object.sections() {
        let SectionFlags::Elf { sh_flags, .. } = section.flags() else { continue };
        if !sh_flags.contains(elf::SHF_ALLOC) {
            continue;
        }
        // A section without bytes in the file is all zeros.
        let data = section.data().unwrap_or_default();
        for (offset, relocation) in section.relocations() {
            let RelocationFlags::Elf { r_type } = relocation.flags() else { continue };
            if relocation.has_implicit_addend() {
                return Err("REL relocation unsupported".to_owned());
            }
            let applies =
                !matches!(relocation.target(), RelocationTarget::Absolute) || r_type.0 != 0;
            if applies {
                machine.check(r_type.0, data, offset)?;
            }
        }
    }
    Ok(())
}

#[derive(Clone, Copy)]
enum Machine {
    X86_64,
    Arm64,
}

impl Machine {
    /// The machines whose rules are known here.
    fn of<'data>(object: &File<'data, impl ReadRef<'data>>) -> Option<Self> {
        match (object.architecture(), object.is_64()) {
            (object::Architecture::X86_64, true) => Some(Self::X86_64),
            (object::Architecture::Aarch64, true) => Some(Self::Arm64),
            _ => None,
        }
    }

    fn check(self, kind: u32, data: &[u8], offset: u64) -> Result<(), String> {
        match self {
            Self::X86_64 => {
                let width = match kind {
                    0 => return Ok(()),
                    // R_X86_64_PC32, PLT32, 32, 32S.
                    2 | 4 | 10 | 11 => 4,
                    // R_X86_64_64, PC64.
                    1 | 24 => 8,
                    _ => return Err(format!("Unknown rela relocation: {kind}")),
                };
                let at = usize::try_from(offset).unwrap_or(usize::MAX);
                let bytes = at.checked_add(width).and_then(|end| data.get(at..end));
                if bytes.unwrap_or_default().iter().any(|&byte| byte != 0) {
                    return Err(format!(
                        "Invalid relocation target, existing value is nonzero for type {kind}"
                    ));
                }
                Ok(())
            }
            // R_AARCH64_ABS64 to LDST128, without those of the GOT and of TLS.
            Self::Arm64 => match kind {
                0 | 256..=280 | 282..=293 | 299 => Ok(()),
                _ => Err(format!("unsupported RELA relocation: {kind}")),
            },
        }
    }
}
