//! `insmod`: load a module file into the kernel.

use std::process::ExitCode;

fn main() -> ExitCode {
    modutils_tools::insmod::main()
}
