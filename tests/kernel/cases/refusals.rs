//! What insmod says, and with which status, when a module cannot be loaded: the
//! words of kmod.

use crate::guest::{Loaded, Run, altered, is_loaded, run};

crate::tests![
    loaded_already,
    missing_symbol,
    bad_parameter,
    init_failed,
    no_file,
    no_privilege,
    another_architecture,
    backtraces_are_not_printed,
];

fn loaded_already() {
    let _loaded = Loaded::new("t_plain", "");
    run(["insmod", "/modules/t_plain.ko"])
        .fails(3, "insmod: ERROR: could not insert module /modules/t_plain.ko: File exists");
}

fn missing_symbol() {
    run(["insmod", "/modules/t_user.ko"]).fails(
        7,
        "insmod: ERROR: could not insert module /modules/t_user.ko: Unknown symbol in module",
    );
}

fn bad_parameter() {
    for parameter in ["p_int=many", "p_bool=perhaps", "p_ints=1,2,3,4,5"] {
        run(["insmod", "/modules/t_params.ko", parameter]).fails(
            7,
            "insmod: ERROR: could not insert module /modules/t_params.ko: Invalid parameters",
        );
    }
    run(["insmod", "/modules/t_params.ko", "p_byte=256"]).fails(
        7,
        "insmod: ERROR: could not insert module /modules/t_params.ko: Numerical result out of range",
    );
    run(["insmod", "/modules/t_params.ko", "p_string=sixteen-bytes-is"]).fails(
        7,
        "insmod: ERROR: could not insert module /modules/t_params.ko: No space left on device",
    );
    assert!(!is_loaded("t_params"));
}

fn init_failed() {
    for (errno, text) in [(19, "No such device"), (5, "Input/output error")] {
        for suffix in ["", ".xz", ".gz"] {
            let file = format!("/modules/t_fail.ko{suffix}");
            let line = format!("insmod: ERROR: could not insert module {file}: {text}");
            run(["insmod", &file, &format!("err={errno}")]).fails(8, &line);
        }
    }
}

fn no_file() {
    run(["insmod", "/modules/none.ko"]).fails(
        1,
        "insmod: ERROR: could not load module /modules/none.ko: No such file or directory",
    );
}

fn no_privilege() {
    run(["setpriv", "--bounding-set=-sys_module", "insmod", "/modules/t_plain.ko"]).fails(
        6,
        "insmod: ERROR: could not insert module /modules/t_plain.ko: Operation not permitted",
    );
}

fn another_architecture() {
    let file = altered("t_plain", |bytes| {
        // e_machine, of one byte order or the other: AArch64, or x86-64 there.
        let machine = if bytes[18] == 183 { 62 } else { 183 };
        bytes[18] = machine;
    });
    let line = format!("insmod: ERROR: could not insert module {file}: Invalid module format");
    run(["insmod", &file]).fails(7, &line);
}

fn backtraces_are_not_printed() {
    Run::new("insmod").args(["/modules/t_user.ko"]).env("RUST_BACKTRACE", "full").done().fails(
        7,
        "insmod: ERROR: could not insert module /modules/t_user.ko: Unknown symbol in module",
    );
}
