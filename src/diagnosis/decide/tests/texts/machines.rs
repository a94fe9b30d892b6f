//! The texts of the loaders of each architecture, about relocations.

use crate::errno::Errno;

const ENOEXEC: Errno = Errno::ENOEXEC;
const EINVAL: Errno = Errno::EINVAL;

pub(super) const TEXTS: &[(Errno, &str)] = &[
    // Relocations: x86.
    (ENOEXEC, "module: t_x: Unknown rela relocation: 41"),
    (ENOEXEC, "module: Unknown rela relocation: 4"),
    (ENOEXEC, "t_x: Unknown relocation: 9"),
    (
        ENOEXEC,
        "module: x86/modules: Invalid relocation target, existing value is nonzero for type 1, loc \
         00000000d4ad5a87, val ffffffffc0400000",
    ),
    (
        ENOEXEC,
        "module: x86/modules: Skipping invalid relocation target, existing value is nonzero for \
         type 1, loc 00000000d4ad5a87, val ffffffffc0400000",
    ),
    (
        ENOEXEC,
        "x86/modules: Skipping invalid relocation target, existing value is nonzero for type 1, \
         loc 00000000d4ad5a87, val ffffffffc0400000",
    ),
    (ENOEXEC, "module: overflow in relocation type 10 val ffff888012345678"),
    (ENOEXEC, "module: `t_x' likely not compiled with -mcmodel=kernel"),
    (ENOEXEC, "overflow in relocation type 10 val ffff888012345678"),
    (ENOEXEC, "`t_x' likely not compiled with -mcmodel=kernel"),
    (ENOEXEC, "module t_x: REL relocation unsupported"),
    (ENOEXEC, "module t_x: RELA relocation unsupported"),
    // arm64 and arm.
    (ENOEXEC, "module t_x: unsupported RELA relocation: 311"),
    (ENOEXEC, "module t_x: overflow in relocation type 283 val ffff800012345678"),
    (ENOEXEC, "t_x: module PLT section(s) missing"),
    (ENOEXEC, "t_x: module symtab section missing"),
    (ENOEXEC, "t_x: unknown relocation: 96"),
    (
        ENOEXEC,
        "t_x: section 4 reloc 1 sym 'f': relocation 28 out of range (0xbf000014 -> 0xc0100000)",
    ),
    (ENOEXEC, "t_x: relocation out of range, section 4 reloc 1 sym 'f'"),
    (ENOEXEC, "t_x: section 4 reloc 1 sym 'f': unsupported interworking call (Thumb -> ARM)"),
    (ENOEXEC, "module t_x: ADD RELOCATION unsupported"),
    // riscv, loongarch.
    (EINVAL, "t_x: Unknown relocation type 57"),
    (
        EINVAL,
        "t_x: target 00000000deadbeef can not be addressed by the 32-bit offset from PC = \
         00000000e0ffee00",
    ),
    (
        EINVAL,
        "t_x: can not generate the GOT entry for symbol = 00000000deadbeef from PC = 0000000012345678",
    ),
    (
        EINVAL,
        "t_x: The unexpected relocation type 'R_RISCV_PCREL_LO12_I' from PC = 0000000012345678",
    ),
    (ENOEXEC, "t_x: module GOT section(s) missing"),
    (ENOEXEC, "t_x: module PLT.IDX section(s) missing"),
    // powerpc, s390, mips, sparc, parisc.
    (ENOEXEC, "module_64: t_x: Unknown ADD relocation: 116"),
    (ENOEXEC, "t_x: Unknown ADD relocation: 116"),
    (ENOEXEC, "t_x: REL24 -40000000 out of range!"),
    (ENOEXEC, "t_x: doesn't contain .toc or .stubs."),
    (ENOEXEC, "module_64: t_x: Expected nop after call, got e8410018 at e_show+0x60/0x548 [t_x]"),
    (ENOEXEC, "module t_x: unknown relocation: 99"),
    (ENOEXEC, "module t_x: relocation error for symbol f (r_type 19, value 0x3ff80001000)"),
    (EINVAL, "module t_x: Unknown relocation type 60"),
    (ENOEXEC, "module t_x: relocation overflow"),
    (ENOEXEC, "module t_x: dangerous R_MIPS_LO16 REL relocation"),
    (ENOEXEC, "module t_x: Unknown relocation: 3f"),
    // As older kernels have them, and the machines that are rare.
    (ENOEXEC, "t_x: bad relocation, section 4 reloc 1"),
    (ENOEXEC, "t_x: out of bounds relocation, section 4 reloc 1 offset 9000 size 64"),
    (ENOEXEC, "t_x: section 4 reloc 1: bad relocation sym offset"),
    (ENOEXEC, "t_x: section 4 reloc 1 sym 'f': out of bounds relocation, offset 9000 size 64"),
    (EINVAL, "t_x: value 0000000112345678 out of range for 32-bit field"),
    (EINVAL, "t_x: Can not find HI20 relocation information"),
    (EINVAL, "t_x: The unexpected relocation type 'R_RISCV_ALIGN' from PC = 0000000012345678"),
    (EINVAL, "kmod: t_x: Unsupport relocation type 77, please add its support."),
    (EINVAL, "kmod: t_x: Unknown relocation type 110"),
    (
        ENOEXEC,
        "kmod: module t_x: opr1 = 0x12345678 overflow! dangerous apply_r_larch_sop_imm_field (44) \
         relocation",
    ),
    (ENOEXEC, "t_x: bad TOC16_DS relocation (40000)"),
    (ENOEXEC, "t_x: Expect noop after relocate, got 3c1d0000"),
    (ENOEXEC, "t_x: Module doesn't contain .plt or .init.plt sections."),
    (ENOEXEC, "module_64: t_x: Address d000000012345678 of stub out of range of d000000002345678."),
    (ENOEXEC, "module t_x: dangerous R_MIPS_26 RELArelocation"),
    (EINVAL, "t_x: Global Offset Table overflow (used 8200, allowed 4095)"),
    (ENOEXEC, "module t_x relocation of symbol f is out of range (0x12345678 in 22 bits)"),
    (ENOEXEC, "t_x: no symtab found."),
    (ENOEXEC, "module t_x: no symbol table"),
    (ENOEXEC, "module t_x: Relocation (type 8) overflow vs f"),
    (ENOEXEC, "t_x: special reloc 130 not supported"),
    // Live patches have relocations of their own.
    (EINVAL, "livepatch: symbol f is not marked as a livepatch symbol"),
    (
        EINVAL,
        "livepatch: invalid access to vmlinux symbol 'f' from module-specific livepatch relocation \
         section",
    ),
];
