//! Messages to a person or to a log.

use std::io::{self, IsTerminal, Write};
use std::os::unix::net::UnixDatagram;

use modutils::diagnosis::WayOut;

use super::messages::{Explain, Messages};
use super::unprintable::escaped;

/// The lines that follow the first line of a failure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Explanation {
    /// One sentence with the real reason.
    pub(crate) cause: Option<String>,
    /// What the kernel logged about it, verbatim.
    pub(crate) kernel: Vec<String>,
    /// Commands or steps that would help.
    pub(crate) fix: Vec<WayOut>,
}

/// Severities of syslog(3).
pub(crate) const ERROR: u8 = 3;
const WARNING: u8 = 4;
const INFO: u8 = 6;

/// Writes messages where the options want them.
#[derive(Clone)]
pub(crate) struct Reporter {
    tool: &'static str,
    channel: Channel,
    explain: Explain,
    verbose: bool,
}

#[derive(Clone, Copy)]
enum Channel {
    Stderr,
    Syslog,
    None,
}

impl Reporter {
    pub(crate) fn new(tool: &'static str, messages: Messages) -> Self {
        let channel = match messages {
            Messages { quiet: true, .. } => Channel::None,
            Messages { syslog: true, .. } => Channel::Syslog,
            _ => Channel::Stderr,
        };
        let explain = match messages.explain {
            Some(explain) => explain,
            None if messages.verbose => Explain::Always,
            None => explain_by_default(),
        };
        Self { tool, channel, explain, verbose: messages.verbose }
    }

    pub(crate) fn is_verbose(&self) -> bool {
        self.verbose
    }

    /// Whether progress is read: on a terminal, or with `--verbose`.
    pub(crate) fn shows_progress(&self) -> bool {
        matches!(self.channel, Channel::Stderr) && (self.verbose || self.is_on_terminal())
    }

    /// Whether messages go to a terminal.
    pub(crate) fn is_on_terminal(&self) -> bool {
        matches!(self.channel, Channel::Stderr) && io::stderr().is_terminal()
    }

    /// Whether explanations are read at all: they can take time to find.
    pub(crate) fn explains(&self) -> bool {
        match (self.channel, self.explain) {
            (Channel::None, _) | (_, Explain::Never) => false,
            (_, Explain::Always) => true,
            // A log has no reader at this moment.
            (_, Explain::Auto) => self.is_on_terminal(),
        }
    }

    /// A failure, in the words of kmod: `TOOL: ERROR: LINE`.
    pub(crate) fn error(&self, line: &[u8], explanation: &Explanation) {
        self.line(ERROR, &[self.tool.as_bytes(), b": ERROR: ", line].concat(), explanation);
    }

    /// A warning: `TOOL: WARNING: TEXT`.
    pub(crate) fn warn(&self, text: &str) {
        let line = format!("{}: WARNING: {text}", self.tool);
        self.line(WARNING, line.as_bytes(), &Explanation::default());
    }

    /// News: `TOOL: TEXT`.
    pub(crate) fn tell(&self, text: &[u8]) {
        let line = [self.tool.as_bytes(), b": ", text].concat();
        self.line(INFO, &line, &Explanation::default());
    }

    /// Prints a whole line with its explanation; the severity is that of syslog(3).
    pub(crate) fn line(&self, severity: u8, line: &[u8], explanation: &Explanation) {
        let mut lines = vec![line.to_vec()];
        if self.explains() {
            lines.extend(explanation.lines_behind(line));
        }
        match self.channel {
            Channel::None => {}
            // A log keeps lines: each is a message of its own.
            Channel::Syslog => lines.iter().for_each(|line| self.syslog(severity, line)),
            Channel::Stderr => {
                let mut text = Vec::new();
                let terminal = io::stderr().is_terminal();
                for line in lines {
                    // A terminal must not obey control characters in names.
                    text.extend(if terminal { escaped(&line).into_bytes() } else { line });
                    text.push(b'\n');
                }
                // A failure here has nowhere to be reported.
                let _ = io::stderr().write_all(&text);
            }
        }
    }

    /// One datagram in the form of RFC 3164, as syslog(3) sends it.
    fn syslog(&self, severity: u8, line: &[u8]) {
        let message = log_record(self.tool, severity, line);
        // As with syslog(3), a system without a log loses the message.
        let _ = UnixDatagram::unbound()
            .and_then(|socket| socket.send_to(message.as_bytes(), "/dev/log"));
    }
}

/// A line as a record of the system log. A file's name may hold line breaks, and what looks like
/// the start of the next record: in here, it stays a name.
fn log_record(tool: &str, severity: u8, line: &[u8]) -> String {
    const DAEMON: u8 = 3 << 3;
    let own = [tool.as_bytes(), b": "].concat();
    let text = line.strip_prefix(own.as_slice()).unwrap_or(line);
    format!("<{}>{tool}[{}]: {}", DAEMON | severity, std::process::id(), escaped(text))
}

impl Explanation {
    /// A cause that the first line has in it already adds nothing.
    fn lines_behind(&self, first: &[u8]) -> impl Iterator<Item = Vec<u8>> {
        let said =
            |text: &&String| first.windows(text.len().max(1)).any(|part| part == text.as_bytes());
        let cause = self.cause.iter().filter(move |text| !said(text)).map(|text| ("cause", text));
        let kernel = self.kernel.iter().map(|text| ("kernel", text));
        let fix = self.fix.iter().filter_map(|fix| match fix {
            WayOut::Command(text) | WayOut::Step(text) => Some(("fix", text)),
            _ => None,
        });
        cause.chain(kernel).chain(fix).map(|(word, text)| format!("  {word}: {text}").into_bytes())
    }
}

fn explain_by_default() -> Explain {
    match std::env::var("MODUTILS_EXPLAIN").as_deref() {
        Ok("always") => Explain::Always,
        Ok("never") => Explain::Never,
        _ => Explain::Auto,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_not_repeated() {
        let explained = |cause: &str| {
            let explanation = Explanation { cause: Some(cause.to_owned()), ..Default::default() };
            explanation.lines_behind(b"rmmod: ERROR: Module x: too long").count()
        };
        assert_eq!(explained("too long"), 0);
        assert_eq!(explained("too longish"), 1);
        assert_eq!(explained(&"x".repeat(100)), 1);
    }

    #[test]
    fn no_name_forges_a_log_record() {
        let line = b"insmod: ERROR: could not load module x\n<3>kernel: Oops\x1b[2J.ko: No";
        let record = log_record("insmod", ERROR, line);
        let text = r"ERROR: could not load module x\x0a<3>kernel: Oops\x1b[2J.ko: No";
        assert_eq!(record, format!("<27>insmod[{}]: {text}", std::process::id()));
    }
}
