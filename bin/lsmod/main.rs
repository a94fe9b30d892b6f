//! `lsmod`: list the loaded modules.

use std::process::ExitCode;

fn main() -> ExitCode {
    modutils_tools::lsmod::main()
}
