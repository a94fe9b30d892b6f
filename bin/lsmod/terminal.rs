//! What the reader's screen is like.

use std::env;
use std::io::{self, IsTerminal};

use terminal_size::{Width, terminal_size_of};

/// How many characters fit in a line: those of the terminal, else what `COLUMNS` says, as
/// util-linux has it. A pipe or a file has no limit.
pub(crate) fn width() -> Option<usize> {
    if io::stdout().is_terminal()
        && let Some((Width(width), _)) = terminal_size_of(io::stdout())
        && width > 0
    {
        return Some(width.into());
    }
    env::var("COLUMNS").ok()?.parse().ok().filter(|width| *width > 0)
}

/// Whether characters beyond ASCII can be expected to show, by the locale of characters.
pub(crate) fn has_unicode() -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .filter_map(env::var_os)
        .find(|value| !value.is_empty())
        .unwrap_or_default();
    let locale = locale.to_string_lossy().to_ascii_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}
