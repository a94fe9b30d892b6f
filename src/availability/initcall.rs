//! The functions that start a part of the kernel: `initcall_blacklist=` takes their names.

use crate::name::ModuleName;
use crate::symbols;
use crate::system::System;

/// Each has a symbol `__initcall__kmod_MODULE__COUNTER_LINE_FUNCTION` and its level, since Linux
/// 5.11 (`include/linux/init.h`).
const START: &str = "__initcall__kmod_";

/// Names that compilers for Linux define as 1, which the symbols of newer kernels have instead.
const MACROS: &[&str] = &["unix", "linux"];

/// The symbols of all such functions, as far as those of the running kernel, or those that its
/// distribution installed, have them.
pub(super) fn symbols(system: &System) -> Vec<String> {
    let places = [system.kallsyms(), system.system_map(&system.release())];
    let found = places.iter().map(|place| {
        let mut found = Vec::new();
        let _ = symbols::each(place, |symbol| {
            if symbol.name.starts_with(START.as_bytes()) {
                found.push(String::from_utf8_lossy(symbol.name).into_owned());
            }
        });
        found
    });
    found.into_iter().find(|symbols| !symbols.is_empty()).unwrap_or_default()
}

/// The functions of a module that is built in.
pub(super) fn functions(symbols: &[String], name: &ModuleName) -> Vec<String> {
    let name = name.to_string();
    let found = symbols.iter().filter_map(|symbol| function(symbol, &name));
    found.map(str::to_owned).collect()
}

/// The function in a symbol, if that is of this module.
fn function<'a>(symbol: &'a str, name: &str) -> Option<&'a str> {
    let rest = symbol.strip_prefix(START)?;
    let of = |name: &str| rest.strip_prefix(name)?.strip_prefix("__");
    let rest = of(name).or_else(|| of("1").filter(|_| MACROS.contains(&name)))?;
    let (counter, rest) = rest.split_once('_')?;
    let (line, function) = rest.split_once('_')?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(counter) || !is_number(line) {
        return None;
    }
    // The level: a digit, one with an `s`, or one of these words.
    for level in ["early", "rootfs", "con"] {
        if let Some(function) = function.strip_suffix(level) {
            return Some(function);
        }
    }
    let without_s = function.strip_suffix('s').unwrap_or(function);
    without_s.strip_suffix(|last: char| last.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::captured::Captured;

    #[test]
    fn functions_of_a_module() {
        let text = "ffffffff94373528 d __initcall__kmod_unix__990_3858_af_unix_init5\n\
                    0000000000000000 d __initcall__kmod_unix__991_1_unix_late7s\n\
                    0000000000000000 d __initcall__kmod_unix_diag__1_2_unix_diag_init6\n\
                    0000000000000000 d __initcall__kmod_core__724_2214_init_hw_perf_eventsearly\n\
                    0000000000000000 d __initcall__kmod_unix__x_2_no6\n\
                    0000000000000000 d __initcall__kmod_1__1028_3982_of_a_macro5\n\
                    0000000000000000 T unix_init\n";
        let root = Captured::with(&[("proc/kallsyms", text)]);
        let symbols = symbols(&root.system());
        assert_eq!(symbols.len(), 6);
        let of = |name: &str| functions(&symbols, &ModuleName::new(name).unwrap());
        assert_eq!(of("unix"), ["af_unix_init", "unix_late", "of_a_macro"]);
        assert_eq!(of("unix_diag"), ["unix_diag_init"]);
        assert_eq!(of("core"), ["init_hw_perf_events"]);
        assert_eq!(of("uni"), [""; 0]);
    }
}
