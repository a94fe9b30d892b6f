//! What people reported, brought about again: `tests/reports.md` has the links, and which were right
//! at the first try: the kind, the sentence, the way out, and `--check`.

use std::fs;

use serde_json::Value;

use crate::guest::{
    Done, Expected, FORMAT, Loaded, PARAMETERS, Run, SYMBOL, altered, answering, assert_load,
    assert_verdict, has_symbol_versions, is_loaded, is_since, misfit, replaced, result, run,
    with_another_crc,
};

crate::tests![
    several_parameters_in_one_word,
    class_that_is_taken,
    init_that_rejects_its_surroundings,
    container_without_the_capability,
    filter_that_denies_the_call,
    policy_that_denies_the_file,
    another_build_is_loaded,
    provider_of_another_build,
    upgraded_and_not_rebooted,
    name_in_place_of_a_file,
    neighbors,
    objects_of_the_build,
    compressed_twice,
    answer_of_a_server,
    compiled_with_pic,
    linked_by_another_toolchain,
    hole_of_zeros,
    remedies_help,
    symbols_of_a_proprietary_module,
    symbol_that_is_not_exported,
    dependency_that_is_not_installed,
    built_without_versions,
    loaded_with_other_parameters,
];

fn cause(result: &Value) -> String {
    result["cause"]["text"].as_str().unwrap_or_default().to_owned()
}

fn fixes(result: &Value) -> Vec<String> {
    let fixes = result["fix"].as_array().cloned().unwrap_or_default();
    let text = |fix: &Value| {
        fix["command"].as_str().or(fix["step"].as_str()).unwrap_or_default().to_owned()
    };
    fixes.iter().map(text).collect()
}

fn log(result: &Value) -> Vec<String> {
    let log = result["kernel-log"].as_array().cloned().unwrap_or_default();
    log.iter().map(|line| line.as_str().unwrap_or_default().to_owned()).collect()
}

fn several_parameters_in_one_word() {
    run(["insmod", "/modules/t_params.ko", "p_charp=/tmp/x p_int=7"]).succeeds_silently();
    let _params = Loaded::adopt("t_params");
    let value =
        |name: &str| fs::read_to_string(format!("/sys/module/t_params/parameters/{name}")).unwrap();
    assert_eq!((value("p_charp").trim(), value("p_int").trim()), ("/tmp/x", "7"));
}

/// The line that tells names another party, and stack frames are no evidence.
fn class_that_is_taken() {
    let text = if is_since(7, 1) { "Device or resource busy" } else { "File exists" };
    let expected = Expected { kind: "init-failed", status: 8, text };
    let result = assert_load(&["/modules/t_class.ko", "name=mem"], &expected);
    let log = log(&result);
    assert!(log.iter().any(|line| line.contains("duplicate filename '/class/mem'")), "{log:?}");
    assert!(!log.iter().any(|line| line.contains("Call Trace") || line.contains("+0x")), "{log:?}");
    assert!(!log.iter().any(|line| line.contains("taints kernel")), "{log:?}");
}

fn init_that_rejects_its_surroundings() {
    let expected = Expected { kind: "init-failed", status: 8, text: PARAMETERS };
    let result = assert_load(&["/modules/t_fail.ko", "err=22"], &expected);
    assert_eq!(result["cause"]["certain"], true, "{result}");
    assert_eq!(log(&result), ["t_fail: refusing with 22"]);
    // A second, identical call says the same.
    assert_load(&["/modules/t_fail.ko", "err=22"], &expected);
}

fn without_capability(mark: &str) -> Value {
    fs::write(mark, "").unwrap();
    let line = ["setpriv", "--bounding-set=-sys_module", "insmod", "-J", "/modules/t_plain.ko"];
    let done = run(line);
    fs::remove_file(mark).unwrap();
    done.check(done.status == Some(6), "is not permitted");
    result(&done)
}

fn container_without_the_capability() {
    let result = without_capability("/.dockerenv");
    assert_eq!(result["cause"]["kind"], "no-privilege");
    let fixes = fixes(&result);
    assert!(fixes.iter().any(|fix| fix.contains("docker run --cap-add SYS_MODULE")), "{fixes:?}");
    assert!(!fixes.iter().any(|fix| fix.contains("sudo")), "{fixes:?}");
}

/// Answers in the kernel's place, under a tracer that uses a filter of seccomp.
fn injected(errno: &str) -> Done {
    let words = ["insmod", "-J", "/modules/t_plain.ko"].map(str::to_owned);
    run(answering("finit_module,init_module", errno).into_iter().chain(words))
}

fn filter_that_denies_the_call() {
    for errno in ["EPERM", "ENOSYS"] {
        let result = result(&injected(errno));
        assert_eq!(result["cause"]["kind"], "security-policy", "{result}");
        assert_eq!(result["cause"]["certain"], false, "{result}");
        assert!(cause(&result).contains("seccomp"), "{result}");
    }
    // Whatever the answer is, nothing is certain.
    for errno in ["ENODEV", "EINVAL", "ENOENT", "EBUSY", "EEXIST", "ENOEXEC", "EIO"] {
        let result = result(&injected(errno));
        assert_eq!(result["cause"]["certain"], false, "{errno}: {result}");
    }
}

fn policy_that_denies_the_file() {
    for _ in 0..2 {
        let result = result(&injected("EACCES"));
        assert_eq!(result["cause"]["kind"], "security-policy", "{result}");
    }
}

/// A copy of a module with another build ID.
fn another_build(name: &str) -> String {
    altered(name, |bytes| {
        let note = b"\x04\0\0\0\x14\0\0\0\x03\0\0\0GNU\0";
        let at = bytes.windows(note.len()).position(|part| part == note).expect("no build ID");
        bytes[at + note.len()] ^= 0xff;
    })
}

fn another_build_is_loaded() {
    let _plain = Loaded::new("t_plain", "");
    let file = another_build("t_plain");
    let expected = Expected { kind: "already-loaded", status: 3, text: "File exists" };
    let result = assert_verdict(&[&file], &expected);
    let builds = &result["cause"]["build-ids"];
    assert_ne!(builds["loaded"], builds["file"], "{result}");
    assert!(cause(&result).contains("another build"), "{result}");
    assert_eq!(fixes(&result), [format!("insmod --replace {file}")]);
    let done = run(["insmod", "--if-needed", &file]);
    done.check(done.status == Some(0), "succeeds");
    let warning = format!("; to load this one: insmod --replace --if-needed {file}\n");
    done.check(done.stderr.contains("build ID") && done.stderr.ends_with(&warning), "warns");
    // A module that is used is replaced with its users, once what holds it is known.
    let _base = Loaded::new("t_base", "");
    let _user = Loaded::new("t_user", "");
    let file = another_build("t_base");
    let record = crate::guest::result(&run(["insmod", "-J", &file]));
    assert_eq!(fixes(&record), [format!("insmod --replace --recursive {file}")]);
}

fn provider_of_another_build() {
    if !has_symbol_versions() {
        return;
    }
    let _base = Loaded::new("t_base", "");
    fs::copy("/modules/t_base.ko", "/tmp/t_base.ko").unwrap();
    let file = with_another_crc("t_user", "t_base_add");
    let result = assert_verdict(&[&file], &misfit("symbol-version-mismatch", PARAMETERS));
    assert_eq!(result["cause"]["provider"], "t_base", "{result}");
    assert!(fixes(&result)[0].contains("Module.symvers of the loaded t_base"), "{result}");
    fs::remove_file("/tmp/t_base.ko").unwrap();
}

/// The modules of the running kernel are gone, and those of another one are there: to reboot helps if
/// that is a newer one.
fn upgraded_and_not_rebooted() {
    if !fs::exists("/t_plain.ko").unwrap() {
        println!("the distribution has one kernel only");
        return;
    }
    let info = run(["/kmod/modinfo", "-F", "vermagic", "/t_plain.ko"]).stdout;
    let other = info.split(' ').next().unwrap();
    let line = format!(
        "mount -t tmpfs none /lib/modules && mkdir -p /lib/modules/{other} && \
         echo kernel/x.ko: >/lib/modules/{other}/modules.dep && exec insmod -J /t_plain.ko"
    );
    let done = run(["unshare", "-m", "sh", "-c", &line]);
    let found = result(&done);
    assert_eq!(found["cause"]["kind"], "vermagic-mismatch", "{found}");
    let numbers = |release: &str| -> Vec<u64> {
        release.split(['.', '-']).map_while(|number| number.parse().ok()).collect()
    };
    let running = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let reboots = fixes(&found)[0].starts_with(&format!("reboot into {other}"));
    assert_eq!(reboots, numbers(other) > numbers(&running), "{found}");
    let check = line.replace("insmod -J", "insmod -nJ");
    let foreseen = result(&run(["unshare", "-m", "sh", "-c", &check]));
    // Without modules to compare with, it is unknown whether this kernel compares the releases of
    // modules that have symbol versions.
    let says_so = cause(&foreseen).starts_with(&cause(&found));
    let is_certain = !info.contains("modversions");
    assert!(says_so && foreseen["cause"]["certain"] == is_certain, "{foreseen}");
}

fn name_in_place_of_a_file() {
    let result = result(&run(["insmod", "-J", "dummy", "numdummies=2"]));
    assert_eq!(result["cause"]["kind"], "file-not-found");
    assert_eq!(fixes(&result), ["modprobe dummy numdummies=2"]);
}

fn neighbors() {
    let missing = |file: &str| {
        let expected =
            Expected { kind: "file-not-found", status: 1, text: "No such file or directory" };
        fixes(&assert_verdict(&[file, "a=1"], &expected))
    };
    fs::create_dir_all("/tmp/near").unwrap();
    fs::copy("/modules/t_plain.ko.xz", "/tmp/near/t_plain.ko.xz").unwrap();
    assert_eq!(missing("/tmp/near/t_plain.ko"), ["insmod /tmp/near/t_plain.ko.xz a=1"]);
    assert_eq!(missing("/tmp/near/t-plain.ko.gz"), ["insmod /tmp/near/t_plain.ko.xz a=1"]);
    std::os::unix::fs::symlink("/none/x.ko", "/tmp/near/x.ko").unwrap();
    let result = result(&run(["insmod", "-J", "/tmp/near/x.ko"]));
    assert!(cause(&result).contains("symbolic link to /none/x.ko"), "{result}");
}

fn objects_of_the_build() {
    fs::create_dir_all("/tmp/build").unwrap();
    fs::copy("/modules/t_plain.ko", "/tmp/build/t_plain.ko").unwrap();
    let mut bytes = fs::read("/modules/t_plain.ko").unwrap();
    crate::guest::replace(&mut bytes, b".gnu.linkonce.this_module", b".gnu.linkonce.that_module");
    fs::write("/tmp/build/t_plain.o", bytes).unwrap();
    let result = assert_verdict(&["/tmp/build/t_plain.o"], &misfit("not-a-module", FORMAT));
    assert!(cause(&result).contains("intermediate object"), "{result}");
    assert_eq!(fixes(&result), ["insmod /tmp/build/t_plain.ko"]);
}

fn compressed_twice() {
    run(["sh", "-c", "gzip -c /modules/t_plain.ko.gz >/tmp/twice.ko.gz"]).succeeds();
    let result = assert_verdict(&["/tmp/twice.ko.gz"], &misfit("not-elf", FORMAT));
    assert!(cause(&result).contains("compressed twice"), "{result}");
}

fn answer_of_a_server() {
    for (start, text) in [
        (&b"HTTP/1.1 200 OK\r\nServer: x\r\n\r\n"[..], "the module starts at byte 30"),
        (b"<!DOCTYPE html>\n<html>", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS"),
    ] {
        let file = altered("t_plain", |bytes| drop(bytes.splice(0..0, start.iter().copied())));
        let result = assert_verdict(&[&file], &misfit("not-elf", FORMAT));
        assert!(cause(&result).contains(text), "{result}");
        assert_eq!(fixes(&result).len(), 1, "{result}");
    }
}

/// Changes the first relocation of the code, with what it points to.
fn with_relocation(change: impl Fn(&mut [u8; 24], &mut u8)) -> String {
    altered("t_plain", |bytes| {
        let word = |at: usize, width: usize| {
            let mut word = [0; 8];
            word[..width].copy_from_slice(&bytes[at..at + width]);
            usize::try_from(u64::from_le_bytes(word)).unwrap()
        };
        let (table, count) = (word(40, 8), word(60, 2));
        let header = |index: usize| table + index * 64;
        let found = (0..count).find_map(|index| {
            let at = header(index);
            // SHT_RELA, of a section with SHF_ALLOC and bytes of its own.
            let target = header(word(at + 44, 4));
            let wanted = word(at + 4, 4) == 4
                && word(target + 8, 8) & 2 != 0
                && word(target + 4, 4) == 1
                && word(at + 32, 8) >= 24;
            wanted.then(|| (word(at + 24, 8), word(target + 24, 8)))
        });
        let (entry, target) = found.expect("no relocation");
        let place = target + word(entry, 8);
        let mut relocation: [u8; 24] = bytes[entry..entry + 24].try_into().unwrap();
        let mut byte = bytes[place];
        change(&mut relocation, &mut byte);
        bytes[entry..entry + 24].copy_from_slice(&relocation);
        bytes[place] = byte;
    })
}

fn compiled_with_pic() {
    let file = with_relocation(|relocation, _| relocation[8] = 41);
    let result = assert_verdict(&[&file], &misfit("not-a-module", FORMAT));
    assert!(cause(&result).contains("-fPIC"), "{result}");
}

fn linked_by_another_toolchain() {
    let file = with_relocation(|_, byte| *byte = 0x55);
    let result = assert_verdict(&[&file], &misfit("not-a-module", FORMAT));
    assert!(cause(&result).contains("another toolchain"), "{result}");
}

fn hole_of_zeros() {
    let file = altered("t_plain", |bytes| {
        // The second half of the symbol table.
        let word = |at: usize, width: usize| {
            let mut word = [0; 8];
            word[..width].copy_from_slice(&bytes[at..at + width]);
            usize::try_from(u64::from_le_bytes(word)).unwrap()
        };
        let (table, count) = (word(40, 8), word(60, 2));
        let found = (0..count).map(|index| table + index * 64).find(|at| word(at + 4, 4) == 2);
        let at = found.expect("no symbols");
        let (start, size) = (word(at + 24, 8), word(at + 32, 8));
        bytes[start + size - 24..start + size].fill(0);
    });
    let result = assert_verdict(&[&file], &misfit("truncated", SYMBOL));
    assert!(cause(&result).contains("zeros"), "{result}");
}

/// Runs the first way out that is a command, and sees that it helps.
fn remedies_help() {
    let helped = |words: &[&str], name: &str| {
        let done = Run::new("insmod").args(["-J"]).args(words).done();
        let result = result(&done);
        let command = result["fix"][0]["command"].as_str().unwrap_or_default().to_owned();
        let line = format!("PATH=/sbin:/bin:/kmod; {command}");
        let fixed = run(["sh", "-c", &line]);
        fixed.check(fixed.status == Some(0), &format!("helps {words:?}"));
        assert!(is_loaded(name), "{words:?}: {command}");
        command
    };
    let command = helped(&["/modules/t_user.ko"], "t_user");
    assert_eq!(command, "insmod --deps /modules/t_user.ko");
    run(["rmmod", "-r", "t_base"]).succeeds();
    helped(&["dummy", "numdummies=1"], "dummy");
    run(["rmmod", "dummy"]).succeeds();
    fs::create_dir_all("/tmp/help").unwrap();
    fs::copy("/modules/t_params.ko.xz", "/tmp/help/t_params.ko.xz").unwrap();
    helped(&["/tmp/help/t_params.ko", "p_int=3"], "t_params");
    run(["rmmod", "t_params"]).succeeds();
    let plain = Loaded::new("t_plain", "");
    helped(&[&another_build("t_plain")], "t_plain");
    drop(plain);
}

/// Beside symbols for the GPL only, which come first or second.
fn symbols_of_a_proprietary_module() {
    let base = replaced("t_base", "license=GPL\0", "license=Own\0");
    run(["insmod", &base]).succeeds_silently();
    let _base = Loaded::adopt("t_base");
    let expected = misfit("gpl-only-symbol", SYMBOL);
    let result = assert_verdict(&["/modules/t_user.ko"], &expected);
    assert_eq!(result["cause"]["provider"], "t_base", "{result}");
    assert_eq!(fixes(&result), [""; 0]);
}

fn symbol_that_is_not_exported() {
    let file = replaced("t_user", "t_base_add", "ksys_write");
    let result = assert_verdict(&[&file], &misfit("missing-symbol", SYMBOL));
    assert_eq!(result["cause"]["not-exported"], serde_json::json!(["ksys_write"]), "{result}");
    assert!(cause(&result).contains("ksys_write (in this kernel, but not exported"), "{result}");
}

fn dependency_that_is_not_installed() {
    fs::create_dir_all("/tmp/alone").unwrap();
    fs::copy("/modules/t_user.ko", "/tmp/alone/t_user.ko").unwrap();
    let result = assert_verdict(&["/tmp/alone/t_user.ko"], &misfit("missing-symbol", SYMBOL));
    assert!(cause(&result).ends_with("; it depends on t_base, not installed for this kernel"));
    assert!(fixes(&result)[0].starts_with("install the module t_base for kernel "), "{result}");
}

/// As without a Module.symvers, which Debian's kernels do not overlook.
fn built_without_versions() {
    if !has_symbol_versions() {
        return;
    }
    let _base = Loaded::new("t_base", "");
    let entry = [b"t_base_add".as_slice(), &[0; 30]].concat();
    let file = altered("t_user", |bytes| {
        crate::guest::replace(bytes, &entry, &[b"t_base_odd".as_slice(), &[0; 30]].concat());
    });
    let result = assert_load(&[&file], &misfit("symbol-version-mismatch", PARAMETERS));
    assert!(cause(&result).contains("no versions for the symbols"), "{result}");
    assert!(fixes(&result).iter().any(|fix| fix.contains("Module.symvers")), "{result}");
}

fn loaded_with_other_parameters() {
    let _params = Loaded::new("t_params", "p_int=1");
    let expected = Expected { kind: "already-loaded", status: 3, text: "File exists" };
    let result = assert_verdict(&["/modules/t_params.ko", "p_int=2"], &expected);
    assert_eq!(fixes(&result), ["insmod --replace /modules/t_params.ko p_int=2"]);
    run(["insmod", "--replace", "/modules/t_params.ko", "p_int=2"]).succeeds_silently();
    let value = fs::read_to_string("/sys/module/t_params/parameters/p_int").unwrap();
    assert_eq!(value.trim(), "2");
}
