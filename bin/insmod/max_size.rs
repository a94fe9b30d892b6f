//! The SIZE of `--max-size=SIZE`.

use anyhow::{anyhow, ensure};

/// Powers of 1024, as for other tools of the system.
const UNITS: &[(&str, u32)] = &[("K", 10), ("M", 20), ("G", 30), ("", 0)];

pub(crate) fn parse(text: &str) -> anyhow::Result<u64> {
    let bad = || anyhow!("expected bytes or a number with a unit (K, M, G)");
    let (number, shift) = UNITS
        .iter()
        .find_map(|(unit, shift)| text.strip_suffix(unit).map(|number| (number, *shift)))
        .ok_or_else(bad)?;
    // Rust also reads a sign.
    ensure!(number.bytes().all(|byte| byte.is_ascii_digit()), bad());
    let number: u64 = number.parse().map_err(|_| bad())?;
    number.checked_mul(1 << shift).ok_or_else(bad)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (text, size) in [("0", 0), ("4096", 4096), ("3K", 3072), ("700M", 700 << 20)] {
            assert_eq!(parse(text).unwrap(), size, "{text}");
        }
        assert_eq!(parse("2G").unwrap(), 2 << 30);
        for text in ["", "M", "-1", "+1", "1.5G", "1 G", "0x10", "2T", "18446744073709551616"] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(parse("17179869184G").is_err());
    }
}
