//! How aliases are compared.

/// The rest of an alias. The binary indexes of depmod(8) have `_` for each `-`.
pub(super) fn without<'a>(start: &str, alias: &'a str) -> Option<&'a str> {
    let (head, rest) = alias.split_at_checked(start.len())?;
    is_same(head.as_bytes(), start.as_bytes()).then_some(rest)
}

/// Whether two aliases are the same, but for `-` and `_`.
pub(super) fn is_same(one: &[u8], other: &[u8]) -> bool {
    let fold = |byte: &u8| if *byte == b'-' { b'_' } else { *byte };
    one.iter().map(fold).eq(other.iter().map(fold))
}
