//! The options about messages.

/// Where messages go, and how much they say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Messages {
    pub(crate) explain: Option<Explain>,
    pub(crate) syslog: bool,
    pub(crate) verbose: bool,
    pub(crate) quiet: bool,
}

/// When failures are explained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Explain {
    /// On a terminal.
    Auto,
    Always,
    Never,
}
