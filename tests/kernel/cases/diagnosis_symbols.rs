//! Why a module is not loaded: it was built for another kernel, or symbols are missing.

use std::fs;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;

use crate::guest::{
    Expected, FORMAT, Loaded, PARAMETERS, SYMBOL, altered, assert_load, assert_verdict,
    distributions, has_symbol_versions, is_loaded, misfit, replace, replaced, result, run,
    with_another_crc,
};

crate::tests![
    vermagic,
    symbol_version,
    layout_version,
    missing_symbol,
    missing_symbol_of_a_distribution_module,
    provider_loaded_from_an_older_build,
    gpl_only_symbol,
    missing_namespace,
    dependency_initializing,
    duplicate_symbol,
];

fn vermagic() {
    let file = replaced("t_plain", " mod_unload ", " mod_unlobd ");
    let result = assert_verdict(&[&file], &misfit("vermagic-mismatch", FORMAT));
    let text = result["cause"]["text"].as_str().unwrap();
    assert!(text.contains("mod_unlobd") && text.contains("(mod_unload)"), "{text}");
    assert!(result["cause"]["kernel"].as_str().unwrap().contains(" mod_unload "));
}

/// What insmod says about a file whose symbols do not fit. Before the kernel was asked, it cannot
/// know that where the kernel does not show what it exports.
#[track_caller]
fn assert_symbols(words: &[&str], expected: &Expected<'_>) -> Value {
    if shows_exports() {
        return assert_verdict(words, expected);
    }
    let done = run(["insmod", "--json", "--check"].iter().chain(words));
    let looked = result(&done);
    done.check(looked["outcome"] == "would-load", "finds nothing wrong");
    let doubts = looked["warnings"][0].as_str().unwrap_or_default();
    done.check(doubts.contains("does not show what it exports"), "doubts");
    assert_load(words, expected)
}

/// Whether the kernel was built with `CONFIG_KALLSYMS_ALL`.
fn shows_exports() -> bool {
    fs::read_to_string("/proc/kallsyms").unwrap().contains(" __ksymtab_")
}

fn symbol_version() {
    if !has_symbol_versions() {
        return;
    }
    let _base = Loaded::new("t_base", "");
    fs::copy("/modules/t_base.ko", "/tmp/t_base.ko").unwrap();
    let file = with_another_crc("t_user", "t_base_add");
    let expected = misfit("symbol-version-mismatch", PARAMETERS);
    let symbol = |result: &Value| {
        let symbol = result["cause"]["symbols"][0].clone();
        assert_eq!(symbol["name"], "t_base_add");
        assert!(symbol["module"].is_string(), "{symbol}");
        symbol
    };
    // The file of the build that is loaded has the version, that of another one may have any.
    let known = symbol(&assert_symbols(&[&file], &expected));
    assert!(known["kernel"].is_string(), "{known}");
    assert_ne!(known["module"], known["kernel"]);
    let base = altered("t_base", |bytes| with_another_build_id(bytes));
    let unknown = symbol(&assert_load(&[&file], &expected));
    assert!(unknown["kernel"].is_null(), "{unknown}");
    fs::remove_file(base).unwrap();
}

fn layout_version() {
    if !has_symbol_versions() {
        return;
    }
    let file = with_another_crc("t_plain", "module_layout");
    let result = assert_verdict(&[&file], &misfit("symbol-version-mismatch", FORMAT));
    let symbol = &result["cause"]["symbols"][0];
    assert_eq!(symbol["name"], "module_layout");
    assert!(symbol["kernel"].is_string(), "{symbol}");
}

fn missing_symbol() {
    let result = assert_symbols(&["/modules/t_user.ko"], &misfit("missing-symbol", SYMBOL));
    let symbols = result["cause"]["symbols"].as_array().unwrap();
    assert_eq!(symbols.len(), 2, "{symbols:?}");
    for symbol in symbols {
        assert_eq!(symbol["provider"], "t_base");
        assert_eq!(symbol["file"], "/modules/t_base.ko");
    }
    assert_eq!(result["fix"], serde_json::json!([{"command": "insmod --deps /modules/t_user.ko"}]));
    let log = result["kernel-log"].as_array().unwrap();
    assert!(log.iter().any(|line| line == "t_user: Unknown symbol t_base_add (err -2)"), "{log:?}");
}

fn missing_symbol_of_a_distribution_module() {
    let file = distributions("raid456");
    let result = assert_symbols(&[&file], &misfit("missing-symbol", SYMBOL));
    let fixes = result["fix"].as_array().unwrap();
    assert_eq!(fixes[..], [serde_json::json!({"command": format!("insmod --deps {file}")})]);
}

fn with_another_build_id(bytes: &mut [u8]) {
    let is_id = |note: &[u8]| note[4..] == *b"GNU\0" && note[0] | note[3] == 3;
    let note = bytes.windows(8).position(is_id).unwrap();
    bytes[note + 8] ^= 1;
}

/// After an update: the loaded build lacks a symbol that the new file exports.
fn provider_loaded_from_an_older_build() {
    let _base = Loaded::new("t_base", "");
    let base = altered("t_base", |bytes| {
        replace(bytes, b"t_base_add", b"t_base_ade");
        with_another_build_id(bytes);
    });
    let file = replaced("t_user", "t_base_add", "t_base_ade");
    let result = assert_symbols(&[&file], &misfit("missing-symbol", SYMBOL));
    assert_eq!(result["cause"]["other-build-loaded"], serde_json::json!(["t_base"]), "{result}");
    assert_eq!(result["cause"]["symbols"][0]["file"], base, "{result}");
    for fix in result["fix"].as_array().unwrap() {
        run(["sh", "-c", &format!("PATH=/sbin:/bin; {}", fix["command"].as_str().unwrap())])
            .succeeds();
    }
    assert!(is_loaded("t_user"), "{result}");
    run(["rmmod", "-r", "t_base"]).succeeds();
    fs::remove_file(base).unwrap();
}

fn gpl_only_symbol() {
    let _base = Loaded::new("t_base", "");
    fs::copy("/modules/t_base.ko", "/tmp/t_base.ko").unwrap();
    let file = replaced("t_user", "license=GPL\0", "license=Own\0");
    let result = assert_symbols(&[&file], &misfit("gpl-only-symbol", SYMBOL));
    assert_eq!(result["cause"]["symbols"][0]["name"], "t_base_double");
    assert_eq!(result["cause"]["license"], "Own");
    fs::remove_file("/tmp/t_base.ko").unwrap();
}

fn missing_namespace() {
    let _ns = Loaded::new("t_ns", "");
    fs::copy("/modules/t_ns.ko", "/tmp/t_ns.ko").unwrap();
    let file = replaced("t_ns_user", "import_ns=T_SPACE", "import_nx=T_SPACE");
    let result = assert_symbols(&[&file], &misfit("missing-namespace", PARAMETERS));
    let symbol = &result["cause"]["symbols"][0];
    assert_eq!((&symbol["name"], &symbol["namespace"]), (&"t_ns_value".into(), &"T_SPACE".into()));
    fs::remove_file("/tmp/t_ns.ko").unwrap();
}

fn dependency_initializing() {
    let mut slow =
        Command::new("insmod").args(["/modules/t_slow.ko", "init_ms=33000"]).spawn().unwrap();
    sleep(Duration::from_millis(500));
    let text = "Device or resource busy";
    let expected = Expected { kind: "dependency-initializing", status: 4, text };
    let result = assert_load(&["/modules/t_slow_user.ko"], &expected);
    assert_eq!(result["cause"]["module"], "t_slow");
    assert_eq!(result["cause"]["symbols"][0]["name"], "t_slow_value");
    slow.wait().unwrap();
    Loaded::adopt("t_slow");
}

fn duplicate_symbol() {
    let _base = Loaded::new("t_base", "");
    let file = replaced("t_dup", "t_bbse_add", "t_base_add");
    let result = assert_symbols(&[&file], &misfit("duplicate-symbol", FORMAT));
    assert_eq!(result["cause"]["symbols"][0]["provider"], "t_base");
}
