//! Parameter values, as the kernel's standard types take them: `kernel/params.c`, `lib/kstrtox.c`.

use std::borrow::Cow;

use super::facts::{Argument, Facts};
use crate::errno::Errno;
use crate::file::{Parameter, same_name};
use crate::insert::Arguments;
use crate::nearest::nearest;

/// Names that the kernel understands for every module.
const UNIVERSAL: &[&[u8]] = &[b"async_probe", b"dyndbg"];

impl Arguments {
    /// Returns the arguments that name none of a module's parameters, each with the most similar
    /// name that the module has. The kernel ignores such arguments, and only its log says so.
    pub fn unknown_to(&self, parameters: &[Parameter]) -> Vec<(String, Option<String>)> {
        unknown_parameters(self, parameters)
    }
}

fn unknown_parameters(
    arguments: &Arguments,
    parameters: &[Parameter],
) -> Vec<(String, Option<String>)> {
    let known = |name: &[u8]| {
        UNIVERSAL.iter().any(|other| same_name(other, name))
            || parameters.iter().any(|parameter| same_name(&parameter.name, name))
    };
    arguments
        .iter()
        .filter(|(name, _)| !known(name))
        .map(|(name, _)| {
            (
                lossy(&name),
                nearest(&name, parameters.iter().map(|it| it.name.as_slice())).map(lossy),
            )
        })
        .collect()
}

/// A value that its parameter does not take, and the kernel's answer to it.
pub(super) struct Bad<'a> {
    pub(super) argument: &'a Argument,
    pub(super) parameter: &'a Parameter,
    pub(super) errno: Errno,
}

/// The last bad one: all are looked at, and the last error is what the kernel returns.
pub(super) fn bad(facts: &Facts) -> Option<Bad<'_>> {
    let module = facts.valid_module()?;
    facts
        .arguments
        .iter()
        .filter_map(|argument| {
            let same = |parameter: &&Parameter| same_name(&parameter.name, &argument.name);
            let parameter = module.parameters.iter().find(same)?;
            let kind = parameter.kind.as_deref()?;
            let kind = String::from_utf8_lossy(kind);
            let kind = as_long_as(&kind, module.is_64());
            let errno = check(&kind, argument.value.as_deref()).err()?;
            Some(Bad { argument, parameter, errno })
        })
        .next_back()
}

/// The type that takes the same values in a module of 64 bits: there a `long` is longer.
fn as_long_as(kind: &str, is_64: bool) -> Cow<'_, str> {
    if is_64 || !kind.ends_with("long") || kind.ends_with("llong") {
        return kind.into();
    }
    kind.replace("long", "int").into()
}

/// Whether a type accepts a value, in a 64-bit module. A type of the module's own accepts any.
fn check(kind: &str, value: Option<&[u8]>) -> Result<(), Errno> {
    if let Some(element) = kind.strip_prefix("array of ") {
        let value = value.ok_or(Errno::EINVAL)?;
        return value.split(|&byte| byte == b',').try_for_each(|one| check(element, Some(one)));
    }
    let Some(kind) = KINDS.iter().find(|known| known.name == kind) else {
        return Ok(());
    };
    match (&kind.rule, value) {
        (Rule::Switch { bare: true }, None) => Ok(()),
        (_, None) | (Rule::Number { min: 0, .. }, Some([b'-', ..])) => Err(Errno::EINVAL),
        (Rule::Switch { .. }, Some(value)) => switch(value),
        (Rule::Number { min, max }, Some(value)) => match number(value)? {
            number if (*min..=*max).contains(&number) => Ok(()),
            _ => Err(Errno::ERANGE),
        },
        (Rule::Text { most }, Some(value)) if value.len() > *most => Err(Errno::ENOSPC),
        (Rule::Text { .. }, Some(_)) => Ok(()),
    }
}

struct Kind {
    name: &'static str,
    rule: Rule,
    takes: &'static str,
}

enum Rule {
    Number { min: i128, max: i128 },
    Switch { bare: bool },
    Text { most: usize },
}

const fn range(name: &'static str, min: i128, max: i128, takes: &'static str) -> Kind {
    Kind { name, rule: Rule::Number { min, max }, takes }
}

const SWITCH: &str = "which takes y, n, 1, 0, on or off";

const KINDS: &[Kind] = &[
    range("byte", 0, 255, "a number from 0 to 255"),
    range("short", -32768, 32767, "a number from -32768 to 32767"),
    range("ushort", 0, 65535, "a number from 0 to 65535"),
    range("int", -(1 << 31), (1 << 31) - 1, "a number from -2147483648 to 2147483647"),
    range("uint", 0, (1 << 32) - 1, "a number from 0 to 4294967295"),
    range("hexint", 0, (1 << 32) - 1, "a number from 0 to 0xffffffff"),
    range("long", -(1 << 63), (1 << 63) - 1, "a number, negative or not"),
    range("ulong", 0, (1 << 64) - 1, "a number that is not negative"),
    range("ullong", 0, (1 << 64) - 1, "a number that is not negative"),
    // Those of modules in Rust, Linux 6.19.
    range("u8", 0, 255, "a number from 0 to 255"),
    range("i8", -128, 127, "a number from -128 to 127"),
    range("u16", 0, 65535, "a number from 0 to 65535"),
    range("i16", -32768, 32767, "a number from -32768 to 32767"),
    range("u32", 0, (1 << 32) - 1, "a number from 0 to 4294967295"),
    range("i32", -(1 << 31), (1 << 31) - 1, "a number from -2147483648 to 2147483647"),
    range("u64", 0, (1 << 64) - 1, "a number that is not negative"),
    range("i64", -(1 << 63), (1 << 63) - 1, "a number, negative or not"),
    range("usize", 0, (1 << 64) - 1, "a number that is not negative"),
    range("isize", -(1 << 63), (1 << 63) - 1, "a number, negative or not"),
    Kind { name: "bool", rule: Rule::Switch { bare: true }, takes: SWITCH },
    Kind { name: "bint", rule: Rule::Switch { bare: true }, takes: SWITCH },
    Kind { name: "invbool", rule: Rule::Switch { bare: false }, takes: SWITCH },
    Kind { name: "charp", rule: Rule::Text { most: 1024 }, takes: "a text of at most 1024 bytes" },
    // How long it may be, only the module's code tells.
    Kind { name: "string", rule: Rule::Text { most: usize::MAX }, takes: "a text" },
];

/// Whether sysfs shows a parameter of this type so after it was set to `given`; `None` for a type
/// of the module's own.
pub(super) fn shows(kind: &str, given: &[u8], shown: &[u8]) -> Option<bool> {
    if let Some(element) = kind.strip_prefix("array of ") {
        let split = |list: &[u8]| -> Vec<Vec<u8>> {
            list.split(|&byte| byte == b',').map(<[u8]>::to_vec).collect()
        };
        let (given, shown) = (split(given), split(shown));
        let mut pairs = given.iter().zip(&shown);
        let same = pairs.all(|(given, shown)| self::shows(element, given, shown) != Some(false));
        return Some(given.len() == shown.len() && same);
    }
    let known = KINDS.iter().find(|known| known.name == kind);
    match known.map(|known| &known.rule) {
        // Only numbers were ever accepted.
        Some(Rule::Number { .. }) => {
            Some(number(given).is_ok_and(|given| number(shown) == Ok(given)))
        }
        Some(Rule::Switch { .. }) => Some(is_on(given)? == is_on(shown)?),
        Some(Rule::Text { .. }) => Some(given == shown),
        None => None,
    }
}

fn is_on(value: &[u8]) -> Option<bool> {
    switch(value).ok()?;
    Some(matches!(value, [b'y' | b'Y' | b't' | b'T' | b'1', ..] | [b'o' | b'O', b'n' | b'N', ..]))
}

/// What a type takes, in words.
pub(super) fn takes(kind: &str, is_64: bool) -> Option<&'static str> {
    let kind = as_long_as(kind.strip_prefix("array of ").unwrap_or(kind), is_64);
    KINDS.iter().find(|known| known.name == kind).map(|known| known.takes)
}

/// `kstrtobool`: the first letter counts, of "on" and "off" the second.
fn switch(value: &[u8]) -> Result<(), Errno> {
    match value {
        [b'y' | b'Y' | b't' | b'T' | b'1' | b'n' | b'N' | b'f' | b'F' | b'0', ..]
        | [b'o' | b'O', b'n' | b'N' | b'f' | b'F', ..] => Ok(()),
        _ => Err(Errno::EINVAL),
    }
}

/// `kstrtoll` and `kstrtoull` with base 0: a sign, `0x` or `0`, digits, perhaps one newline.
fn number(value: &[u8]) -> Result<i128, Errno> {
    let value = value.strip_suffix(b"\n").unwrap_or(value);
    let (negative, digits) = match value {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        all => (false, all),
    };
    let (base, digits) = match digits {
        [b'0', b'x' | b'X', rest @ ..] if rest.first().is_some_and(u8::is_ascii_hexdigit) => {
            (16, rest)
        }
        [b'0', _, ..] => (8, digits),
        all => (10, all),
    };
    if digits.is_empty() {
        return Err(Errno::EINVAL);
    }
    let mut number = 0_i128;
    for &digit in digits {
        let digit = char::from(digit).to_digit(base).ok_or(Errno::EINVAL)?;
        // Larger than anything the kernel takes, and far from the end of i128.
        number = (number * i128::from(base) + i128::from(digit)).min(1 << 100);
    }
    Ok(if negative { -number } else { number })
}

pub(super) fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        for (kind, value, expected) in [
            ("int", "1", Ok(())),
            ("int", "-0x10", Ok(())),
            ("int", "017\n", Ok(())),
            ("int", "08", Err(Errno::EINVAL)),
            ("int", "", Err(Errno::EINVAL)),
            ("int", "1 ", Err(Errno::EINVAL)),
            ("int", "0x", Err(Errno::EINVAL)),
            ("int", "abc", Err(Errno::EINVAL)),
            ("int", "2147483648", Err(Errno::ERANGE)),
            ("byte", "256", Err(Errno::ERANGE)),
            ("ullong", "18446744073709551615", Ok(())),
            ("ullong", "99999999999999999999999999999999999999999", Err(Errno::ERANGE)),
            ("array of int", "1,2,3", Ok(())),
            ("array of int", "1,,3", Err(Errno::EINVAL)),
            ("own_type", "whatever", Ok(())),
        ] {
            assert_eq!(check(kind, Some(value.as_bytes())), expected, "{kind} {value}");
        }
    }

    #[test]
    fn a_long_is_as_long_as_the_kernels() {
        let long = |kind: &str, value: &str, is_64: bool| {
            check(&as_long_as(kind, is_64), Some(value.as_bytes()))
        };
        for (kind, value) in [
            ("long", "2147483648"),
            ("long", "-2147483649"),
            ("ulong", "4294967296"),
            ("array of ulong", "1,4294967296"),
        ] {
            assert_eq!(long(kind, value, true), Ok(()), "{kind} {value}");
            assert_eq!(long(kind, value, false), Err(Errno::ERANGE), "{kind} {value}");
        }
        assert_eq!(long("ullong", "4294967296", false), Ok(()));
        assert_eq!(takes("long", false), takes("int", true));
    }

    #[test]
    fn unsigned_numbers_have_no_sign() {
        assert_eq!(check("uint", Some(b"-1")), Err(Errno::EINVAL));
        assert!(check("uint", Some(b"+1")).is_ok());
    }

    #[test]
    fn switches_and_texts() {
        for value in ["y", "N", "1", "on", "OFF", "yellow"] {
            assert_eq!(check("bool", Some(value.as_bytes())), Ok(()), "{value}");
        }
        for value in ["", "2", "o", "x"] {
            assert_eq!(check("bool", Some(value.as_bytes())), Err(Errno::EINVAL), "{value}");
        }
        assert_eq!(check("bool", None), Ok(()));
        assert_eq!(check("invbool", None), Err(Errno::EINVAL));
        assert_eq!(check("charp", Some(&[b'x'; 1025])), Err(Errno::ENOSPC));
    }

    #[test]
    fn values_as_sysfs_shows_them() {
        for (kind, given, shown, expected) in [
            ("int", "0x10", "16", Some(true)),
            ("int", "1", "2", Some(false)),
            ("bool", "on", "Y", Some(true)),
            ("bool", "1", "N", Some(false)),
            ("charp", "a", "a", Some(true)),
            ("array of int", "1,0x2", "1,2", Some(true)),
            ("array of int", "1,2", "1", Some(false)),
            ("own_type", "1", "2", None),
        ] {
            let found = shows(kind, given.as_bytes(), shown.as_bytes());
            assert_eq!(found, expected, "{kind} {given} {shown}");
        }
    }

    #[test]
    fn names_that_are_nearly_right() {
        let parameter = |name: &str| Parameter::named(name);
        let parameters = [parameter("debug"), parameter("p_int"), parameter("max_loop")];
        let near = |name: &str| {
            nearest(name.as_bytes(), parameters.iter().map(|it| it.name.as_slice())).map(lossy)
        };
        assert_eq!(near("debgu").as_deref(), Some("debug"));
        assert_eq!(near("p_itn").as_deref(), Some("p_int"));
        assert_eq!(near("maxloop").as_deref(), Some("max_loop"));
        assert_eq!(near("color"), None);
    }
}
