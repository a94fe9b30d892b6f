//! What the loaders of all architectures say about relocations, behind the module's name: from
//! `arch/*/kernel/module*.c`, Linux 2.6 to 7.x.
//!
//! Whole texts, not parts of them: a driver may call a parameter "out of range", too.

/// Without the module's name, and what the kernel says.
pub(super) const TEMPLATES: &[&str] = &[
    // Several architectures.
    "Unknown relocation: {}",
    "unknown relocation: {}",
    "Unknown relocation type {}",
    "Unknown rela relocation: {}",
    "Unknown ADD relocation: {}",
    "unknown ADD relocation: {}",
    "unsupported RELA relocation: {}",
    "REL relocation unsupported",
    "RELA relocation unsupported",
    "ADD RELOCATION unsupported",
    "overflow in relocation type {} val {}",
    "relocation overflow",
    "module {} section missing",
    "module {} section(s) missing",
    "no symtab found.",
    "no symbol table",
    // arm.
    "section {} reloc {} sym '{}': {}",
    "section {} reloc {}: {}",
    "bad relocation, section {} reloc {}",
    "relocation out of range, section {} reloc {} sym '{}'",
    "out of bounds relocation, section {} reloc {}",
    // riscv and loongarch.
    "value {} out of range for 32-bit field",
    "target {} can not be addressed by the 32-bit offset from PC = {}",
    "can not generate the {} entry for symbol = {} from PC = {}",
    "The unexpected relocation type '{}' from PC = {}",
    "Can not find HI20 relocation information",
    "Unable to find matching {}",
    "R_RISCV_{}",
    "Unsupport relocation type {}",
    "opr1 = {} dangerous {} relocation",
    "offset = {} dangerous {} relocation",
    // powerpc.
    "REL24 {} out of range!",
    "bad {} relocation ({})",
    "doesn't contain .toc or .stubs.",
    "Module doesn't contain .plt or .init.plt sections.",
    "Expected nop after call, got {}",
    "Expect noop after relocate, got {}",
    "Address {} of stub out of range of {}",
    "Address of {} out of range of {}",
    // s390.
    "relocation error for symbol {} (r_type {}, value {})",
    // mips.
    "dangerous {} relocation",
    "dangerous R_MIPS_26 RELArelocation",
    // parisc.
    "Global Offset Table overflow (used {}, allowed {})",
    // alpha, hexagon and ia64.
    "Relocation (type {}) overflow vs {}",
    "value={} is out of range for {} reloc{}",
    "value {} out of IMM{} range",
    "special reloc {} not supported",
];
