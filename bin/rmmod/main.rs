//! `rmmod`: remove modules from the kernel.

use std::process::ExitCode;

fn main() -> ExitCode {
    modutils_tools::rmmod::main()
}
