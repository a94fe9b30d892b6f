//! Short texts, written in less time than the formatter and the C library take.

/// Appends bytes; few of them in blocks of known sizes.
pub(crate) fn append(text: &mut Vec<u8>, bytes: &[u8]) {
    if bytes.len() > 64 {
        return text.extend_from_slice(bytes);
    }
    let (blocks, rest) = bytes.as_chunks::<8>();
    for block in blocks {
        text.extend(*block);
    }
    let (blocks, rest) = rest.as_chunks::<4>();
    for block in blocks {
        text.extend(*block);
    }
    for byte in rest {
        text.push(*byte);
    }
}

/// Appends the start of a block: to copy as much as the compiler knows beforehand is cheap.
pub(crate) fn append_start<const N: usize>(text: &mut Vec<u8>, block: &[u8; N], length: usize) {
    let end = text.len() + length;
    text.extend(*block);
    text.truncate(end);
}

/// Appends a number in decimal.
pub(crate) fn append_decimal(text: &mut Vec<u8>, mut number: u64) {
    // As many as the largest has.
    let mut digits = [0; 20];
    let mut count = 0;
    for place in digits.iter_mut().rev() {
        let [digit, ..] = (number % 10).to_le_bytes();
        *place = b'0' + digit;
        number /= 10;
        count += 1;
        if number == 0 {
            break;
        }
    }
    append(text, digits.get(digits.len() - count..).unwrap_or_default());
}

/// Appends a number that may be negative.
pub(crate) fn append_signed(text: &mut Vec<u8>, number: i64) {
    if number < 0 {
        text.push(b'-');
    }
    append_decimal(text, number.unsigned_abs());
}

/// Appends an address with all its digits, as the kernel writes it.
pub(crate) fn append_address(text: &mut Vec<u8>, address: u64) {
    text.extend_from_slice(b"0x");
    text.extend_from_slice(&eight_digits(address >> 32));
    text.extend_from_slice(&eight_digits(address & 0xffff_ffff));
}

/// The hexadecimal digits of 32 bits, all at once: each digit gets a byte, and those from ten up
/// the distance from `:` to `a`.
fn eight_digits(mut number: u64) -> [u8; 8] {
    for (bits, mask) in [(16, 0x0000_ffff_0000_ffff), (8, 0x00ff_00ff_00ff_00ff), (4, EACH * 0x0f)]
    {
        number = (number | number << bits) & mask;
    }
    let letters = (number + EACH * 6) >> 4 & EACH;
    (number + EACH * u64::from(b'0') + letters * u64::from(b'a' - b':')).to_be_bytes()
}

/// A 1 in each byte.
const EACH: u64 = u64::from_ne_bytes([1; 8]);

/// Returns whether all bytes are ASCII characters that show, neither of them one of `others`.
pub(crate) fn is_plain(text: &[u8], [one, other]: [u8; 2]) -> bool {
    let (words, rest) = text.as_chunks::<8>();
    let are_plain = |word: &[u8; 8]| {
        let word = u64::from_ne_bytes(*word);
        // Mycroft's test for a byte below a limit, and so for one that becomes 0.
        let below = |word: u64, limit: u8| word.wrapping_sub(EACH * u64::from(limit)) & !word;
        let equal = |byte: u8| below(word ^ (EACH * u64::from(byte)), 1);
        let high = word | below(word, b' ') | equal(b'\x7f') | equal(one) | equal(other);
        high & EACH << 7 == 0
    };
    let is_plain = |byte: u8| matches!(byte, b' '..=b'~') && byte != one && byte != other;
    words.iter().all(are_plain) && rest.iter().all(|byte| is_plain(*byte))
}

/// Two characters that no plain text has: `is_plain` refuses no other.
pub(crate) const NONE: [u8; 2] = [0; 2];

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut text = b"=".to_vec();
        write(&mut text);
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn as_the_formatter_writes() {
        for number in [0, 9, 10, 16384, u64::from(u32::MAX), u64::MAX] {
            assert_eq!(written(|text| append_decimal(text, number)), format!("={number}"));
            assert_eq!(written(|text| append_address(text, number)), format!("={number:#018x}"));
        }
        for number in [0, -1, 7, i64::MIN, i64::MAX] {
            assert_eq!(written(|text| append_signed(text, number)), format!("={number}"));
        }
        for length in 0..90 {
            let part = "abcdefghij".repeat(9);
            let part = part.get(..length).unwrap();
            assert_eq!(written(|text| append(text, part.as_bytes())), format!("={part}"));
        }
    }

    #[test]
    fn plain_text() {
        for byte in 0..=u8::MAX {
            for place in 0..20 {
                let mut text = *b"abcdefghijklmnopqrst";
                text[place] = byte;
                let shows = (b' '..=b'~').contains(&byte);
                assert_eq!(is_plain(&text, NONE), shows, "{byte} at {place}");
                let expected = shows && !b"\"\\".contains(&byte);
                assert_eq!(is_plain(&text, *b"\"\\"), expected, "{byte} at {place}");
            }
        }
    }
}
