//! Sizes for people.

use crate::lsmod::writing::append_decimal;

/// Returns a size as lsblk(8) writes it: `16K`, `1.9M`.
pub(crate) fn human(bytes: u64) -> String {
    let mut text = Vec::new();
    append_human(&mut text, bytes);
    String::from_utf8(text).unwrap_or_default()
}

/// Appends the same.
pub(crate) fn append_human(text: &mut Vec<u8>, bytes: u64) {
    const UNITS: &[(u32, u8)] =
        &[(10, b'K'), (20, b'M'), (30, b'G'), (40, b'T'), (50, b'P'), (60, b'E')];
    // In tenths, rounded half up.
    let tenths = |shift: u32| ((u128::from(bytes) * 20) >> shift).div_ceil(2);
    let fitting = UNITS.iter().find(|(shift, _)| tenths(*shift) < 10_240).or(UNITS.last());
    let Some((shift, unit)) = fitting.filter(|_| bytes >= 1024) else {
        append_decimal(text, bytes);
        return text.push(b'B');
    };
    // Less than 10,240, or 160 of the last unit.
    let tenths = u64::try_from(tenths(*shift)).unwrap_or_default();
    append_decimal(text, tenths / 10);
    if !tenths.is_multiple_of(10) {
        text.push(b'.');
        append_decimal(text, tenths % 10);
    }
    text.push(*unit);
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
