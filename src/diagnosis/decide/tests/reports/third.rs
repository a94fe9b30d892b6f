//! The reports of the third search.

use super::super::edit;
use super::{PLAIN, Report, name, signed};
use crate::errno::Errno;

pub(super) const REPORTS: &[Report] = &[
    Report {
        of: "container-selinux 161",
        answer: Errno::EACCES,
        lines: &[
            "audit: type=1400 audit(1640267337.1:8): avc:  denied  { integrity } for  pid=748257 \
             comm=\"insmod\" lockdown_reason=\"unsigned module loading\" \
             scontext=unconfined_u:system_r:spc_t:s0 tcontext=unconfined_u:system_r:spc_t:s0 \
             tclass=lockdown permissive=0",
        ],
        kind: "security-policy",
        says: &["selinux"],
        advises: "sign the module",
        ..PLAIN
    },
    Report {
        of: "refpolicy 323",
        answer: Errno::ENOKEY,
        lines: &[
            "Request for unknown module key 'host Secure Boot Module Signature key: 1f' err -13",
        ],
        situation: |it| {
            signed(it);
            it.policy.sig_enforce = Some(true);
            it.policy.security_modules = vec!["selinux".into()];
        },
        kind: "security-policy",
        says: &["selinux"],
        ..PLAIN
    },
    Report {
        of: "spl 406",
        answer: Errno::ENOENT,
        lines: &[": Unknown symbol mcount (err 0)"],
        kind: "missing-symbol",
        says: &["mcount", "function tracing"],
        ..PLAIN
    },
    Report {
        of: "EnhanceIO 73",
        answer: Errno::ENOENT,
        lines: &["t_x: Unknown symbol __stack_chk_fail (err 0)"],
        kind: "missing-symbol",
        says: &["__stack_chk_fail", "-fstack-protector"],
        ..PLAIN
    },
    Report {
        of: "KernelSU 1509",
        answer: Errno::ENOENT,
        lines: &[
            "t_x: Unknown symbol register_kprobe (err -2)",
            "t_x: Unknown symbol kern_path (err -2)",
        ],
        situation: |it| it.internal = vec!["register_kprobe".into(), "kern_path".into()],
        kind: "missing-symbol",
        says: &["register_kprobe, kern_path (in this kernel, but not exported"],
        ..PLAIN
    },
    Report {
        of: "optee_linuxdriver 12",
        answer: Errno::ENOEXEC,
        lines: &[
            "t_x: section 2 reloc 398 sym 'tee_smc_call': relocation 10 out of range (0x7f808efa -> \
             0x7f809334)",
        ],
        kind: "not-a-module",
        says: &["relocation", "out of range"],
        advises: "rebuild",
        ..PLAIN
    },
    Report {
        of: "eoip 27",
        answer: Errno::EINVAL,
        lines: &["t_x init: can't add protocol"],
        says: &["init function", "EINVAL"],
        ..PLAIN
    },
    Report {
        of: "nvmevirt 64",
        answer: Errno::EIO,
        lines: &["NVMeVirt: [memmap_start] should be specified"],
        certain: false,
        says: &["init function", "EIO"],
        ..PLAIN
    },
    Report {
        of: "void-packages 51005",
        answer: Errno::ENOEXEC,
        lines: &[
            "module t_x: .gnu.linkonce.this_module section size must match the kernel's built struct \
             module size at run time",
        ],
        situation: |it| edit(it, |module| module.struct_size = Some(1216)),
        kind: "not-a-module",
        says: &["1216 bytes", "1280"],
        advises: "another configuration",
        ..PLAIN
    },
    Report {
        of: "LAKE 10",
        answer: Errno::EBUSY,
        lines: &[
            "t_x: gave up waiting for init of module lake_shm.",
            "t_x: Unknown symbol kava_alloc (err -16)",
        ],
        situation: |it| it.crashed.extend([name("lake_shm")]),
        kind: "dependency-initializing",
        says: &["lake_shm", "crashed"],
        advises: "reboot",
        ..PLAIN
    },
];
