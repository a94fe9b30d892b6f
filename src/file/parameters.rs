//! The parameters that a module declares.
//!
//! `parmtype=NAME:TYPE` and `parm=NAME:DESCRIPTION` of modinfo, two independent lists: a parameter
//! may have either, both, or neither (`include/linux/moduleparam.h`).

use super::ModInfo;

/// A parameter, as the module declares it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Parameter {
    /// The name. For the kernel, `-` and `_` are the same in it.
    pub name: Vec<u8>,
    /// `int`, `bool`, `charp`, `array of int` and so on, or a name of the module's own.
    pub kind: Option<Vec<u8>>,
    /// The author's description.
    pub description: Option<Vec<u8>>,
}

#[cfg(test)]
impl Parameter {
    pub(crate) fn named(name: &str) -> Self {
        Self { name: name.into(), kind: None, description: None }
    }
}

/// All parameters, in the order of their first mention.
pub(super) fn parameters(modinfo: ModInfo<'_>) -> Vec<Parameter> {
    let mut parameters: Vec<Parameter> = Vec::new();
    let mut places = std::collections::HashMap::new();
    for (tag, value) in modinfo.entries() {
        if tag != b"parm" && tag != b"parmtype" {
            continue;
        }
        let colon = value.iter().position(|&byte| byte == b':').unwrap_or(value.len());
        let (name, text) = value.split_at(colon);
        let text = text.get(1..).unwrap_or_default();
        let place = *places.entry(name).or_insert(parameters.len());
        if place == parameters.len() {
            parameters.push(Parameter { name: name.to_vec(), kind: None, description: None });
        }
        if let Some(parameter) = parameters.get_mut(place) {
            let slot =
                if tag == b"parm" { &mut parameter.description } else { &mut parameter.kind };
            // Of several, modinfo takes the last: pm80xx describes one parameter three times.
            *slot = Some(text.to_vec());
        }
    }
    parameters
}

/// Whether the kernel takes these for the same name: `parameq` of `kernel/params.c`.
pub(crate) fn same_name(one: &[u8], other: &[u8]) -> bool {
    let folded = |byte: &u8| if *byte == b'-' { b'_' } else { *byte };
    one.iter().map(folded).eq(other.iter().map(folded))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_lists_become_one() {
        let modinfo = ModInfo::new(
            b"parm=b:a switch: on or off\0license=GPL\0parmtype=a:int\0parmtype=b:bool\0parm=c:x\0",
        );
        let parameter = |name: &str, kind: Option<&str>, description: Option<&str>| Parameter {
            name: name.into(),
            kind: kind.map(Into::into),
            description: description.map(Into::into),
        };
        assert_eq!(
            parameters(modinfo),
            [
                parameter("b", Some("bool"), Some("a switch: on or off")),
                parameter("a", Some("int"), None),
                parameter("c", None, Some("x")),
            ]
        );
    }

    #[test]
    fn the_last_description_counts() {
        let found = parameters(ModInfo::new(b"parm=a:first\0parmtype=a:int\0parm=a:last\0"));
        assert_eq!(found.len(), 1);
        assert_eq!(found.first().and_then(|it| it.description.as_deref()), Some(&b"last"[..]));
    }

    #[test]
    fn dashes_are_underscores() {
        assert!(same_name(b"a-b", b"a_b"));
        assert!(!same_name(b"a-b", b"a_c"));
        assert!(!same_name(b"a", b"a_"));
    }
}
