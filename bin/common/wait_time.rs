//! The TIME of `--wait=TIME`.

use std::time::{Duration, Instant};

use anyhow::{anyhow, ensure};

/// How long to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WaitTime {
    Forever,
    For(Duration),
}

impl WaitTime {
    /// Returns the moment it ends if it starts now; `None` if it never does.
    pub(crate) fn end(self) -> Option<Instant> {
        match self {
            Self::Forever => None,
            // A time beyond the clock's end never passes.
            Self::For(time) => Instant::now().checked_add(time),
        }
    }
}

const UNITS: &[(&str, f64)] =
    &[("ms", 0.001), ("us", 0.000_001), ("s", 1.0), ("m", 60.0), ("h", 3600.0), ("", 1.0)];

pub(crate) fn parse(text: &str) -> anyhow::Result<WaitTime> {
    if text == "forever" {
        return Ok(WaitTime::Forever);
    }
    let bad = || anyhow!("expected seconds or a number with a unit (ms, s, m, h)");
    let (number, scale) = UNITS
        .iter()
        .find_map(|(unit, scale)| text.strip_suffix(unit).map(|number| (number, scale)))
        .ok_or_else(bad)?;
    // Rust also reads "inf", "1e9" and signs, which are no way to write a time.
    let is_plain = number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    ensure!(is_plain && !number.is_empty(), bad());
    let seconds = number.parse::<f64>().map_err(|_| bad())? * scale;
    Ok(Duration::try_from_secs_f64(seconds).map_or(WaitTime::Forever, WaitTime::For))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        for (text, millis) in [
            ("2", 2000),
            ("0.5", 500),
            ("300ms", 300),
            ("2m", 120_000),
            ("1s", 1000),
            (".5", 500),
            ("0", 0),
        ] {
            let time = WaitTime::For(Duration::from_millis(millis));
            assert_eq!(parse(text).unwrap(), time, "{text}");
        }
        for text in ["", "s", "-1", "+1", "1e3", "inf", "nan", "1 s", "0x10", "1.2.3", "2d"] {
            assert!(parse(text).is_err(), "{text}");
        }
        let huge = "9".repeat(400);
        assert_eq!(parse(&huge).unwrap(), WaitTime::Forever);
    }
}
