//! The command line.

use std::ffi::OsString;

use clap::Parser;

use crate::TOOL;
use crate::common::options::{self, Common};
use crate::common::status::Status;

/// List the loaded modules.
#[derive(Debug, Default, Parser)]
#[command(name = "lsmod", bin_name = "lsmod", version, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) common: Common,
}

/// Without any option there is nothing to parse, and the usual call does not pay for it.
pub(crate) fn parse(argv: impl Iterator<Item = OsString>) -> Result<Cli, Status> {
    let argv: Vec<_> = argv.collect();
    if argv.len() <= 1 {
        return Ok(Cli::default());
    }
    options::parse(TOOL, argv)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }
}
