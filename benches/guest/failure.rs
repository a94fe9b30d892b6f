//! Loads that the kernel refuses: what the reason costs.

use std::fs;
use std::path::Path;

use super::report_times;
use super::tools::implementations;
use crate::race::Contender;

/// Built without what the kernel has to have, for its version magic.
pub(super) fn of_small_and_large(large: &Path) {
    let small = Path::new("/modules/t_plain.ko");
    for (size, file, rounds) in [("small", small, 7), ("large", large, 1)] {
        let file = other_version(file);
        let mut contenders = Vec::new();
        for (tool, run) in implementations("insmod") {
            contenders.push(Contender::new(tool, &format!("{run} {file}")).failing());
            if tool == "modutils" {
                let run = format!("{run} --explain=always {file}");
                contenders.push(Contender::new("modutils, explained", &run).failing());
            }
        }
        let case = format!("insmod that fails, {size} module");
        report_times(&case, rounds, &contenders);
    }
}

fn other_version(file: &Path) -> String {
    let mut bytes = fs::read(file).expect("the module");
    let magic = b"vermagic=";
    let at = bytes.windows(magic.len()).position(|part| part == magic).expect("a version magic");
    // With symbol versions, the kernel skips the release, which ends at a space.
    let end = bytes[at..].iter().position(|&byte| byte == b' ').expect("more than the release");
    bytes[at + end + 1] = b'X';
    let other = "/tmp/other.ko";
    fs::write(other, bytes).expect("a file");
    other.to_owned()
}
