//! The virtual machine that the guest half runs in.

use std::ffi::OsStr;
use std::fmt::Debug;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::result::Measured;
use crate::tools::Tools;

/// Kernels to measure on: those given, or all that every test is run on.
fn flavors() -> Vec<String> {
    let given = std::env::var("MODUTILS_KERNELS").unwrap_or_default();
    let names = if given.is_empty() { script(&["tests/vm/flavors.sh"]) } else { given };
    names.split_whitespace().map(str::to_owned).collect()
}

fn script<S: AsRef<OsStr> + Debug>(command: &[S]) -> String {
    let output = Command::new(&command[0])
        .args(&command[1..])
        .current_dir(crate::REPOSITORY)
        // Beside ours, for what reads through all processes.
        .env("MODUTILS_PROGRAMS", "lsof fuser")
        .stderr(Stdio::inherit())
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A small module, for what can be measured without loading it.
pub(crate) fn test_module() -> PathBuf {
    Path::new(script(&["tests/vm/modules.sh", &first_flavor()]).trim()).join("t_plain.ko")
}

/// The directory of large ones.
pub(crate) fn large_modules() -> PathBuf {
    script(&["benches/large.sh", &first_flavor()]).trim().into()
}

fn first_flavor() -> String {
    flavors().into_iter().next().expect("a kernel")
}

/// Calls `each` with the results of each case on each kernel. Returns whether all machines came to
/// their end.
pub(crate) fn measure(work: &Path, tools: &Tools, each: &mut dyn FnMut(Vec<Measured>)) -> bool {
    let mut all_done = true;
    for flavor in flavors() {
        all_done &= measure_on(&flavor, work, tools, each);
    }
    all_done
}

fn measure_on(
    flavor: &str,
    work: &Path,
    tools: &Tools,
    each: &mut dyn FnMut(Vec<Measured>),
) -> bool {
    let initramfs = work.join("guest.cpio");
    let text = |path: &Path| path.to_str().expect("a path in UTF-8").to_owned();
    let own = std::env::current_exe().expect("the path of this program");
    let large = script(&["benches/large.sh", flavor]);
    let large = fs::read_dir(large.trim()).expect("large modules").flatten();
    let mut command: Vec<String> =
        ["tests/vm/initramfs.sh", flavor, &text(&initramfs), &text(&own)].map(str::to_owned).into();
    command.extend([tools.floor("insmod"), tools.floor("rmmod")]);
    command.extend(tools.copy_of_newer_kmod(work));
    command.extend(large.map(|entry| text(&entry.path())));
    script(&command);
    let mut machine = Command::new("tests/vm/boot.sh")
        .args(["-s", flavor, &text(&initramfs), "7200", &text(&work.join("console.log"))])
        .current_dir(crate::REPOSITORY)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a virtual machine");
    let output = BufReader::new(machine.stdout.take().expect("a pipe"));
    let mut done = false;
    for line in output.lines().map_while(Result::ok) {
        let line = line.trim();
        match serde_json::from_str::<Vec<Measured>>(line) {
            Ok(case) => each(case),
            Err(_) if line == "done" => done = true,
            Err(_) => eprintln!("{line}"),
        }
    }
    let _ = machine.wait();
    if !done {
        eprintln!("{flavor}: the guest did not finish; see {}", work.join("console.log").display());
    }
    done
}
