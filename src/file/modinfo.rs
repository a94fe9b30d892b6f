//! The section `.modinfo`: a module's description of itself.
//!
//! `tag=value` strings that each end with one or more NULs; a tag may repeat. From `next_string`
//! and `get_next_modinfo` in the kernel's `kernel/module/main.c`.

/// The entries of `.modinfo`.
#[derive(Clone, Copy, Debug)]
pub struct ModInfo<'data> {
    section: &'data [u8],
}

impl<'data> ModInfo<'data> {
    /// Parses the bytes of such a section.
    pub fn new(section: &'data [u8]) -> Self {
        Self { section }
    }

    /// Returns all entries, in order.
    pub fn entries(self) -> impl Iterator<Item = (&'data [u8], &'data [u8])> {
        self.section.split(|&byte| byte == 0).filter_map(|entry| {
            let equals = entry.iter().position(|&byte| byte == b'=')?;
            Some((entry.get(..equals)?, entry.get(equals + 1..)?))
        })
    }

    /// Returns all values of a tag, in order.
    pub fn values(self, tag: &str) -> impl Iterator<Item = &'data [u8]> {
        self.entries().filter(move |(found, _)| *found == tag.as_bytes()).map(|(_, value)| value)
    }

    /// Returns the first value of a tag, which is the one that the kernel uses.
    pub fn value(self, tag: &str) -> Option<&'data [u8]> {
        self.values(tag).next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_split_at_nuls_and_the_first_equals() {
        let info =
            ModInfo::new(b"license=GPL\0\0\0parm=a:b=c\0parm=d:e\0junk\0depends=\0vermagic=6.1 x ");
        assert_eq!(info.value("license"), Some(&b"GPL"[..]));
        assert_eq!(info.values("parm").collect::<Vec<_>>(), [&b"a:b=c"[..], b"d:e"]);
        assert_eq!(info.value("depends"), Some(&b""[..]));
        assert_eq!(info.value("vermagic"), Some(&b"6.1 x "[..]));
        assert_eq!(info.value("junk"), None);
    }
}
