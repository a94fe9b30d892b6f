//! The reports of the fifth search.

use std::path::PathBuf;

use super::super::edit;
use super::{PLAIN, Report, name};
use crate::diagnosis::symbol::MissingSymbol;
use crate::errno::Errno;

pub(super) const REPORTS: &[Report] = &[
    Report {
        of: "exfat-linux 4",
        answer: Errno::ENOENT,
        lines: &["t_x: Unknown symbol _GLOBAL_OFFSET_TABLE_ (err 0)"],
        kind: "missing-symbol",
        says: &["-fPIC"],
        advises: "rebuild",
        ..PLAIN
    },
    Report {
        of: "linux-kernel-module-rust 61",
        answer: Errno::ENOENT,
        lines: &[
            "t_x: Unknown symbol cosf (err 0)",
            "t_x: Unknown symbol sqrt (err 0)",
            "t_x: Unknown symbol sinf (err 0)",
        ],
        kind: "missing-symbol",
        says: &["cosf", "C library"],
        ..PLAIN
    },
    Report {
        of: "void-packages 58300",
        answer: Errno::ENOENT,
        lines: &["t_x: Unknown symbol VBoxGuest_RTLogBackdoorPrintf (err -2)"],
        situation: |it| {
            it.providers.insert(
                "VBoxGuest_RTLogBackdoorPrintf".into(),
                MissingSymbol {
                    name: "VBoxGuest_RTLogBackdoorPrintf".into(),
                    provider: Some(name("vboxguest")),
                    file: Some(PathBuf::from("./vboxguest.ko")),
                },
            );
            it.stale.insert(name("vboxguest"));
        },
        kind: "missing-symbol",
        says: &["provided by vboxguest, of which another build is loaded"],
        advises: "rmmod --recursive vboxguest",
        ..PLAIN
    },
    Report {
        of: "cryptodev-linux 79",
        answer: Errno::ENOENT,
        lines: &[
            "t_x: Unknown symbol __mmap_lock_do_trace_released (err -2)",
            "t_x: Unknown symbol __tracepoint_mmap_lock_released (err -2)",
            "t_x: Unknown symbol kmem_cache_alloc_trace (err -2)",
        ],
        kind: "missing-symbol",
        says: &["tracepoints"],
        advises: "rebuild",
        ..PLAIN
    },
    Report {
        of: "LiME 15, oe-alliance-core 539",
        answer: Errno::ENOENT,
        lines: &[
            "(0)[4410:insmod]Kernel Taint Module!!",
            "(0)[4410:insmod]t_x: Unknown symbol __stack_chk_guard (err 0)",
            "(0)[4410:insmod]t_x: Unknown symbol __stack_chk_fail (err 0)",
        ],
        kind: "missing-symbol",
        says: &["__stack_chk_guard", "-fstack-protector"],
        advises: "rebuild",
        ..PLAIN
    },
    Report {
        of: "dkms 563, bottlerocket 2275",
        lines: &[
            "t_x: disagrees about version of symbol find_pid_ns",
            "t_x: Unknown symbol find_pid_ns (err -22)",
            "t_x: disagrees about version of symbol fget",
            "t_x: Unknown symbol fget (err -22)",
        ],
        kind: "symbol-version-mismatch",
        says: &["find_pid_ns", "fget"],
        advises: "clean and rebuild",
        ..PLAIN
    },
    Report {
        of: "zfs 17165",
        answer: Errno::ENOEXEC,
        lines: &[
            "module t_x: .gnu.linkonce.this_module section size must match the kernel's built struct \
             module size at run time",
        ],
        situation: |it| {
            let (built, own) = ("5.14.0-503.31.1.el9_5.x86_64", "5.14.0-503.33.1.el9_5.x86_64");
            let words = "SMP preempt mod_unload modversions ";
            it.release = own.into();
            it.reference.vermagic = Some(format!("{own} {words}"));
            edit(it, |module| module.vermagic = Some(format!("{built} {words}")));
        },
        kind: "vermagic-mismatch",
        says: &["built for kernel 5.14.0-503.31.1", "5.14.0-503.33.1"],
        advises: "headers for 5.14.0-503.33.1",
        ..PLAIN
    },
    Report {
        of: "zfs 5225",
        lines: &[
            "t_x: disagrees about version of symbol vn_openat",
            "t_x: Unknown symbol vn_openat (err -22)",
        ],
        situation: |it| {
            super::super::exported(it, "vn_openat", Some(false));
            let exports = it.exports.get_or_insert_default();
            exports.found.get_mut("vn_openat").unwrap().owner = Some(name("spl"));
            it.out_of_tree.insert(name("spl"));
        },
        kind: "symbol-version-mismatch",
        says: &["another build of spl"],
        advises: "Module.symvers of the loaded spl",
        ..PLAIN
    },
    Report {
        of: "rp_usbdisplay 5",
        answer: Errno::ENOEXEC,
        lines: &[
            "t_x: version magic '4.4.14-v7+ SMP mod_unload modversions ARMv7 ' should be '4.4.21+ \
             mod_unload modversions ARMv6 '",
        ],
        kind: "vermagic-mismatch",
        says: &["ARMv7", "ARMv6"],
        advises: "clean and rebuild",
        ..PLAIN
    },
    // Such a machine may well have been rebooted: it starts the older kernel each time.
    Report {
        of: "openhabian 537, raspberrypi linux 1554",
        answer: Errno::ENOEXEC,
        lines: &[
            "t_x: version magic '4.14.98-v7+ SMP mod_unload ARMv7 ' should be '4.14.79-v7+ SMP \
             mod_unload ARMv7 '",
        ],
        situation: |it| {
            edit(it, |module| module.has_versions_section = false);
            it.release = "4.14.79-v7+".into();
            (it.was_upgraded, it.booted_since) = (true, true);
        },
        kind: "vermagic-mismatch",
        says: &["4.14.98-v7+, which is installed", "booted with 4.14.79-v7+"],
        advises: "boot into 4.14.98-v7+",
        ..PLAIN
    },
    Report {
        of: "silk-guardian 16",
        answer: Errno::ENOEXEC,
        lines: &["t_x: version magic '4.9.13-201.fc25.x86_64+debug SMP mod_unload ' should be \
             '4.9.13-201.fc25.x86_64 SMP mod_unload '"],
        situation: |it| edit(it, |module| module.has_versions_section = false),
        kind: "vermagic-mismatch",
        says: &["4.9.13-201.fc25.x86_64+debug"],
        advises: "clean and rebuild",
        ..PLAIN
    },
    Report {
        of: "graysky2 kernel_compiler_patch 70",
        lines: &[
            "BPF:[94156] TYPEDEF",
            "BPF:type_id=94174",
            "BPF:Invalid name",
            "failed to validate module [t_x] BTF: -22",
        ],
        kind: "btf-mismatch",
        says: &["BTF"],
        advises: "objcopy --remove-section=.BTF",
        ..PLAIN
    },
    // Kernels that were built to load such modules only warn.
    Report {
        of: "nixpkgs 220662, linux-rockchip 328",
        answer: Errno::ENODEV,
        lines: &["BPF: Invalid name", "failed to validate module [t_x] BTF: -22"],
        kind: "init-failed",
        says: &["ENODEV"],
        ..PLAIN
    },
    Report {
        of: "the same, and its init function logs why",
        lines: &["failed to validate module [t_x] BTF: -22", "t_x: no such mode"],
        kind: "init-failed",
        says: &["EINVAL"],
        ..PLAIN
    },
    Report {
        of: "bottlerocket 4218",
        answer: Errno::EPERM,
        lines: &[
            "Lockdown: modprobe: unsigned module loading is restricted; see man kernel_lockdown.7",
        ],
        situation: |it| {
            it.policy.lockdown = Some("integrity".into());
            it.policy.secure_boot = Some(false);
        },
        kind: "locked-down",
        says: &["not signed"],
        advises: "sign the module",
        ..PLAIN
    },
    Report {
        of: "msr-safe 45",
        answer: Errno::EBUSY,
        lines: &["user_mad: couldn't register device number"],
        certain: false,
        says: &["init function", "EBUSY", "taken"],
        ..PLAIN
    },
    Report {
        of: "lkmpg 77, tty0tty 16",
        answer: Errno::EBUSY,
        certain: false,
        says: &["init function", "EBUSY", "taken"],
        ..PLAIN
    },
    Report {
        of: "vpnhide 153",
        answer: Errno::EKEYREJECTED,
        lines: &["Loading of unsigned module is rejected"],
        situation: |it| it.policy.sig_enforce = Some(true),
        kind: "unsigned",
        says: &["not signed"],
        advises: "sign the module",
        ..PLAIN
    },
    Report {
        of: "rtl8192eu-linux 87",
        lines: &[
            "t_x: no symbol version for usb_register_driver",
            "t_x: Unknown symbol usb_register_driver (err -22)",
        ],
        situation: |it| edit(it, |module| module.versions.clear()),
        kind: "symbol-version-mismatch",
        says: &["no versions for the symbols"],
        advises: "Module.symvers",
        ..PLAIN
    },
    Report {
        of: "SynoCommunity spksrc 7153",
        answer: Errno::EBUSY,
        lines: &["Error: Driver 'cdc_acm' is already registered, aborting..."],
        situation: |it| it.has_builtin_twin = true,
        certain: false,
        says: &["EBUSY", "built in"],
        ..PLAIN
    },
    Report {
        of: "kpatch 869",
        lines: &[
            "WARNING: CPU: 6 PID: 21124 at kernel/trace/ftrace.c:1844 ftrace_bug+0x25d/0x270",
            "ftrace failed to modify",
        ],
        certain: false,
        says: &["most likely"],
        ..PLAIN
    },
    Report {
        of: "virtualbox 9, virtualbox-ose 4638",
        answer: Errno::ENOENT,
        lines: &[
            "t_x: Unknown symbol mod_timer_pinned (err 0)",
            "t_x: Unknown symbol set_pages_nx (err 0)",
        ],
        kind: "missing-symbol",
        says: &["mod_timer_pinned, set_pages_nx"],
        ..PLAIN
    },
    Report {
        of: "replica 16",
        answer: Errno::ENOEXEC,
        lines: &["Module has invalid ELF structures"],
        kind: "not-a-module",
        says: &["Module has invalid ELF structures"],
        ..PLAIN
    },
    Report {
        of: "raspberrypi linux 95",
        answer: Errno::ENOMEM,
        lines: &["vmalloc: allocation failure: 0 bytes"],
        kind: "out-of-memory",
        ..PLAIN
    },
];
