//! Dependencies that depmod's list names, and where it does not count.

use std::fs;
use std::thread::sleep;
use std::time::Duration;

use crate::cases::absent::Put;
use crate::guest::{is_loaded, loaded_names, release, run};

/// Loads raid456 with its dependencies, and returns how many bytes of modules insmod read.
fn load_raid456() -> usize {
    // Where libcrc32c is a module, its init function wants crc32c of the kernel, which gets that
    // by this program.
    let helper = "/proc/sys/kernel/modprobe";
    let usual = fs::read(helper).unwrap();
    fs::write(helper, "/kmod/modprobe").unwrap();
    let before = loaded_names();
    let found = run(["/kmod/modinfo", "-n", "raid456"]);
    let trace = "/tmp/trace";
    let strace = ["strace", "-f", "-y", "-o", trace, "-e", "trace=read,pread64"];
    run(strace.into_iter().chain(["/sbin/insmod", "-D", found.stdout.trim()])).succeeds_silently();
    assert!(is_loaded("raid456") && is_loaded("async_memcpy"));
    run(["/kmod/modprobe", "-r", "raid456"]).succeeds();
    for name in loaded_names().iter().filter(|name| !before.contains(name)) {
        run(["rmmod", name]);
    }
    fs::write(helper, usual).unwrap();
    let calls = fs::read_to_string(trace).unwrap();
    // Of a list, what was read names modules, too.
    let file = |line: &str| line.split('>').next().unwrap_or_default().contains(".ko");
    let of_modules = calls.lines().filter(|line| file(line));
    of_modules.filter_map(|line| line.rsplit(" = ").next()?.parse::<usize>().ok()).sum()
}

/// The release's list says what they are; where it is older than a file, or wrong, the files do.
pub(super) fn dependencies_of_a_distribution_module() {
    let list = format!("/lib/modules/{}/modules.dep", release());
    let text = fs::read_to_string(&list).unwrap();
    // Of a compressed file, insmod reads the start, which tells of which kind it is.
    let with_list = {
        let _newer = Put::new(&list, &text);
        load_raid456()
    };
    assert!(with_list < 4096, "{with_list} bytes were read");
    let wrong = text.lines().map(|line| match line.split_once(':') {
        Some((file, _)) if file.contains("/raid456.ko") => format!("{file}:\n"),
        _ => format!("{line}\n"),
    });
    let with_wrong_list = {
        let _wrong = Put::new(&list, wrong.collect::<String>());
        load_raid456()
    };
    assert!(with_wrong_list > 4096);
    let file = run(["/kmod/modinfo", "-n", "async_memcpy"]).stdout;
    let bytes = fs::read(file.trim()).unwrap();
    sleep(Duration::from_millis(50));
    fs::write(file.trim(), bytes).unwrap();
    assert!(load_raid456() > 4096);
    fs::write(&list, &text).unwrap();
}
