//! insmod loads: plain, compressed, with parameters, by force.

use std::fs;

use crate::guest::{
    KernelLog, Loaded, Trace, altered, has_symbol_versions, is_loaded, release, run, taints_of,
    with_another_crc,
};

crate::tests![
    plain_file,
    plain_file_with_one_open_and_one_call,
    decoder_is_the_one_expected,
    xz,
    gzip,
    zstd,
    xz_with_a_check_that_kernels_cannot_take,
    compression_is_detected,
    distribution_module,
    init_runs_once_whatever_it_returns,
    parameters,
    value_with_spaces,
    another_version_magic_by_force,
    another_symbol_version_by_force,
];

/// The calls by which files are opened and modules are loaded.
const CALLS: &str = "open,openat,openat2,init_module,finit_module";

/// `MODULE_INIT_COMPRESSED_FILE`.
const COMPRESSED: &str = "0x4";

fn plain_file() {
    run(["insmod", "/modules/t_plain.ko"]).succeeds_silently();
    Loaded::adopt("t_plain");
}

/// The calls of a run of insmod, without those that any process starts with.
fn calls_of_insmod(file: &str) -> Vec<String> {
    let start = Trace::of(CALLS, &["insmod", "--version"]).calls.len();
    let trace = Trace::of(CALLS, &["insmod", file]);
    trace.done.succeeds_silently();
    trace.calls[start..].to_vec()
}

fn plain_file_with_one_open_and_one_call() {
    let calls = calls_of_insmod("/modules/t_plain.ko");
    Loaded::adopt("t_plain");
    assert_eq!(calls.len(), 2, "{calls:#?}");
    assert!(calls[0].contains("\"/modules/t_plain.ko\""), "{calls:#?}");
    assert!(
        calls[1].starts_with("finit_module(") && calls[1].ends_with(", \"\", 0) = 0"),
        "{calls:#?}"
    );
    Trace::makes_few_calls(&["insmod", "/modules/t_plain.ko"]);
    Loaded::adopt("t_plain");
}

/// The compression that the kernel itself can undo.
fn kernel_decoder() -> Option<String> {
    fs::read_to_string("/sys/module/compression").ok().map(|name| name.trim().to_owned())
}

/// The following tests compare with what the kernel says of itself; for the kernels
/// of Debian, which this has to cover, it is known.
fn decoder_is_the_one_expected() {
    let release = release();
    match release.split('.').take(2).collect::<Vec<_>>()[..] {
        ["5", "10"] | ["6", "1"] => assert_eq!(kernel_decoder(), None),
        ["6", "12"] | ["7", _] => assert_eq!(kernel_decoder().as_deref(), Some("xz")),
        _ => {}
    }
}

/// Loads a compressed file, and checks by whom it is decompressed: by the kernel if
/// it has this decoder, else by insmod, which hands over what it decompressed.
fn compressed(file: &str, compression: &str) {
    let calls = calls_of_insmod(file);
    Loaded::adopt("t_plain");
    let loads: Vec<&String> = calls.iter().filter(|call| call.contains("init_module(")).collect();
    assert_eq!(loads.len(), 1, "{calls:#?}");
    if kernel_decoder().as_deref() == Some(compression) {
        assert!(loads[0].ends_with(&format!(", \"\", {COMPRESSED}) = 0")), "{calls:#?}");
    } else {
        assert!(!loads[0].contains(&format!(", {COMPRESSED})")), "{calls:#?}");
    }
    let opened: Vec<&String> = calls.iter().filter(|call| call.starts_with("open")).collect();
    let others = opened.iter().filter(|call| {
        !call.contains(&format!("\"{file}\"")) && !call.contains("\"/sys/module/compression\"")
    });
    assert_eq!(others.count(), 0, "{calls:#?}");
}

fn xz() {
    compressed("/modules/t_plain.ko.xz", "xz");
}

fn gzip() {
    compressed("/modules/t_plain.ko.gz", "gzip");
}

fn zstd() {
    compressed("/modules/t_plain.ko.zst", "zstd");
}

fn xz_with_a_check_that_kernels_cannot_take() {
    let log = KernelLog::from_now();
    run(["insmod", "/modules/t_plain.crc64.ko.xz"]).succeeds_silently();
    Loaded::adopt("t_plain");
    let complaints = log.lines();
    assert!(!complaints.iter().any(|line| line.contains("decompress")), "{complaints:#?}");
}

fn compression_is_detected() {
    for (file, named) in [("t_plain.ko.zst", "t_plain.ko"), ("t_plain.ko", "t_plain.ko.xz")] {
        let renamed = format!("/tmp/{named}");
        fs::copy(format!("/modules/{file}"), &renamed).unwrap();
        run(["insmod", &renamed]).succeeds_silently();
        Loaded::adopt("t_plain");
    }
}

/// As shipped: signed, and compressed where the distribution compresses.
fn distribution_module() {
    let found = run(["/kmod/modinfo", "-n", "nls_utf8"]);
    found.succeeds();
    run(["insmod", found.stdout.trim()]).succeeds_silently();
    assert!(is_loaded("nls_utf8"));
    assert_eq!(taints_of("nls_utf8"), "");
    run(["rmmod", "nls_utf8"]).succeeds_silently();
}

/// The errors that make insmod try another way when they come from the kernel: an
/// init function may return them, too.
fn init_runs_once_whatever_it_returns() {
    for suffix in ["", ".xz", ".gz", ".zst"] {
        for errno in ["8", "22", "38", "95"] {
            let log = KernelLog::from_now();
            let file = format!("/modules/t_slow.ko{suffix}");
            let done = run(["insmod", &file, &format!("err={errno}")]);
            done.check(done.status != Some(0), "fails");
            let runs = log.lines().iter().filter(|line| *line == "t_slow: init begins").count();
            assert_eq!(runs, 1, "{suffix} with errno {errno}");
        }
    }
}

fn parameter(name: &str) -> String {
    let value = fs::read_to_string(format!("/sys/module/t_params/parameters/{name}")).unwrap();
    value.trim_end_matches('\n').to_owned()
}

fn parameters() {
    // A long has as many bits as the module.
    let is_32_bit = fs::read("/modules/t_params.ko").unwrap()[4] == 1;
    let ulong = if is_32_bit { "4294967295" } else { "18446744073709551615" };
    let given = [
        ("p_byte", "200", "200"),
        ("p_short", "-32768", "-32768"),
        ("p_ushort", "65535", "65535"),
        ("p_int", "0x10", "16"),
        ("p_uint", "4294967295", "4294967295"),
        ("p_long", "-5", "-5"),
        ("p_ulong", ulong, ulong),
        ("p_ullong", "7", "7"),
        ("p_hexint", "0x12345678", "0x12345678"),
        ("p_bool", "y", "Y"),
        ("p_invbool", "y", "Y"),
        ("p_bint", "1", "1"),
        ("p_charp", "text", "text"),
        ("p_string", "text", "text"),
        ("p_ints", "1,2,3", "1,2,3"),
        ("p_list", "a,b", "a,b"),
        ("p_bare", "9", "9"),
    ];
    let log = KernelLog::from_now();
    let arguments = given.map(|(name, value, _)| format!("{name}={value}"));
    let line = ["insmod", "/modules/t_params.ko"].map(str::to_owned);
    run(line.into_iter().chain(arguments).chain(["p_hidden=42".to_owned()])).succeeds_silently();
    let _loaded = Loaded::adopt("t_params");
    for (name, _, shown) in given {
        assert_eq!(parameter(name), shown, "{name}");
    }
    assert!(log.lines().contains(&"t_params: p_hidden=42".to_owned()));
}

fn value_with_spaces() {
    run(["insmod", "/modules/t_params.ko", "p_charp=two words", "p_int=5"]).succeeds_silently();
    let _loaded = Loaded::adopt("t_params");
    assert_eq!(parameter("p_charp"), "two words");
    assert_eq!(parameter("p_int"), "5");
}

fn another_version_magic_by_force() {
    let file = altered("t_plain", |bytes| {
        let magic = b" SMP ";
        let place = bytes.windows(magic.len()).position(|window| window == magic).unwrap();
        bytes[place + 1] = b'X';
    });
    let line = format!("insmod: ERROR: could not insert module {file}: Invalid module format");
    run(["insmod", &file]).fails(7, &line);
    run(["insmod", "--force-modversion", &file]).fails(7, &line);
    for option in ["--force-vermagic", "--force", "-f"] {
        run(["insmod", option, &file]).succeeds_silently();
        let _loaded = Loaded::adopt("t_plain");
        assert!(taints_of("t_plain").contains('F'));
    }
}

fn another_symbol_version_by_force() {
    if !has_symbol_versions() {
        return;
    }
    let _base = Loaded::new("t_base", "");
    let file = with_another_crc("t_user", "t_base_add");
    let line = format!("insmod: ERROR: could not insert module {file}: Invalid parameters");
    run(["insmod", &file]).fails(7, &line);
    run(["insmod", "--force-vermagic", &file]).fails(7, &line);
    for option in ["--force-modversion", "--force", "-f"] {
        run(["insmod", option, &file]).succeeds_silently();
        Loaded::adopt("t_user");
    }
}
