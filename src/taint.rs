//! Taint letters of a module.

use std::fmt;

/// What a module's presence says about the kernel, letter by letter, in the kernel's order.
///
/// From `module_flags_taint` in the kernel's `kernel/module/main.c`; letters of kernels to come
/// are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Taints(String);

/// The letters that a module can have, and their meaning: `module` entries of `taint_flags` in the
/// kernel's `kernel/panic.c`.
const MEANINGS: &[(char, &str)] = &[
    ('P', "proprietary"),
    ('F', "force-loaded"),
    ('C', "staging"),
    ('O', "out-of-tree"),
    ('E', "unsigned"),
    ('K', "livepatch"),
    ('X', "auxiliary"),
    ('T', "randstruct"),
    ('N', "test"),
    ('J', "fwctl"),
];

impl Taints {
    /// The taints in the last column of `/proc/modules`, such as `(OE+)`, or in
    /// `/sys/module/NAME/taint`. `+` and `-` tell a module's state there and are left out.
    pub fn from_field(field: &str) -> Self {
        Self(field.chars().filter(|letter| !"()+-\n ".contains(*letter)).collect())
    }

    /// Each letter that this version knows, with what it means.
    pub fn known() -> impl Iterator<Item = (char, &'static str)> {
        MEANINGS.iter().copied()
    }

    /// The letters, such as `OE`; empty for an untainted module.
    pub fn letters(&self) -> &str {
        &self.0
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each letter in order, with what it means; none for a letter that this version does not
    /// know.
    pub fn meanings(&self) -> impl Iterator<Item = (char, Option<&'static str>)> {
        self.0.chars().map(|letter| {
            let known = MEANINGS.iter().find(|(known, _)| *known == letter);
            (letter, known.map(|(_, meaning)| *meaning))
        })
    }
}

impl fmt::Display for Taints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_marks_are_no_taints() {
        assert_eq!(Taints::from_field("(OE+)").letters(), "OE");
        assert_eq!(Taints::from_field("(-)").letters(), "");
        assert_eq!(Taints::from_field("POE\n").letters(), "POE");
    }

    #[test]
    fn unknown_letters_survive() {
        let taints = Taints::from_field("(OZ)");
        assert_eq!(taints.letters(), "OZ");
        let meanings: Vec<_> = taints.meanings().collect();
        assert_eq!(meanings, [('O', Some("out-of-tree")), ('Z', None)]);
    }
}
