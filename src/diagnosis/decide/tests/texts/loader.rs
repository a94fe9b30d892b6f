//! The texts of the loader, of what it calls, and of security modules.

use crate::errno::Errno;

const ENOEXEC: Errno = Errno::ENOEXEC;
const EINVAL: Errno = Errno::EINVAL;
const ENOENT: Errno = Errno::ENOENT;
const EPERM: Errno = Errno::EPERM;
const EACCES: Errno = Errno::EACCES;

pub(super) const TEXTS: &[(Errno, &str, &str)] = &[
    // kernel/module/main.c: the ELF object.
    (ENOEXEC, "not-a-module", "Invalid ELF header len 12"),
    (ENOEXEC, "not-a-module", "Invalid ELF header magic: != \u{7f}ELF"),
    (ENOEXEC, "not-a-module", "Invalid ELF header type: 2 != 1"),
    (ENOEXEC, "not-a-module", "Invalid architecture in ELF header: 183"),
    (ENOEXEC, "not-a-module", "Invalid module architecture in ELF header: 21"),
    (ENOEXEC, "not-a-module", "Invalid ELF section header size"),
    (ENOEXEC, "not-a-module", "Invalid ELF section header overflow"),
    (
        ENOEXEC,
        "not-a-module",
        "ELF Spec violation: section 0 type(1)!=SH_NULL or non-zero len or addr",
    ),
    (ENOEXEC, "not-a-module", "Invalid ELF section in module (section 3 type 1)"),
    (
        ENOEXEC,
        "not-a-module",
        "Invalid ELF section name index: 65535 || e_shstrndx (65535) >= e_shnum (40)",
    ),
    (ENOEXEC, "not-a-module", "Invalid ELF section name table type: 1"),
    (ENOEXEC, "not-a-module", "Invalid ELF section hdr(type 1)"),
    (ENOEXEC, "not-a-module", "empty section name table"),
    (ENOEXEC, "not-a-module", "ELF Spec violation: section name table isn't null terminated"),
    (ENOEXEC, "not-a-module", "Invalid ELF section name in module (section 3 type 1)"),
    (ENOEXEC, "not-a-module", "Only one .modinfo section must exist."),
    (
        ENOEXEC,
        "not-a-module",
        "Invalid ELF sh_link!=SHN_UNDEF(0) or (sh_link(0) >= hdr->e_shnum(40)",
    ),
    (ENOEXEC, "not-a-module", "Invalid ELF symbol string table type: 1"),
    (ENOEXEC, "not-a-module", "empty symbol string table"),
    (ENOEXEC, "not-a-module", "symbol string table missing leading NUL"),
    (ENOEXEC, "not-a-module", "symbol string table isn't NUL terminated"),
    (ENOEXEC, "not-a-module", "symbol name out of bounds in string table"),
    (ENOEXEC, "not-a-module", "extended version crc+name presence does not match"),
    (ENOEXEC, "not-a-module", "more extended version crcs than names"),
    (ENOEXEC, "not-a-module", "Module has invalid ELF structures"),
    (
        ENOEXEC,
        "not-a-module",
        "module t_x: Exactly one .gnu.linkonce.this_module section must exist.",
    ),
    (ENOEXEC, "not-a-module", "module t_x: Only one .gnu.linkonce.this_module section must exist."),
    (ENOEXEC, "not-a-module", "module t_x: .gnu.linkonce.this_module section must have a size set"),
    (
        ENOEXEC,
        "not-a-module",
        "module t_x: .gnu.linkonce.this_module must occupy memory during process execution",
    ),
    (
        ENOEXEC,
        "not-a-module",
        "module t_x: .gnu.linkonce.this_module section size must match the kernel's built struct \
         module size at run time",
    ),
    (ENOEXEC, "not-a-module", "t_x: No module found in object"),
    (ENOEXEC, "not-a-module", "No module found in object"),
    (ENOEXEC, "not-a-module", "(missing .modinfo name field): No module found in object"),
    (
        ENOEXEC,
        "not-a-module",
        "(missing .modinfo section or name field): module has no symbols (stripped?)",
    ),
    (
        ENOEXEC,
        "not-a-module",
        "module (missing .modinfo section or name field): Exactly one .gnu.linkonce.this_module \
         section must exist.",
    ),
    (ENOEXEC, "not-a-module", "Module len 4096 truncated"),
    (ENOEXEC, "not-a-module", "module t_x: error occurred during dynamic SCS patching (-22)"),
    (ENOEXEC, "not-a-module", "t_x: module has no symbols (stripped?)"),
    // The module.
    (ENOEXEC, "vermagic-mismatch", "t_x: version magic '6.1 SMP ' should be '6.2 SMP '"),
    (
        ENOEXEC,
        "not-a-module",
        "t_x: module is marked as livepatch module, but livepatch support is disabled",
    ),
    (ENOEXEC, "not-a-module", "t_x: section .text (index 3) has invalid WRITE|EXEC flags"),
    (ENOEXEC, "not-a-module", "t_x: Symbol f has an invalid section index 77 (max 40)"),
    (ENOEXEC, "not-a-module", "t_x: please compile with -fno-common"),
    (EINVAL, "not-a-module", "t_x: has both .ctors and .init_array."),
    (EINVAL, "not-a-module", "t_x: module sysfs not initialized"),
    (ENOEXEC, "not-a-module", "t_x: no flags for exported symbols"),
    (
        ENOEXEC,
        "not-a-module",
        "t_x: module not supported by SUSE, refusing to load. To override, echo 1 > \
         /proc/sys/kernel/unsupported",
    ),
    (EPERM, "blacklisted", "Module t_x is blacklisted"),
    (EINVAL, "built-in", "t_x: module is already loaded"),
    (Errno::ENOMEM, "out-of-memory", "t_x: Could not allocate 4096 bytes percpu data"),
    (Errno::ENOMEM, "out-of-memory", "execmem: unable to allocate memory"),
    (
        Errno::ENOMEM,
        "out-of-memory",
        "vmap allocation for size 20480 failed: use vmalloc=<size> to increase size",
    ),
    (
        Errno::ENOMEM,
        "out-of-memory",
        "percpu: allocation failed, size=4096 align=64 atomic=0, alloc from reserved chunk failed",
    ),
    (
        Errno::ENOMEM,
        "out-of-memory",
        "insmod: page allocation failure: order:4, mode:0x40dc0(GFP_KERNEL|__GFP_COMP|__GFP_ZERO)",
    ),
    (
        Errno::ENOMEM,
        "out-of-memory",
        "insmod: vmalloc error: size 4096, failed to allocate pages, mode:0xcc0(GFP_KERNEL)",
    ),
    (Errno::ENOMEM, "out-of-memory", "vmalloc: allocation failure: 3760332 bytes"),
    (
        Errno::ENOMEM,
        "out-of-memory",
        "insmod: vmalloc error: size 13463552, vm_struct allocation failed, mode:0xcc0(GFP_KERNEL)",
    ),
    (
        Errno::ENOMEM,
        "out-of-memory",
        "PERCPU: allocation failed, size=4096 align=64, alloc from reserved chunk failed",
    ),
    (
        Errno::ENOMEM,
        "out-of-memory",
        "Failed to allocate memory: jump_label may not work properly.",
    ),
    (Errno::ENOMEM, "out-of-memory", "Failed to allocate memory for static calls"),
    // Symbols.
    (ENOENT, "missing-symbol", "t_x: Unknown symbol f (err -2)"),
    // Linux 3.10 to 4.19.
    (ENOENT, "missing-symbol", "t_x: Unknown symbol f (err 0)"),
    (ENOENT, "missing-symbol", "t_x: Unknown symbol f"),
    (ENOENT, "truncated", "t_x: Unknown symbol  (err -2)"),
    (Errno::EBUSY, "dependency-initializing", "t_x: gave up waiting for init of module y."),
    (Errno::EBUSY, "dependency-initializing", "t_x: Unknown symbol f (err -16)"),
    (EINVAL, "symbol-version-mismatch", "t_x: disagrees about version of symbol f"),
    (ENOEXEC, "symbol-version-mismatch", "t_x: disagrees about version of symbol module_layout"),
    (ENOEXEC, "symbol-version-mismatch", "t_x: disagrees about version of symbol struct_module"),
    (EINVAL, "symbol-version-mismatch", "t_x: no symbol version for f"),
    (
        EINVAL,
        "missing-namespace",
        "t_x: module uses symbol (f) from namespace N, but does not import it.",
    ),
    (
        EPERM,
        "missing-namespace",
        "t_x: module tries to import module namespace: module:kvm-intel,kvm-amd",
    ),
    (
        ENOENT,
        "gpl-only-symbol",
        "t_x: module using GPL-only symbols uses symbols f from proprietary module y.",
    ),
    (ENOEXEC, "duplicate-symbol", "t_x: exports duplicate symbol e (owned by kernel)"),
    (ENOEXEC, "duplicate-symbol", "t_x: exports duplicate symbol e (owned by y)"),
    // Android.
    (EACCES, "protected-symbol", "t_x: exports protected symbol e"),
    (EACCES, "protected-symbol", "t_x: Protected symbol: f (err -13)"),
    // kernel/module/decompress.c.
    (EINVAL, "corrupt-compression", "not a gzip compressed module"),
    (EINVAL, "corrupt-compression", "not an xz compressed module"),
    (EINVAL, "corrupt-compression", "not a zstd compressed module"),
    (EINVAL, "corrupt-compression", "decompression failed with status 6"),
    (EINVAL, "corrupt-compression", "module: decompression failed with status 6"),
    (EINVAL, "corrupt-compression", "failed to initialize decompressor: -22"),
    (EINVAL, "corrupt-compression", "ZSTD-compressed data has an incomplete frame header"),
    (EINVAL, "corrupt-compression", "ZSTD-decompression failed with status 70"),
    // Parameters.
    (EINVAL, "bad-parameter", "t_x: `x' invalid for parameter `p'"),
    (Errno::ERANGE, "bad-parameter", "t_x: `99999999999' invalid for parameter `p'"),
    (Errno::ENOSPC, "bad-parameter", "t_x: `long' too large for parameter `p'"),
    (EPERM, "bad-parameter", "t_x: `0x300' invalid for parameter `io'"),
    // Up to 3.10.
    (ENOENT, "bad-parameter", "t_x: Unknown parameter `q'"),
    // Module notifiers.
    (EINVAL, "btf-mismatch", "failed to validate module [t_x] BTF: -22"),
    (Errno::ENOSPC, "btf-mismatch", "failed to validate module [t_x] BTF: -28"),
    (
        Errno::ENODEV,
        "livepatch",
        "livepatch: patch 'lp' failed for module 't_x', refusing to load module 't_x'",
    ),
    (EINVAL, "livepatch", "livepatch: failed to initialize patch 'lp' for module 't_x' (-22)"),
    // Security modules.
    (
        EPERM,
        "locked-down",
        "Lockdown: insmod: unsigned module loading is restricted; see man kernel_lockdown.7",
    ),
    (
        EPERM,
        "locked-down",
        "Lockdown: Loading of unsigned modules is restricted; see man kernel_lockdown.7",
    ),
    (
        EPERM,
        "security-policy",
        "LoadPin: kernel-module denied obj=\"/x.ko\" pid=1 cmdline=\"insmod\"",
    ),
    (EPERM, "security-policy", "LoadPin: kernel-module old-api-denied obj=<unknown> pid=1"),
    (
        EACCES,
        "security-policy",
        "audit: type=1400 audit(1.2:3): avc:  denied  { module_load } for  pid=9 comm=\"insmod\" \
         path=\"/x.ko\" scontext=u:r:t tcontext=u:object_r:t tclass=system permissive=0",
    ),
    (
        EPERM,
        "security-policy",
        "audit: type=1400 audit(1.2:3): avc:  denied  { sys_module } for  pid=9 comm=\"insmod\" \
         capability=16  scontext=u:r:t tcontext=u:r:t tclass=capability permissive=0",
    ),
    (
        EPERM,
        "security-policy",
        "audit: type=1400 audit(1.2:3): apparmor=\"DENIED\" operation=\"capable\" \
         profile=\"docker-default\" pid=9 comm=\"insmod\" capability=16  capname=\"sys_module\"",
    ),
    (
        EACCES,
        "security-policy",
        "audit: type=1800 audit(1.2:3): pid=9 uid=0 op=appraise_data \
         cause=IMA-signature-required comm=\"insmod\" name=\"/x.ko\" res=0",
    ),
    (
        EACCES,
        "security-policy",
        "audit: type=1420 audit(1.2:3): ipe_op=KMODULE ipe_hook=KERNEL_READ enforcing=1 pid=9 \
         comm=\"insmod\" path=\"/x.ko\" rule=\"DEFAULT action=DENY\"",
    ),
    (
        EACCES,
        "security-policy",
        "ima: impossible to appraise a module without a file descriptor. sig_enforce kernel \
         parameter might help",
    ),
    // Without a word: audit logs few denials, or a daemon has them.
    (EACCES, "security-policy", ""),
];
