//! A machine that has nothing but the three tools and two modules, as an initramfs may be.

use std::process::Command;

use libtest_mimic::Trial;

use super::{script, trial};

pub(super) fn trials(kernels: &[String]) -> Vec<Trial> {
    let test = |kernel: &String| {
        let on = kernel.clone();
        trial(kernel, "bare::nothing_but_the_tools_is_needed".to_owned(), move || run(&on))
    };
    kernels.iter().map(test).collect()
}

fn run(kernel: &str) -> Result<(), libtest_mimic::Failed> {
    let said = script(Command::new("tests/vm/bare.sh").arg(kernel))?;
    let first = |line: &str| line.split_whitespace().next().unwrap_or_default().to_owned();
    let words: Vec<String> = said.lines().map(first).collect();
    // lsmod with both modules, and once more without.
    if words == ["Module", "t_user", "t_base", "Module"] { Ok(()) } else { Err(said.into()) }
}
