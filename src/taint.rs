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
    /// Parses the taints in the last column of `/proc/modules`, such as `(OE+)`, or in
    /// `/sys/module/NAME/taint`. `+` and `-` tell a module's state there and are left out.
    pub fn from_field(field: &str) -> Self {
        Self(field.chars().filter(|letter| !"()+-\n ".contains(*letter)).collect())
    }

    /// Returns each letter that this version knows, with its meaning.
    pub fn known() -> impl Iterator<Item = (char, &'static str)> {
        MEANINGS.iter().copied()
    }

    /// Returns the letters, such as `OE`; empty for an untainted module.
    pub fn letters(&self) -> &str {
        &self.0
    }

    /// Returns whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns each letter in order, with its meaning; none for a letter that this version does not
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

/// Why the kernel as a whole is tainted, until the next boot: modules that are gone left it behind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct KernelTaints(u64);

/// The letters by their bits, with what happened: `taint_flags` in the kernel's `kernel/panic.c`,
/// Linux 6.12, and `Documentation/admin-guide/tainted-kernels.rst`.
const EVENTS: &[(char, &str)] = &[
    ('P', "a proprietary module was loaded"),
    ('F', "a module was loaded by force"),
    ('S', "a processor is out of specification"),
    ('R', "a module was removed by force"),
    ('M', "a machine check happened"),
    ('B', "a bad memory page was found"),
    ('U', "a user asked for the taint"),
    ('D', "the kernel had an oops or a bug"),
    ('A', "an ACPI table was overridden"),
    ('W', "the kernel warned"),
    ('C', "a staging driver was loaded"),
    ('I', "a firmware bug was worked around"),
    ('O', "an out-of-tree module was loaded"),
    ('E', "an unsigned module was loaded"),
    ('L', "a soft lockup happened"),
    ('K', "the kernel was live patched"),
    ('X', "an auxiliary taint of the distribution was set"),
    ('T', "the kernel was built with randomized structures"),
    ('N', "a test was run"),
    ('J', "fwctl changed a device"),
];

impl KernelTaints {
    /// Parses the taints in a number of the form of the sysctl `kernel.tainted`.
    pub fn new(bits: u64) -> Self {
        Self(bits)
    }

    /// Returns the number.
    pub fn bits(self) -> u64 {
        self.0
    }

    /// Returns the letter of each taint, and its meaning; a bit that this version does not know has
    /// its number.
    pub fn events(self) -> impl Iterator<Item = (String, Option<&'static str>)> {
        let is_set = move |bit: &usize| self.0 >> bit & 1 == 1;
        (0..64_usize).filter(is_set).map(|bit| match EVENTS.get(bit) {
            Some((letter, event)) => (letter.to_string(), Some(*event)),
            None => (bit.to_string(), None),
        })
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

    #[test]
    fn bits_of_the_kernel() {
        let events: Vec<_> = KernelTaints::new(1 << 3 | 1 << 12 | 1 << 40).events().collect();
        assert_eq!(
            events,
            [
                ("R".to_owned(), Some("a module was removed by force")),
                ("O".to_owned(), Some("an out-of-tree module was loaded")),
                ("40".to_owned(), None),
            ]
        );
        assert_eq!(KernelTaints::default().events().count(), 0);
    }
}
