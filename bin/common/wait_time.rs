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
    /// Whether there is a wait at all.
    pub(crate) fn waits(self) -> bool {
        self != Self::For(Duration::ZERO)
    }

    /// Returns the moment it ends if it starts now; `None` if it never does.
    pub(crate) fn end(self) -> Option<Instant> {
        match self {
            Self::Forever => None,
            // A time beyond the clock's end never passes.
            Self::For(time) => Instant::now().checked_add(time),
        }
    }
}

/// Units, in nanoseconds.
const UNITS: &[(&str, u128)] = &[
    ("ms", 1_000_000),
    ("us", 1_000),
    ("s", SECOND),
    ("m", 60 * SECOND),
    ("h", 3600 * SECOND),
    ("", SECOND),
];
const SECOND: u128 = 1_000_000_000;

// In whole nanoseconds: no time is rounded on the way, and none is too long.
pub(crate) fn parse(text: &str) -> anyhow::Result<WaitTime> {
    if text == "forever" {
        return Ok(WaitTime::Forever);
    }
    let bad = || anyhow!("expected seconds or a number with a unit (ms, s, m, h)");
    let (number, unit) = UNITS
        .iter()
        .find_map(|(unit, scale)| text.strip_suffix(unit).map(|number| (number, *scale)))
        .ok_or_else(bad)?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let mut digits = whole.bytes().chain(fraction.bytes()).peekable();
    ensure!(digits.peek().is_some() && digits.all(|digit| digit.is_ascii_digit()), bad());

    let mut time = 0_u128;
    for digit in whole.bytes() {
        time = time.saturating_mul(10).saturating_add(u128::from(digit - b'0'));
    }
    time = time.saturating_mul(unit);
    let mut place = unit;
    for digit in fraction.bytes() {
        place /= 10;
        time = time.saturating_add(place * u128::from(digit - b'0'));
    }
    let Ok(seconds) = u64::try_from(time / SECOND) else { return Ok(WaitTime::Forever) };
    let rest = u32::try_from(time % SECOND).unwrap_or(0);
    Ok(WaitTime::For(Duration::new(seconds, rest)))
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
            ("1.", 1000),
            ("0.25m", 15_000),
            ("1.000000000000000000000000000000000000000001", 1000),
            ("0", 0),
        ] {
            let time = WaitTime::For(Duration::from_millis(millis));
            assert_eq!(parse(text).unwrap(), time, "{text}");
        }
        for text in
            ["", "s", "-1", "+1", "1e3", "inf", "nan", "1 s", "0x10", "1.2.3", "2d", ".", ".s"]
        {
            assert!(parse(text).is_err(), "{text}");
        }
        let huge = "9".repeat(400);
        assert_eq!(parse(&huge).unwrap(), WaitTime::Forever);
    }
}
