//! The properties of the terminal.

use std::env;
use std::io::{self, IsTerminal};

use modutils::loaded::{LoadedModule, State};
use terminal_size::{Width, terminal_size_of};

use crate::lsmod::table::Color;

/// How many characters fit in a line of the terminal, if that is where the output goes.
pub(crate) fn screen_width() -> Option<usize> {
    if !io::stdout().is_terminal() {
        return None;
    }
    let (Width(width), _) = terminal_size_of(io::stdout())?;
    (width > 0).then_some(width.into())
}

/// The same, or else the value of `COLUMNS`, as in util-linux. A pipe or a file has no limit.
pub(crate) fn width() -> Option<usize> {
    screen_width().or_else(|| env::var("COLUMNS").ok()?.parse().ok().filter(|width| *width > 0))
}

/// Returns the color of a module's name, if the module is out of the ordinary.
pub(crate) fn color_of(module: &LoadedModule) -> Option<Color> {
    let letters = module.taints.letters();
    match module.state {
        State::Live if letters.is_empty() => None,
        State::Live if letters.contains(['P', 'F']) => Some(Color::Red),
        State::Live => Some(Color::Yellow),
        _ => Some(Color::Cyan),
    }
}

/// Whether the output may have colors; see no-color.org.
pub(crate) fn has_colors() -> bool {
    let unset = |name: &str| env::var_os(name).is_none_or(|value| value.is_empty());
    let dumb = env::var_os("TERM").is_none_or(|term| term == "dumb");
    io::stdout().is_terminal() && unset("NO_COLOR") && !dumb
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
