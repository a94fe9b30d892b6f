//! insmod. Damaged compressed files are left out: the releases of kmod differ about them.

use std::fs::{self, File, OpenOptions, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};

use super::{ANSWERS, Comparison, Held, UNPRIVILEGED, initializing, nothing, unloading};
use crate::guest::{
    Loaded, altered, answering, distributions, has_symbol_versions, replace, replaced,
    with_another_crc,
};

crate::tests![
    files_of_all_kinds,
    modules_that_do_not_fit,
    parameters,
    names_that_are_taken,
    without_permission,
    what_any_init_returns,
    what_any_kernel_answers,
];

fn files_of_all_kinds() {
    let mut insmod = Comparison::of("insmod");
    fs::create_dir_all("/tmp/lines").unwrap();
    fs::write("/tmp/lines/empty.ko", "").unwrap();
    fs::write("/tmp/lines/text.ko", "not a module\n").unwrap();
    fs::write("/tmp/lines/page.ko", "<!DOCTYPE html>".repeat(99)).unwrap();
    fs::write("/tmp/lines/a\nb \x1b[2J.ko", "x").unwrap();
    for link in ["dangling.ko", "loop.ko"] {
        let _ = fs::remove_file(format!("/tmp/lines/{link}"));
    }
    symlink("/none", "/tmp/lines/dangling.ko").unwrap();
    symlink("loop.ko", "/tmp/lines/loop.ko").unwrap();
    let huge = File::create("/tmp/lines/huge.ko").unwrap();
    huge.set_len(3 << 30).unwrap();
    let long = format!("/{}", "x".repeat(5000));
    for file in [
        "/modules/none.ko",
        "none",
        "dummy",
        "/modules/none/",
        "/modules/t_plain.ko/",
        "/modules",
        "/dev/null",
        "/dev/zero",
        "/init",
        "/tmp/lines/empty.ko",
        "/tmp/lines/text.ko",
        "/tmp/lines/page.ko",
        "/tmp/lines/a\nb \x1b[2J.ko",
        "/tmp/lines/dangling.ko",
        "/tmp/lines/loop.ko",
        "/tmp/lines/huge.ko",
        &long,
        "",
    ] {
        insmod.alone(&[file]);
    }
    fs::remove_dir_all("/tmp/lines").unwrap();
    insmod.alone(&[]);
    for keep in [10, 60, 200, 5000] {
        insmod.alone(&[&altered("t_plain", |bytes| bytes.truncate(keep))]);
    }
    let file = altered("t_plain", |_| ());
    let writer = || -> Held { Box::new(OpenOptions::new().append(true).open(&file).unwrap()) };
    insmod.with(writer, &[], &[&file]);
}

fn modules_that_do_not_fit() {
    let mut insmod = Comparison::of("insmod");
    let base = || -> Held { Box::new(Loaded::new("t_base", "")) };
    insmod.alone(&["/modules/t_user.ko"]);
    insmod.alone(&["/modules/t_ns_user.ko"]);
    for (from, to) in [
        (" mod_unload ", " mod_unlobd "),
        (".gnu.linkonce.this_module", ".gnu.linkonce.that_module"),
    ] {
        insmod.alone(&[&replaced("t_plain", from, to)]);
    }
    insmod.alone(&[&altered("t_plain", |bytes| bytes[18] = 183)]);
    insmod.alone(&[&altered("t_plain", |bytes| bytes[16] = 2)]);
    insmod.with(base, &[], &[&replaced("t_dup", "t_bbse_add", "t_base_add")]);
    insmod.with(base, &[], &[&replaced("t_user", "license=GPL\0", "license=Own\0")]);
    let ns = || -> Held { Box::new(Loaded::new("t_ns", "")) };
    insmod.with(ns, &[], &[&replaced("t_ns_user", "import_ns=T_SPACE", "import_nx=T_SPACE")]);
    if has_symbol_versions() {
        insmod.with(base, &[], &[&with_another_crc("t_user", "t_base_add")]);
        insmod.alone(&[&with_another_crc("t_plain", "module_layout")]);
    }
    let signed = distributions("nls_cp437");
    let mut bytes = fs::read(&signed).unwrap();
    replace(&mut bytes, b"license=Dual BSD/GPL", b"license=Dual MIT/GPL");
    fs::write(&signed, bytes).unwrap();
    insmod.alone(&[&signed]);
    let damaged = altered("t_plain", |bytes| {
        bytes.extend([1, 2, 3, 0, 0, 2, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]);
        bytes.extend(b"~Module signature appended~\n");
    });
    insmod.alone(&[&damaged]);
}

fn parameters() {
    let mut insmod = Comparison::of("insmod");
    for parameter in [
        "p_int=many",
        "p_bool=perhaps",
        "p_ints=1,,2",
        "p_ints=1,2,3,4,5",
        "p_int",
        "p_byte=256",
        "p_string=sixteen-bytes-is",
    ] {
        insmod.alone(&["/modules/t_params.ko", parameter]);
    }
}

fn names_that_are_taken() {
    let mut insmod = Comparison::of("insmod");
    let plain = || -> Held { Box::new(Loaded::new("t_plain", "")) };
    insmod.with(plain, &[], &["/modules/t_plain.ko"]);
    insmod.alone(&[&replaced("t_plain", "t_plain\0", "printk\0\0")]);
    insmod.with(|| initializing("err=0"), &[], &["/modules/t_slow.ko"]);
    insmod.with(|| initializing("err=19"), &[], &["/modules/t_slow.ko", "err=5"]);
    insmod.with(unloading, &[], &["/modules/t_slow.ko"]);
}

fn without_permission() {
    let mut insmod = Comparison::of("insmod");
    let plain = || -> Held { Box::new(Loaded::new("t_plain", "")) };
    let closed = altered("t_plain", |_| ());
    fs::set_permissions(&closed, Permissions::from_mode(0o000)).unwrap();
    for under in UNPRIVILEGED {
        for file in ["/modules/t_plain.ko", "/modules/t_user.ko", "/modules", "/none.ko", "/init"] {
            insmod.with(nothing, under, &[file]);
        }
        insmod.with(plain, under, &["/modules/t_plain.ko"]);
        insmod.with(nothing, under, &[&closed]);
    }
}

/// Those that insmod has words for, others, some that only drivers return to each other, and the last
/// that counts as an error. All are compared with the C library's words elsewhere.
const ERRNOS: [i32; 20] =
    [1, 2, 3, 8, 11, 12, 16, 17, 19, 22, 38, 58, 110, 126, 129, 134, 512, 517, 524, 4095];

fn what_any_init_returns() {
    let mut insmod = Comparison::of("insmod");
    for errno in ERRNOS {
        insmod.alone(&["/modules/t_fail.ko", &format!("err={errno}")]);
    }
}

fn what_any_kernel_answers() {
    let mut insmod = Comparison::of("insmod");
    for errno in ANSWERS {
        let under = answering("finit_module,init_module", errno);
        let under: Vec<&str> = under.iter().map(String::as_str).collect();
        insmod.with(nothing, &under, &["/modules/t_plain.ko"]);
    }
}
