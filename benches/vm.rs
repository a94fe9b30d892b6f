//! The virtual machine that the guest half runs in.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::result::Measured;
use crate::tools::Tools;

/// Kernels to measure on: those given, or the newest that there is.
fn flavours() -> Vec<String> {
    let given = std::env::var("MODUTILS_KERNELS").unwrap_or_default();
    if !given.is_empty() {
        return given.split_whitespace().map(str::to_owned).collect();
    }
    let all = script(&["tests/vm/flavours.sh"]);
    all.lines().last().map(str::to_owned).into_iter().collect()
}

fn script(command: &[&str]) -> String {
    let output = Command::new(command[0])
        .args(&command[1..])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stderr(Stdio::inherit())
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A small module, for what can be measured without loading it.
pub(crate) fn test_module() -> PathBuf {
    let flavours = flavours();
    let flavour = flavours.first().expect("a kernel");
    Path::new(script(&["tests/vm/modules.sh", flavour]).trim()).join("t_plain.ko")
}

pub(crate) fn measure(work: &Path, tools: &Tools) -> Vec<Measured> {
    flavours().iter().flat_map(|flavour| measure_on(flavour, work, tools)).collect()
}

fn measure_on(flavour: &str, work: &Path, tools: &Tools) -> Vec<Measured> {
    let initramfs = work.join("guest.cpio");
    let text = |path: &Path| path.to_str().expect("a path in UTF-8").to_owned();
    let own = std::env::current_exe().expect("the path of this program");
    script(&[
        "tests/vm/initramfs.sh",
        flavour,
        &text(&initramfs),
        &text(&own),
        &tools.floor("insmod"),
        &tools.floor("rmmod"),
    ]);
    let mut machine = Command::new("tests/vm/boot.sh")
        .args(["-s", flavour, &text(&initramfs), "900", &text(&work.join("console.log"))])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a virtual machine");
    let output = BufReader::new(machine.stdout.take().expect("a pipe"));
    let mut results = Vec::new();
    let mut done = false;
    for line in output.lines().map_while(Result::ok) {
        let line = line.trim();
        match serde_json::from_str::<Vec<Measured>>(line) {
            Ok(case) => results.extend(case),
            Err(_) if line == "done" => done = true,
            Err(_) => eprintln!("{line}"),
        }
    }
    let _ = machine.wait();
    assert!(done, "the guest did not finish; see {}", work.join("console.log").display());
    results
}
