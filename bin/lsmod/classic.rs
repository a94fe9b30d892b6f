//! The listing that scripts have read for twenty years, byte for byte as kmod writes it.

use modutils::loaded::{LoadedModule, ModuleList};
use modutils::{Error, ModuleName, System};

use crate::lsmod::line_buffer::LineBuffer;

const HEADING: &[u8] = b"Module                  Size  Used by\n";

/// Lists all modules without copying any: nearly every run of the tool does this.
///
/// # Errors
/// As [`ModuleList::rows`].
pub fn whole(list: &ModuleList, heading: bool, hash: DirectoryHash) -> Result<Vec<u8>, Error> {
    // Rows come out about as long as they went in.
    let mut listing = Listing::new(heading, hash, list.text_len());
    for row in list.rows() {
        let row = row?;
        listing.row(row.name, row.size, row.refcnt, row.used_by());
    }
    Ok(listing.text.into_bytes())
}

/// These modules.
pub fn some(modules: &[&LoadedModule], heading: bool, hash: DirectoryHash) -> Vec<u8> {
    let mut listing = Listing::new(heading, hash, 0);
    for module in modules {
        let size = module.size.to_string();
        let refcnt = module.refcnt.map_or_else(|| "-".to_owned(), |refcnt| refcnt.to_string());
        let users = module.used_by.iter().map(ModuleName::as_bytes);
        listing.row(module.name.as_bytes(), size.as_bytes(), refcnt.as_bytes(), users);
    }
    listing.text.into_bytes()
}

struct Listing<'a> {
    text: LineBuffer,
    /// The users of one module, kept to be filled again.
    users: Vec<(u32, &'a [u8])>,
    hash: DirectoryHash,
}

impl<'a> Listing<'a> {
    fn new(heading: bool, hash: DirectoryHash, length: usize) -> Self {
        let mut text = LineBuffer::new(length);
        if heading {
            text.put(HEADING);
        }
        Self { text, users: Vec::new(), hash }
    }

    /// `%-19s %8ld  %d`, and the users behind a space if there are any. A kernel that cannot
    /// unload keeps no count: there `-` stands, where kmod takes an errno, -2, for a count.
    fn row(
        &mut self,
        name: &[u8],
        size: &[u8],
        refcnt: &[u8],
        users: impl Iterator<Item = &'a [u8]>,
    ) {
        self.text.put(name);
        self.text
            .blanks(19_usize.saturating_sub(name.len()) + 1 + 8_usize.saturating_sub(size.len()));
        self.text.put(size);
        self.text.blanks(2);
        self.text.put(refcnt);
        // kmod lists users in the order in which the directory `holders` in sysfs is read: by the
        // hash of their names. Computing it saves opening a directory for each module.
        self.users.clear();
        self.users.extend(users.map(|name| (0, name)));
        if self.users.len() > 1 {
            for (hash, name) in &mut self.users {
                *hash = self.hash.of(name);
            }
            self.users.sort_unstable();
        }
        let mut before = b' ';
        for (_, user) in &self.users {
            self.text.put(&[before]);
            self.text.put(user);
            before = b',';
        }
        self.text.put(b"\n");
    }
}

/// The order in which sysfs lists directories: `kernfs_name_hash` in `fs/kernfs/dir.c`, with
/// `include/linux/stringhash.h`. It computes with the kernel's `long`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DirectoryHash {
    /// Of a kernel of 32 bits.
    Bits32,
    /// Of a kernel of 64 bits.
    Bits64,
}

impl DirectoryHash {
    /// That of the running kernel.
    pub fn of_kernel(system: &System) -> Self {
        if system.has_64_bit_kernel() { Self::Bits64 } else { Self::Bits32 }
    }

    fn of(self, name: &[u8]) -> u32 {
        const GOLDEN_RATIO_32: u64 = 0x61C8_8647;
        const GOLDEN_RATIO_64: u64 = 0x61C8_8646_80B5_83EB;
        // Higher bits do not influence the lower 32.
        let hash = name.iter().fold(0_u64, |hash, &byte| {
            let byte = u64::from(byte);
            hash.wrapping_add(byte << 4).wrapping_add(byte >> 4).wrapping_mul(11)
        });
        let (ratio, unused) = match self {
            Self::Bits32 => (GOLDEN_RATIO_32, 32),
            Self::Bits64 => (GOLDEN_RATIO_64, 0),
        };
        let hash = ((hash.wrapping_mul(ratio) << unused) >> 32) as u32;
        match hash & 0x7fff_ffff {
            // Reserved for `.`, `..` and the end of the directory.
            hash @ (0 | 1) => hash + 2,
            0x7fff_ffff => 0x7fff_fffe,
            hash => hash,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use modutils::Snapshot;

    fn listing(rows: &str) -> String {
        let snapshot = Snapshot::parse(rows.as_bytes()).unwrap();
        String::from_utf8(some(
            &snapshot.modules().iter().collect::<Vec<_>>(),
            true,
            DirectoryHash::Bits64,
        ))
        .unwrap()
    }

    #[test]
    fn columns() {
        assert_eq!(
            listing(
                "t_user 16384 0 - Live 0x0\n\
                 t_base 16384 1 t_user, Live 0x0\n\
                 a_name_of_more_than_19_bytes 123456789 10 - Live 0x0\n"
            ),
            "Module                  Size  Used by\n\
             t_user                 16384  0\n\
             t_base                 16384  1 t_user\n\
             a_name_of_more_than_19_bytes 123456789  10\n"
        );
    }

    #[test]
    fn odd_counts() {
        assert_eq!(
            listing("a 1 - - Live 0x0\nb 1 -1 - Unloading 0x0\nc 1 0 [permanent], Live 0x0\n"),
            "Module                  Size  Used by\n\
             a                          1  -\n\
             b                          1  -1\n\
             c                          1  0\n"
        );
        assert_eq!(listing(""), "Module                  Size  Used by\n");
    }

    /// The order that a kernel of 32 bits gave on a booted machine differs from that of 64.
    #[test]
    fn directory_order() {
        let order = |hash: DirectoryHash| {
            let mut names = ["t_user", "t_user2", "t_slow_user", "nf_nat"];
            names.sort_by_key(|name| hash.of(name.as_bytes()));
            names
        };
        assert_ne!(order(DirectoryHash::Bits32), order(DirectoryHash::Bits64));
    }
}
