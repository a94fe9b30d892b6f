//! The text of `/proc/modules`.
//!
//! A row is `name size refcnt users state address[ taints]` with single spaces, from `m_show` in
//! the kernel's `kernel/module/procfs.c`, alike since 2.6: `users` is `-`, or names and bracketed
//! marks that each end with a comma; `refcnt` and `users` are `-` without
//! `CONFIG_MODULE_UNLOAD`; `taints` is absent for an untainted module.

use super::{LoadedModule, State};
use crate::error::{Error, ErrorKind};
use crate::name::ModuleName;
use crate::taint::Taints;

/// A row of `/proc/modules` in the text that it was read into: what a plain listing needs, as the
/// kernel wrote it. [`LoadedModule`] has it as numbers, and more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ModuleRow<'a> {
    /// The name, see [`LoadedModule::name`].
    pub name: &'a [u8],
    /// Memory in bytes: a number that fits [`LoadedModule::size`].
    pub size: &'a [u8],
    /// References: a number that fits [`LoadedModule::refcnt`], or `-` if the kernel keeps no count.
    pub refcnt: &'a [u8],
    users: &'a [u8],
    /// State, address and taints.
    rest: &'a [u8],
}

// The functions for a plain listing are inlined into the command, which is compiled for speed rather
// than for size.

/// The rows of a text, in order.
#[inline]
pub(super) fn parse(text: &[u8]) -> impl Iterator<Item = Result<ModuleRow<'_>, Error>> {
    rows(text).enumerate().map(|(index, row)| {
        ModuleRow::parse(row).ok_or_else(|| {
            let detail = format!("line {}: '{}'", index + 1, row.escape_ascii());
            Error::new(ErrorKind::Malformed, detail)
        })
    })
}

/// The rows, without their newline.
#[inline]
pub(super) fn rows(mut text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let rows = std::iter::from_fn(move || {
        (!text.is_empty()).then_some(())?;
        let (row, rest) = text.split_at_checked(position(text, b'\n'))?;
        text = rest.get(1..).unwrap_or_default();
        Some(row)
    });
    rows.filter(|row| !row.is_empty())
}

/// The first field of a row.
pub(super) fn row_name(row: &[u8]) -> &[u8] {
    row.get(..position(row, b' ')).unwrap_or(row)
}

/// Returns where a byte comes first, or else the length: eight bytes at a time, by Mycroft's test for
/// a zero byte. The standard library's search is not made for texts as short as rows and fields.
#[inline(always)]
fn position(text: &[u8], byte: u8) -> usize {
    const ONES: u64 = u64::from_ne_bytes([0x01; 8]);
    const HIGHS: u64 = u64::from_ne_bytes([0x80; 8]);
    let (words, rest) = text.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let other = u64::from_le_bytes(*word) ^ u64::from_ne_bytes([byte; 8]);
        let found = other.wrapping_sub(ONES) & !other & HIGHS;
        if found != 0 {
            return index * 8 + found.trailing_zeros() as usize / 8;
        }
    }
    text.len() - rest.len() + rest.iter().position(|other| *other == byte).unwrap_or(rest.len())
}

impl<'a> ModuleRow<'a> {
    #[inline]
    fn parse(row: &'a [u8]) -> Option<Self> {
        let mut rest = row;
        let row = Self {
            name: field(&mut rest)?,
            size: field(&mut rest)?,
            refcnt: field(&mut rest)?,
            users: field(&mut rest).unwrap_or_default(),
            // Linux 2.6.0 ended here; later kernels add columns at the end.
            rest,
        };
        let counted = is_dash(row.refcnt) || count(row.refcnt).is_some();
        (counted && decimal(row.size).is_some()).then_some(row)
    }

    /// Returns the names of the modules that use it, in the kernel's order.
    #[inline]
    pub fn used_by(&self) -> impl Iterator<Item = &'a [u8]> {
        self.marks_and_users().filter(|user| !matches!(*user, b"[permanent]" | b"[unsafe]"))
    }

    #[inline]
    fn marks_and_users(&self) -> impl Iterator<Item = &'a [u8]> {
        let users = if is_dash(self.users) { &[] } else { self.users };
        users.split(|&byte| byte == b',').filter(|user| !user.is_empty())
    }

    /// Returns an owned copy of the row.
    pub fn to_module(&self) -> LoadedModule {
        let mut rest = self.rest;
        LoadedModule {
            name: ModuleName::from_kernel(self.name),
            // It is a number, or there would be no row.
            size: decimal(self.size).unwrap_or_default(),
            refcnt: count(self.refcnt),
            used_by: self.used_by().map(ModuleName::from_kernel).collect(),
            permanent: self.marks_and_users().any(|user| user == b"[permanent]"),
            state: field(&mut rest).map_or(State::Live, state),
            address: field(&mut rest).and_then(address),
            taints: field(&mut rest)
                .map(|field| Taints::from_field(&String::from_utf8_lossy(field)))
                .unwrap_or_default(),
        }
    }
}

/// Takes the next field and the space behind it; an empty one is none.
#[inline]
fn field<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (field, after) = rest.split_at_checked(position(rest, b' '))?;
    *rest = after.get(1..).unwrap_or_default();
    Some(field).filter(|field| !field.is_empty())
}

/// Without the call that a comparison of slices is.
#[inline]
fn is_dash(field: &[u8]) -> bool {
    matches!(field, [b'-'])
}

#[inline]
fn count(field: &[u8]) -> Option<i64> {
    let (digits, sign) = match field {
        [b'-', digits @ ..] => (digits, -1),
        digits => (digits, 1),
    };
    let count = decimal(digits).filter(|_| !digits.is_empty())?;
    Some(i64::try_from(count).ok()? * sign)
}

#[inline]
fn decimal(digits: &[u8]) -> Option<u64> {
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let add = |number: u64, digit: &u8| number.checked_mul(10)?.checked_add((digit - b'0').into());
    // Nineteen nines fit.
    if digits.len() < 20 {
        return Some(digits.iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0')));
    }
    digits.iter().try_fold(0, add)
}

fn state(field: &[u8]) -> State {
    match field {
        b"Live" => State::Live,
        b"Loading" => State::Loading,
        b"Unloading" => State::Unloading,
        other => State::Other(String::from_utf8_lossy(other).to_ascii_lowercase().into()),
    }
}

/// The kernel prints zeros to readers who may not see addresses.
fn address(field: &[u8]) -> Option<u64> {
    let [b'0', b'x', digits @ ..] = field else { return None };
    let mut address = 0_u64;
    for digit in digits {
        let digit = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            b'A'..=b'F' => digit - b'A' + 10,
            _ => return None,
        };
        address = address.checked_mul(16)? | u64::from(digit);
    }
    Some(address).filter(|&address| address != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &[u8]) -> Result<Vec<LoadedModule>, Error> {
        parse(text).map(|row| row.map(|row| row.to_module())).collect()
    }

    fn row(text: &str) -> LoadedModule {
        let mut rows = parsed(text.as_bytes()).unwrap();
        assert_eq!(rows.len(), 1, "{rows:?}");
        rows.remove(0)
    }

    fn names(module: &LoadedModule) -> Vec<String> {
        module.used_by.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_plain_row() {
        let module = row("t_base 16384 2 t_user,t_user2, Live 0xffffffffc0a53000 (OE)\n");
        assert_eq!(module.name.to_string(), "t_base");
        assert_eq!(module.size, 16384);
        assert_eq!(module.refcnt, Some(2));
        assert_eq!(names(&module), ["t_user", "t_user2"]);
        assert_eq!(module.state, State::Live);
        assert_eq!(module.address, Some(0xffff_ffff_c0a5_3000));
        assert_eq!(module.taints.letters(), "OE");
        assert_eq!(module.anonymous_references(), Some(0));
    }

    #[test]
    fn permanent_is_a_mark_and_no_user() {
        let module = row("t_noexit 16384 0 [permanent], Live 0x0000000000000000 (OE)");
        assert!(module.permanent);
        assert!(module.used_by.is_empty());
        assert_eq!(module.address, None);
        let module = row("old 1 1 a,[unsafe],[permanent], Live 0x0");
        assert!(module.permanent);
        assert_eq!(names(&module), ["a"]);
    }

    #[test]
    fn a_kernel_that_cannot_unload_keeps_no_count() {
        let module = row("ext4 700000 - - Live 0x0");
        assert_eq!(module.refcnt, None);
        assert_eq!(module.anonymous_references(), None);
        assert!(module.used_by.is_empty());
    }

    #[test]
    fn loading_and_unloading() {
        let module = row("t_slow 28672 1 - Loading 0xffffffffc0a53000 (OE+)");
        assert_eq!(module.state, State::Loading);
        assert_eq!(module.taints.letters(), "OE");
        assert_eq!(module.anonymous_references(), Some(0));
        let module = row("t_slow 16384 -1 - Unloading 0xffffffffc0a53000 (OE-)");
        assert_eq!(module.refcnt, Some(-1));
        assert_eq!(module.state, State::Unloading);
        // Linux 6.x writes no last field for an untainted module, even while it loads.
        assert_eq!(row("loop 28672 1 - Loading 0x0").state, State::Loading);
        assert_eq!(row("x 1 1 - Frozen 0x0").state, State::Other("frozen".into()));
    }

    #[test]
    fn rows_of_the_first_2_6_kernels() {
        let module = row("e100 26532 0 -");
        assert_eq!(module.state, State::Live);
        assert_eq!(module.address, None);
    }

    #[test]
    fn damage_is_an_error_with_its_line() {
        let error = parsed(b"a 1 0 - Live 0x0\nb\n").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Malformed);
        assert_eq!(error.detail(), "line 2: 'b'");
        for row in ["a x 0 -", "a 1 --1 -", "a +1 0 -", "a 1  -", "a 18446744073709551616 0 -"] {
            assert!(parsed(row.as_bytes()).is_err(), "{row}");
        }
        assert_eq!(row("a 18446744073709551615 0 -").size, u64::MAX);
        assert!(parsed(b" 1 0 -").is_err());
        assert_eq!(parsed(b"").unwrap(), []);
    }

    #[test]
    fn very_long_lines() {
        let users = "user,".repeat(2000);
        let module = row(&format!("base 1 2000 {users} Live 0x0"));
        assert_eq!(module.used_by.len(), 2000);
    }
}
