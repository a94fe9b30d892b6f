//! Lines that accompany a load or a failure and tell nothing about the reason.

/// What follows the module's name where the kernel notes how the load taints it; people take these
/// for the reason.
const TAINTS: &[&str] = &[
    "loading out-of-tree module taints kernel.",
    "module verification failed: ",
    "module license ",
    "module is from the staging directory",
    "loading test module taints kernel.",
    "loading module not compiled with retpoline compiler.",
    "tainting kernel with TAINT_LIVEPATCH",
    "bad vermagic: kernel tainted.",
    "no versions for exported symbols: kernel tainted.",
    "ignoring obsolete section ",
    "Ignoring obsolete parameters",
    "adding tainted module to the unloaded tainted modules list failed.",
    "parameters '",
    "externally supported module, setting X kernel taint flag.",
];

/// The same without a name, and the parts of a dump of registers and stack.
const STARTS: &[&str] = &[
    "Disabling lock debugging due to kernel taint",
    "Spectre V2 : System may be vulnerable",
    "Setting dangerous option ",
    "Kernel module BTF mismatch detected",
    "PKCS7: Waived invalid module sig",
    "PKCS#7 signature not signed with a trusted key",
    "------------[ cut here ]",
    "---[ end ",
    "Call Trace:",
    "Call trace:",
    "Backtrace:",
    "Modules linked in:",
    "Unloaded tainted modules:",
    "CPU: ",
    "Hardware name: ",
    "Tainted: ",
    "Workqueue: ",
    "Sched_clock: ",
    "Code: ",
    "RIP: ",
    "RSP: ",
    "RAX: ",
    "RDX: ",
    "RBP: ",
    "R10: ",
    "R13: ",
    "FS: ",
    "CS: ",
    "CR2: ",
    "DR0: ",
    "DR3: ",
    "PKRU: ",
    "EIP: ",
    "EAX: ",
    "ESI: ",
    "Stack:",
    "pstate: ",
    "pc : ",
    "lr : ",
    "sp : ",
    "irq event stamp: ",
    "hardirqs last ",
    "softirqs last ",
    "#PF: ",
    "PGD ",
    "Oops: ",
    "Mem-Info:",
    "audit: ",
];

pub(super) fn is_noise(text: &str, names: &[&str]) -> bool {
    let behind = |name: &&str| text.strip_prefix(*name).and_then(|rest| rest.strip_prefix(": "));
    let taints = |rest: &str| TAINTS.iter().any(|start| rest.starts_with(start));
    names.iter().find_map(behind).is_some_and(taints)
        // Notices about other modules, such as dependencies.
        || text.split_once(": ").is_some_and(|(_, rest)| taints(rest))
        || STARTS.iter().any(|start| text.starts_with(start))
        || is_frame(text)
        || is_registers(text)
}

/// ` name+0x12/0x34 [module]`, `? name+0x12/0x34`, `<TASK>`, and old kernels' `[<ffff>] name+…`.
fn is_frame(text: &str) -> bool {
    let text = text.trim_start();
    let text = text.strip_prefix("? ").unwrap_or(text);
    if matches!(text, "<TASK>" | "</TASK>" | "<IRQ>" | "</IRQ>" | "<EOI>") || text.starts_with("[<")
    {
        return true;
    }
    let place = text.split(' ').next().unwrap_or_default();
    place.split_once("+0x").is_some_and(|(_, offset)| offset.contains("/0x"))
}

/// `x29: ffff800012345678 x28: 0000000000000000`, and the words of a stack.
fn is_registers(text: &str) -> bool {
    let mut words = text.split_ascii_whitespace();
    let is_number =
        |word: &str| word.len() >= 8 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_name = |word: &str| word.len() <= 4 && word.ends_with(':');
    match (words.next(), words.next()) {
        (Some(name), Some(number)) => (is_name(name) || is_number(name)) && is_number(number),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taints_and_frames() {
        for text in [
            "t_x: loading out-of-tree module taints kernel.",
            "t_x: module verification failed: signature and/or required key missing - tainting \
             kernel",
            "t_x: module license 'Proprietary' taints kernel.",
            "Disabling lock debugging due to kernel taint",
            "t_base: loading out-of-tree module taints kernel.",
            " ? do_one_initcall+0x56/0x200",
            " <TASK>",
            " [<ffffffff8136a0c3>] dump_stack+0x63/0x90",
            "do_init_module+0x4c/0x1f0",
            "x29: ffff80001234abcd x28: 0000000000000000",
            "RAX: ffffffffffffffda RBX: 0000000000000000",
            "CPU: 1 PID: 99 Comm: insmod Tainted: G           O       6.1.0",
        ] {
            assert!(is_noise(text, &["t_x"]), "{text}");
        }
    }

    #[test]
    fn reasons_are_none() {
        for text in [
            "sysfs: cannot create duplicate filename '/class/x'",
            "BUG: kernel NULL pointer dereference, address: 0000000000000008",
            "WARNING: CPU: 0 PID: 1 at fs/sysfs/dir.c:31 sysfs_warn_dup+0x5c/0x70",
            "Error: Driver 'x' is already registered, aborting...",
            "t_x: probe of 0000:00 failed with error -12",
            "",
        ] {
            assert!(!is_noise(text, &["t_x"]), "{text}");
        }
    }
}
