//! The reports, each with the texts that it quotes.

use super::super::{Argument, edit, header};
use super::{PLAIN, Report, name, signed};
use crate::diagnosis::symbol::MissingSymbol;
use crate::errno::Errno;
use crate::error::{Error, ErrorKind};
use crate::loaded::State;

pub(super) const REPORTS: &[Report] = &[
    Report {
        of: "bam 13",
        answer: Errno::ENOENT,
        lines: &[
            "t_x: module using GPL-only symbols uses symbols from proprietary module nvidia.",
            "t_x: Unknown symbol nvidia_p2p_dma_unmap_pages (err -2)",
        ],
        kind: "gpl-only-symbol",
        says: &["proprietary module nvidia", "nvidia_p2p_dma_unmap_pages"],
        ..PLAIN
    },
    Report {
        of: "the same in the other order",
        answer: Errno::ENOENT,
        lines: &[
            "t_x: module uses symbols a from proprietary module nvidia, inheriting taint.",
            "t_x: Unknown symbol f (err -2)",
        ],
        kind: "gpl-only-symbol",
        says: &["proprietary module nvidia"],
        ..PLAIN
    },
    Report {
        of: "rtl8852au 14",
        answer: Errno::ENOMEM,
        lines: &[
            "vmap allocation for size 13467648 failed: use vmalloc=<size> to increase size",
            "insmod: vmalloc error: size 13463552, vm_struct allocation failed, mode:0xcc0(GFP_KERNEL)",
        ],
        situation: |it| {
            edit(it, |module| module.header = Ok(header(40, false, false)));
            it.reference.header = None;
            it.architecture = "armv7l".into();
        },
        kind: "out-of-memory",
        says: &["no room for 13467648 bytes"],
        advises: "vmalloc=",
        ..PLAIN
    },
    Report {
        of: "soft_uart 14",
        answer: Errno::ENOMEM,
        certain: false,
        says: &["init function", "ran out of memory"],
        ..PLAIN
    },
    Report {
        of: "v4l2loopback 305",
        answer: Errno::EFAULT,
        lines: &["WARNING: CPU: 0 PID: 152847 at drivers/media/v4l2-core/v4l2-dev.c:863 \
             __video_register_device+0x39e/0x600 [videodev]"],
        certain: false,
        ..PLAIN
    },
    Report {
        of: "WSL 6792",
        answer: Errno::ENOSYS,
        situation: |it| {
            it.module_support = None;
            it.release = "4.4.0-19041-Microsoft".into();
        },
        kind: "no-module-support",
        says: &["WSL 1"],
        advises: "wsl --set-version",
        ..PLAIN
    },
    Report {
        of: "WSL2-Linux-Kernel 219",
        answer: Errno::ENOEXEC,
        lines: &["t_x: version magic '5.4.0-55-generic SMP mod_unload ' should be \
             '4.19.128-microsoft-standard SMP mod_unload modversions '"],
        situation: |it| {
            it.release = "4.19.128-microsoft-standard".into();
            edit(it, |module| module.has_versions_section = false);
        },
        kind: "vermagic-mismatch",
        says: &["5.4.0-55-generic", "4.19.128-microsoft-standard"],
        advises: "clean and rebuild",
        ..PLAIN
    },
    Report {
        of: "usbip-wsl2-instructions 6",
        lines: &[
            "t_x: disagrees about version of symbol kmem_cache_alloc_trace",
            "t_x: Unknown symbol kmem_cache_alloc_trace (err -22)",
            "t_x: Unknown symbol usb_hcd_amd_remote_wakeup_quirk (err -2)",
        ],
        kind: "symbol-version-mismatch",
        says: &["kmem_cache_alloc_trace"],
        advises: "clean and rebuild",
        ..PLAIN
    },
    Report {
        of: "aquacomputer_d5next-hwmon 79",
        lines: &["t_x: disagrees about version of symbol f", "t_x: Unknown symbol f (err -22)"],
        situation: |it| {
            let exports = it.exports.get_or_insert_default();
            exports.found.get_mut("f").unwrap().owner = Some(name("hid"));
        },
        kind: "symbol-version-mismatch",
        says: &["symbol versions do not match: f"],
        advises: "against the headers",
        ..PLAIN
    },
    Report {
        of: "crouton 2364",
        answer: Errno::EPERM,
        lines: &[
            "Chromium OS LSM: init_module denied obj=\"/usr/lib/modules/3.14.0/misc/vboxdrv.ko\" pid=1",
        ],
        kind: "security-policy",
        advises: "pinned",
        ..PLAIN
    },
    Report {
        of: "CoreFreq 398",
        lines: &["BPF: [115309] ENUM (anon)", "failed to validate module [t_x] BTF: -22"],
        kind: "btf-mismatch",
        advises: "objcopy --remove-section=.BTF ./t_x.ko",
        ..PLAIN
    },
    Report {
        of: "piVCCU 468",
        answer: Errno::ENOEXEC,
        lines: &[
            "module: x86/modules: Skipping invalid relocation target, existing value is nonzero for \
             type 1, loc 00000000a65c8f9b, val ffffffffc0fcb91d",
        ],
        kind: "not-a-module",
        says: &["another toolchain"],
        advises: "reinstall the headers",
        ..PLAIN
    },
    Report {
        of: "af-graft 1",
        answer: Errno::EEXIST,
        lines: &["NET: Registered protocol family 4", "t_x: t_x_init: sock_register failed '-17'"],
        says: &["EEXIST"],
        ..PLAIN
    },
    Report {
        of: "LiME 76",
        lines: &["t_x: unknown parameter '\u{201c}path' ignored", "t_x: no path given"],
        says: &["ignored parameters that it does not have: \u{201c}path"],
        advises: "ListParameters",
        ..PLAIN
    },
    Report {
        of: "an ignored parameter does not show that the init function ran",
        lines: &["t_x: unknown parameter 'pth' ignored"],
        certain: false,
        says: &["most likely"],
        advises: "ListParameters",
        ..PLAIN
    },
    Report {
        of: "ampere-lts-kernel 119",
        answer: Errno::EEXIST,
        lines: &[
            "sysfs: cannot create duplicate filename '/firmware/altra_cpuectlr'",
            "kobject_add_internal failed for altra_cpuectlr with -EEXIST, don't try to register \
             things with the same name in the same directory.",
        ],
        certain: false,
        ..PLAIN
    },
    Report {
        of: "gpu-operator 553",
        answer: Errno::EACCES,
        lines: &["audit: type=1400 audit(1.2:3): avc:  denied  { module_load } for  pid=9 \
             comm=\"insmod\" path=\"/x.ko\" scontext=u:r:spc_t tcontext=u:object_r:container_file_t \
             tclass=system permissive=0"],
        kind: "security-policy",
        says: &["selinux"],
        advises: "chcon -t modules_object_t ./t_x.ko",
        ..PLAIN
    },
    Report {
        of: "nixpkgs 284501",
        answer: Errno::ENOEXEC,
        lines: &["module t_x: unsupported RELA relocation: 311"],
        kind: "not-a-module",
        says: &["-fPIC"],
        advises: "build system",
        ..PLAIN
    },
    Report {
        of: "trace-noschedule 5",
        answer: Errno::ENOEXEC,
        lines: &["module t_x: unsupported RELA relocation: 275"],
        kind: "not-a-module",
        says: &["-mcmodel=large"],
        advises: "build system",
        ..PLAIN
    },
    Report {
        of: "nixos-riscv 20",
        lines: &["t_x: bad vermagic: kernel tainted.", "t_x: Unknown relocation type 57"],
        kind: "not-a-module",
        says: &["another toolchain"],
        advises: "build system",
        ..PLAIN
    },
    Report {
        of: "tyton 29",
        answer: Errno::ENOENT,
        lines: &["t_x: Unknown symbol kallsyms_lookup_name (err -2)"],
        situation: |it| it.internal = vec!["kallsyms_lookup_name".into()],
        kind: "missing-symbol",
        says: &["kallsyms_lookup_name (in this kernel, but not exported to modules)"],
        ..PLAIN
    },
    Report {
        of: "toolchain 82",
        answer: Errno::ENOENT,
        lines: &["t_x: Unknown symbol __udivdi3 (err 0)"],
        kind: "missing-symbol",
        says: &["64-bit division"],
        ..PLAIN
    },
    Report {
        of: "v4l2loopback 59",
        answer: Errno::ENOENT,
        lines: &["t_x: Unknown symbol video_ioctl2 (err -2)"],
        situation: |it| {
            it.absent = vec![name("videodev")];
            it.release = "4.15.0-1021-gcp".into();
        },
        kind: "missing-symbol",
        says: &["it depends on videodev, not installed for this kernel"],
        advises: "install the module videodev for kernel 4.15.0-1021-gcp",
        ..PLAIN
    },
    Report {
        of: "coreos-nvidia 3",
        answer: Errno::ENOENT,
        lines: &["t_x: Unknown symbol ipmi_create_user (err -2)"],
        situation: |it| {
            let provider = MissingSymbol {
                name: "ipmi_create_user".into(),
                provider: Some(name("ipmi_msghandler")),
                file: Some("/none/ipmi_msghandler.ko".into()),
            };
            it.providers.insert("ipmi_create_user".into(), provider);
        },
        kind: "missing-symbol",
        says: &["provided by ipmi_msghandler"],
        advises: "",
        ..PLAIN
    },
    Report {
        of: "rtl8188ce-linux-driver 51",
        answer: Errno::ENOEXEC,
        lines: &["t_x: exports duplicate symbol rtl_pci_disconnect (owned by rtlwifi)"],
        kind: "duplicate-symbol",
        says: &["rtlwifi already exports"],
        ..PLAIN
    },
    Report {
        of: "rfuse 3",
        answer: Errno::ENOEXEC,
        lines: &["t_x: exports duplicate symbol fuse_len_args (owned by kernel)"],
        kind: "duplicate-symbol",
        says: &["the kernel itself"],
        ..PLAIN
    },
    Report {
        of: "hvisor-tool 33",
        answer: Errno::EBUSY,
        lines: &[
            "genirq: Flags mismatch irq 14. 00200081 (hvisor_virtio_device) vs. 00200081 (x)",
            "t_x cannot register IRQ, err is -16",
        ],
        ..PLAIN
    },
    Report {
        of: "realtek-r8126-dkms 3",
        answer: Errno::EKEYREJECTED,
        lines: &["Loading of module with unavailable key is rejected"],
        situation: |it| {
            signed(it);
            it.policy.sig_enforce = Some(true);
        },
        kind: "unknown-key",
        says: &["host Secure Boot Module Signature key"],
        advises: "mokutil --import",
        ..PLAIN
    },
    Report {
        of: "xmm7360_usb 2, Linux 4.15",
        answer: Errno::ENOKEY,
        lines: &["PKCS#7 signature not signed with a trusted key"],
        situation: |it| {
            signed(it);
            it.answers_enokey = true;
        },
        kind: "unknown-key",
        advises: "mokutil --import",
        ..PLAIN
    },
    Report {
        of: "LiME 120",
        answer: Errno::EEXIST,
        situation: |it| {
            it.namesake = Some(State::Live);
            let value = Some(b"image1.mem".to_vec());
            it.arguments = vec![Argument { name: b"path".to_vec(), value }];
        },
        kind: "already-loaded",
        says: &["already loaded"],
        advises: "Replacing",
        ..PLAIN
    },
    Report {
        of: "optee_test 55",
        answer: Errno::ENOEXEC,
        lines: &["t_x: disagrees about version of symbol module_layout"],
        kind: "symbol-version-mismatch",
        says: &["module_layout"],
        advises: "clean and rebuild",
        ..PLAIN
    },
    Report {
        of: "wl500g 398",
        answer: Errno::ENOEXEC,
        lines: &[
            "t_x: version magic '2.6.22.19 mod_unload MIPS32_R1 32BIT ' should be '2.6.22.19 \
             mod_unload MIPS32_R2 32BIT '",
        ],
        kind: "vermagic-mismatch",
        says: &["MIPS32_R1", "MIPS32_R2"],
        advises: "clean and rebuild",
        ..PLAIN
    },
    Report {
        of: "a hash on the list of UEFI",
        answer: Errno::EKEYREJECTED,
        lines: &["Module hash 0a1b is blacklisted"],
        situation: signed,
        kind: "blacklisted",
        says: &["hash"],
        ..PLAIN
    },
    Report {
        of: "a file on a network that fails",
        answer: Errno::ESTALE,
        situation: |it| {
            it.module = None;
            let kind = ErrorKind::Io(Errno::ESTALE);
            it.unreadable = Some(Error::new(kind, "x"));
        },
        kind: "file-not-readable",
        ..PLAIN
    },
];
