//! Sizes for people.

/// A size as lsblk(8) writes it: `16K`, `1.9M`.
pub(crate) fn human(bytes: u64) -> String {
    const UNITS: &[&str] = &["K", "M", "G", "T", "P", "E"];
    if bytes < 1024 {
        return format!("{bytes}B");
    }
    let mut unit_bytes = 1024_u128;
    let mut units = UNITS.iter().peekable();
    loop {
        // In tenths, rounded half up.
        let tenths = (u128::from(bytes) * 20 / unit_bytes).div_ceil(2);
        let unit = units.next().unwrap_or(&"");
        if tenths >= 10_240 && units.peek().is_some() {
            unit_bytes *= 1024;
            continue;
        }
        let (whole, tenth) = (tenths / 10, tenths % 10);
        return if tenth == 0 {
            format!("{whole}{unit}")
        } else {
            format!("{whole}.{tenth}{unit}")
        };
    }
}

#[cfg(test)]
mod tests {
    use super::human;

    #[test]
    fn units_and_rounding() {
        for (bytes, text) in [
            (0, "0B"),
            (1023, "1023B"),
            (1024, "1K"),
            (12288, "12K"),
            (1536, "1.5K"),
            (2_043_904, "1.9M"),
            (1_048_575, "1M"),
            (1 << 30, "1G"),
            (u64::MAX, "16E"),
        ] {
            assert_eq!(human(bytes), text, "{bytes}");
        }
    }
}
