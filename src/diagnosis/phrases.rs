//! Parts of the sentences that name symbols, versions and signers.

use std::fmt;

use super::symbol::{MissingSymbol, WrongVersion, reserved_for};
use crate::errno::Errno;
use crate::file::{Signer, VermagicDifference};
use crate::name::ModuleName;

/// The kernel's words, and what they mean to people who build modules.
pub(super) fn relocation(f: &mut fmt::Formatter<'_>, detail: &str) -> fmt::Result {
    f.write_str("the kernel cannot apply a relocation of the module")?;
    let number = detail.rsplit(": ").next().and_then(|number| number.parse::<u32>().ok());
    let of_x86 = number.filter(|_| detail.contains("Unknown rela relocation"));
    let of_arm64 = number.filter(|_| detail.contains("unsupported RELA relocation"));
    let meaning = match (of_x86, of_arm64) {
        (Some(3 | 9 | 25..=30 | 41 | 42), _) | (_, Some(309..=313)) => {
            "it was compiled as position-independent code (-fPIC)"
        }
        (Some(4), _) => "the toolchain is too new for this kernel (R_X86_64_PLT32)",
        (_, Some(275)) => {
            "it was compiled without the options that this kernel needs (such as -mcmodel=large, \
             for CONFIG_ARM64_ERRATUM_843419)"
        }
        _ if detail.contains("existing value is nonzero") => {
            "the file was linked or modified by another toolchain, or is corrupt"
        }
        _ if detail.contains("overflow") || detail.contains("not compiled with") => {
            "it was not compiled for the kernel's memory model (-mcmodel=kernel)"
        }
        _ => {
            "it was compiled with other options or another toolchain than this kernel's modules, \
             or is corrupt"
        }
    };
    write!(f, ": {meaning} ({detail})")
}

pub(super) fn vermagic(
    f: &mut fmt::Formatter<'_>,
    differences: &[VermagicDifference],
) -> fmt::Result {
    // Two values of one setting.
    if let [VermagicDifference::OnlyModule(own), VermagicDifference::OnlyKernel(kernels)] =
        differences
    {
        if of_another_build(differences) {
            return write!(
                f,
                "the module was built for another build of the kernel, with another structure \
                 layout ({own}; that of the running kernel is {kernels})"
            );
        }
        let (own, kernels) = (setting(own), setting(kernels));
        return write!(f, "the module was built with {own}, the running kernel with {kernels}");
    }
    for (index, difference) in differences.iter().enumerate() {
        f.write_str(if index == 0 { "" } else { "; " })?;
        match difference {
            VermagicDifference::Release { module, kernel } => {
                write!(f, "the module was built for kernel {module}, but {kernel} is running")?;
            }
            VermagicDifference::OnlyModule(word) => {
                let setting = setting(word);
                write!(f, "the module was built with {setting}; the running kernel was not")?;
            }
            VermagicDifference::OnlyKernel(word) => {
                let setting = setting(word);
                write!(f, "the running kernel has {setting}; the module was built without it")?;
            }
        }
    }
    Ok(())
}

/// The start of the word for the seed by which a build shuffles the members of structures.
const RANDSTRUCT: &str = "RANDSTRUCT";

/// Whether two builds of the same configuration differ by that seed alone.
pub(super) fn of_another_build(differences: &[VermagicDifference]) -> bool {
    let is_seed = |difference: &VermagicDifference| match difference {
        VermagicDifference::OnlyModule(word) | VermagicDifference::OnlyKernel(word) => {
            word.starts_with(RANDSTRUCT)
        }
        VermagicDifference::Release { .. } => false,
    };
    differences.len() == 2 && differences.iter().all(is_seed)
}

/// A word of the version magic, and what it stands for.
fn setting(word: &str) -> String {
    let meaning = match word {
        "SMP" => "several processors",
        "preempt" => "full preemption",
        "preempt_rt" => "real-time preemption",
        "mod_unload" => "module unloading",
        "modversions" => "symbol versions",
        _ if word.starts_with(RANDSTRUCT) => "a structure layout of its own",
        _ => return format!("'{word}'"),
    };
    format!("{meaning} ({word})")
}

/// A value short enough to read: thousands of letters are cut.
pub(super) fn shortened(value: &str) -> String {
    const MOST: usize = 200;
    match value.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", value.get(..end).unwrap_or_default()),
        None => value.to_owned(),
    }
}

pub(super) fn versions(
    f: &mut fmt::Formatter<'_>,
    symbols: &[WrongVersion],
    differences: &[VermagicDifference],
) -> fmt::Result {
    if !differences.is_empty() {
        vermagic(f, differences)?;
        f.write_str("; ")?;
    }
    if symbols.iter().all(|symbol| symbol.module.is_none()) {
        let names: Vec<&str> = symbols.iter().map(|symbol| symbol.name.as_str()).collect();
        let names = abbreviated(&names);
        return write!(f, "the module has no versions for the symbols that it uses: {names}");
    }
    f.write_str("symbol versions do not match: ")?;
    for (index, WrongVersion { name, module, kernel }) in symbols.iter().take(SHOWN).enumerate() {
        if index > 0 {
            f.write_str(", ")?;
        }
        write!(f, "{name} (")?;
        match module {
            Some(crc) => write!(f, "module: {crc:#010x}")?,
            None => f.write_str("module: none")?,
        }
        match kernel {
            Some(crc) => write!(f, ", kernel: {crc:#010x})")?,
            None => f.write_str(")")?,
        }
    }
    match symbols.len().saturating_sub(SHOWN) {
        0 => Ok(()),
        hidden => write!(f, " and {hidden} more"),
    }
}

pub(super) fn missing(
    f: &mut fmt::Formatter<'_>,
    symbols: &[MissingSymbol],
    internal: &[String],
    absent: &[ModuleName],
    stale: &[ModuleName],
) -> fmt::Result {
    f.write_str("missing symbols: ")?;
    let note = |symbol: &MissingSymbol| match &symbol.provider {
        Some(provider) if stale.contains(provider) => {
            format!("provided by {provider}, of which another build is loaded")
        }
        Some(provider) => format!("provided by {provider}"),
        None if internal.contains(&symbol.name) => {
            "in this kernel, but not exported to modules".to_owned()
        }
        None => helper(&symbol.name).unwrap_or("not provided by any installed module").to_owned(),
    };
    // Symbols of one module stand together.
    let mut rest: Vec<(&str, String)> =
        symbols.iter().map(|symbol| (symbol.name.as_str(), note(symbol))).collect();
    let mut separator = "";
    while let Some((_, note)) = rest.first().cloned() {
        let names: Vec<&str> =
            rest.iter().filter(|(_, other)| *other == note).map(|(name, _)| *name).collect();
        write!(f, "{separator}{} ({note})", abbreviated(&names))?;
        separator = "; ";
        rest.retain(|(_, other)| *other != note);
    }
    if !absent.is_empty() {
        let absent: Vec<String> = absent.iter().map(ToString::to_string).collect();
        write!(f, "; it depends on {}, not installed for this kernel", absent.join(", "))?;
    }
    Ok(())
}

/// Symbols that compilers make up: the kernel has some of them, depending on its configuration.
fn helper(symbol: &str) -> Option<&'static str> {
    const HELPERS: &[(&str, &str)] = &[
        ("__aeabi_f", "floating point, which this kernel does not offer to modules"),
        ("__aeabi_d", "floating point, which this kernel does not offer to modules"),
        ("__floatsi", "floating point, which this kernel does not offer to modules"),
        ("__floatunsi", "floating point, which this kernel does not offer to modules"),
        ("__fixdf", "floating point, which this kernel does not offer to modules"),
        ("__fixunsdf", "floating point, which this kernel does not offer to modules"),
        ("__adddf", "floating point, which this kernel does not offer to modules"),
        ("__muldf", "floating point, which this kernel does not offer to modules"),
        ("__divdf", "floating point, which this kernel does not offer to modules"),
        ("__aeabi_ldivmod", "64-bit division, for which the kernel has do_div and div64_u64"),
        ("__aeabi_uldivmod", "64-bit division, for which the kernel has do_div and div64_u64"),
        ("__udivdi3", "64-bit division, for which the kernel has do_div and div64_u64"),
        ("__divdi3", "64-bit division, for which the kernel has do_div and div64_u64"),
        ("__umoddi3", "64-bit division, for which the kernel has do_div and div64_u64"),
        ("__moddi3", "64-bit division, for which the kernel has do_div and div64_u64"),
        ("__x86_indirect_", "compiled with retpolines, which this kernel does not have"),
        ("__x86_return_thunk", "compiled with return thunks, which this kernel does not have"),
        ("__fentry__", "compiled with -pg, for a kernel with function tracing"),
        ("mcount", "compiled with -pg, for a kernel with function tracing"),
        ("_mcount", "compiled with -pg, for a kernel with function tracing"),
        ("__asan_", "compiled for a kernel with KASAN"),
        ("__sanitizer_cov_", "compiled for a kernel with KCOV"),
        ("__ubsan_", "compiled for a kernel with UBSAN"),
        ("__gcov_", "compiled for a kernel with GCOV"),
        ("__cfi_slowpath", "compiled for a kernel with CFI"),
        ("__stack_chk_", "compiled with -fstack-protector, for a kernel with that"),
        ("__tsan_", "compiled for a kernel with KCSAN"),
        ("__hwasan_", "compiled for a kernel with KASAN"),
        ("__msan_", "compiled for a kernel with KMSAN"),
        ("__SCT__", "compiled for a kernel with static calls"),
        ("__SCK__", "compiled for a kernel with static calls"),
        ("__check_object_size", "compiled for a kernel with hardened usercopy"),
        ("__fortify_", "compiled for a kernel with CONFIG_FORTIFY_SOURCE"),
        ("fortify_panic", "compiled for a kernel with CONFIG_FORTIFY_SOURCE"),
        ("__list_add_valid", "compiled for a kernel with CONFIG_DEBUG_LIST"),
        ("__list_del_entry_valid", "compiled for a kernel with CONFIG_DEBUG_LIST"),
        ("lock_acquire", "compiled for a kernel with lock debugging (lockdep)"),
        ("lockdep_", "compiled for a kernel with lock debugging (lockdep)"),
        ("preempt_count_", "compiled for a kernel that debugs or traces preemption"),
        ("debug_smp_processor_id", "compiled for a kernel that debugs preemption"),
        ("__this_cpu_preempt_check", "compiled for a kernel that debugs preemption"),
        ("__might_sleep", "compiled for a kernel that debugs sleeping in atomic code"),
        ("__might_resched", "compiled for a kernel that debugs sleeping in atomic code"),
        ("trace_hardirqs_", "compiled for a kernel that traces interrupts"),
        ("__rcu_read_lock", "compiled for a kernel with preemptible RCU"),
        ("__rcu_read_unlock", "compiled for a kernel with preemptible RCU"),
        ("rt_spin_", "compiled for a kernel with real-time preemption"),
        ("rt_mutex_base_init", "compiled for a kernel with real-time preemption"),
        ("__tracepoint_", TRACING),
        ("__traceiter_", TRACING),
        ("__mmap_lock_do_trace_", TRACING),
        ("kmem_cache_alloc_trace", ALLOCATOR),
        ("kmem_cache_alloc_node_trace", ALLOCATOR),
        ("kmalloc_trace", ALLOCATOR),
        ("kmalloc_node_trace", ALLOCATOR),
        ("kmalloc_order", ALLOCATOR),
        ("__kmalloc_cache_", ALLOCATOR),
        ("__kmalloc_large_", ALLOCATOR),
        ("__kmalloc_noprof", ALLOCATOR),
        ("_GLOBAL_OFFSET_TABLE_", "compiled as position-independent code (-fPIC)"),
        ("__cxa_", "of the C++ library, which the kernel does not have"),
        ("__gxx_", "of the C++ library, which the kernel does not have"),
        ("_Znw", "of the C++ library, which the kernel does not have"),
        ("_Zna", "of the C++ library, which the kernel does not have"),
        ("_Zdl", "of the C++ library, which the kernel does not have"),
        ("_Zda", "of the C++ library, which the kernel does not have"),
        ("_RNv", RUST),
        ("_RIN", RUST),
        ("__rust_", RUST),
    ];
    if is_of_c_library(symbol) {
        return Some("of the C library, which the kernel does not have");
    }
    // The longest start counts: division is not floating point.
    let fitting = HELPERS.iter().filter(|(start, _)| symbol.starts_with(start));
    fitting.max_by_key(|(start, _)| start.len()).map(|(_, note)| *note)
}

const TRACING: &str = "compiled for a kernel with tracepoints";

/// What the headers' inline functions call depends on the version, too.
const ALLOCATOR: &str = "compiled for another version or configuration of the kernel's allocator";

const RUST: &str = "compiled for a kernel with Rust, by the compiler of that kernel";

/// Functions of user space that no kernel has under this name.
fn is_of_c_library(symbol: &str) -> bool {
    const FUNCTIONS: &[&str] = &[
        "printf", "fprintf", "puts", "putchar", "perror", "malloc", "calloc", "realloc", "free",
        "exit", "abort", "atoi", "atol", "atof", "strtol", "strtoul", "strdup", "fopen", "fclose",
        "fread", "fwrite", "rand", "srand", "sleep", "usleep",
    ];
    const MATHEMATICS: &[&str] = &[
        "sin", "cos", "tan", "asin", "acos", "atan", "atan2", "sinh", "cosh", "tanh", "exp",
        "exp2", "log", "log2", "log10", "pow", "sqrt", "cbrt", "floor", "ceil", "round", "trunc",
        "fabs", "fmod", "fma", "hypot",
    ];
    // Of float and of long double.
    let plain = symbol.strip_suffix(['f', 'l']).unwrap_or(symbol);
    FUNCTIONS.contains(&symbol)
        || MATHEMATICS.contains(&symbol)
        || MATHEMATICS.contains(&plain)
        || symbol.starts_with("pthread_")
}

/// Whether a compiler adds the symbol because of the kernel's configuration.
pub(super) fn is_of_configuration(symbol: &str) -> bool {
    helper(symbol).is_some_and(|note| note.starts_with("compiled "))
}

pub(super) fn namespaces(f: &mut fmt::Formatter<'_>, symbols: &[(String, String)]) -> fmt::Result {
    let reserved = |symbol: &&(String, String)| reserved_for(&symbol.1).is_some();
    let (reserved, others): (Vec<_>, Vec<_>) = symbols.iter().partition(reserved);
    if !others.is_empty() {
        f.write_str("it uses symbols from namespaces that it does not import: ")?;
    }
    for (index, (symbol, namespace)) in others.iter().enumerate() {
        let separator = if index == 0 { "" } else { ", " };
        write!(f, "{separator}{symbol} (namespace {namespace})")?;
    }
    if !reserved.is_empty() {
        let separator = if others.is_empty() { "" } else { "; " };
        write!(f, "{separator}it uses symbols that are reserved for other modules: ")?;
    }
    for (index, (symbol, namespace)) in reserved.iter().enumerate() {
        let separator = if index == 0 { "" } else { ", " };
        let names = reserved_for(namespace).unwrap_or_default();
        write!(f, "{separator}{symbol} (for {names} only)")?;
    }
    Ok(())
}

/// As many names as a person reads.
const SHOWN: usize = 8;

fn abbreviated(names: &[&str]) -> String {
    let shown: Vec<&str> = names.iter().take(SHOWN).copied().collect();
    let hidden = names.len() - shown.len();
    if hidden == 0 {
        return shown.join(", ");
    }
    format!("{} and {hidden} more", shown.join(", "))
}

pub(super) fn list_is(symbols: &[String]) -> String {
    let verb = if symbols.len() == 1 { "is" } else { "are" };
    format!("{} {verb}", symbols.join(", "))
}

pub(super) fn by(signer: &Signer) -> String {
    match (&signer.name, signer.key.as_str()) {
        (Some(name), key) => format!("by \"{name}\" (key {key})"),
        (None, "") => "with an unnamed key".to_owned(),
        (None, key) => format!("with key {key}"),
    }
}

/// What a driver usually means by an errno.
pub(super) fn meaning(errno: Errno) -> Option<&'static str> {
    const MEANINGS: &[(Errno, &str)] = &[
        (Errno::ENODEV, "no supported device was found, or another driver has it"),
        (Errno::ENXIO, "the device does not respond"),
        (Errno::EIO, "I/O error on the device"),
        // Since Linux 7.1, init's EEXIST becomes EBUSY.
        (Errno::EBUSY, "a resource or a name that it needs is taken, often by another driver"),
        (Errno::EEXIST, "a name or device it registers is already taken"),
        (Errno::ENOENT, "something it needs (often firmware) was not found"),
        (Errno::EINVAL, "it rejected a parameter or the hardware configuration"),
        (Errno::ENOMEM, "it could not allocate memory"),
        (Errno::EPERM, "an operation it needs is not permitted"),
        (Errno::EACCES, "an operation it needs is not permitted"),
        (Errno::EOPNOTSUPP, "this machine or kernel lacks a feature it needs"),
        (Errno::ENOSYS, "this kernel lacks a feature it needs"),
    ];
    MEANINGS.iter().find(|(known, _)| *known == errno).map(|(_, meaning)| *meaning)
}
