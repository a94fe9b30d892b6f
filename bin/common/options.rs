//! The options that all three commands have.

use anyhow::bail;
use clap::Args;

#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Messages")]
pub(crate) struct Common {
    #[arg(
        long,
        value_name = "WHEN",
        require_equals = true,
        value_parser = explain,
        help = "When to explain failures: auto (on a terminal), always or never [default: auto] \
                [env: MODUTILS_EXPLAIN]"
    )]
    pub(crate) explain: Option<Explain>,
    /// Write messages to the system log instead of standard error
    #[arg(short, long)]
    pub(crate) syslog: bool,
    /// Explain failures and report each step
    #[arg(short, long)]
    pub(crate) verbose: bool,
    /// Print no messages; only set the exit status
    #[arg(short, long, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Explain {
    Auto,
    Always,
    Never,
}

fn explain(text: &str) -> anyhow::Result<Explain> {
    match text {
        "auto" => Ok(Explain::Auto),
        "always" => Ok(Explain::Always),
        "never" => Ok(Explain::Never),
        _ => bail!("the choices are always, never and auto"),
    }
}
