//! The listing that scripts have read for twenty years, byte for byte as kmod writes it.

use std::io::Write;

use modutils::{LoadedModule, ModuleName};

pub(crate) fn table(modules: &[&LoadedModule], heading: bool) -> Vec<u8> {
    let mut text = Vec::new();
    if heading {
        text.extend_from_slice(b"Module                  Size  Used by\n");
    }
    for module in modules {
        row(&mut text, module);
    }
    text
}

/// `%-19s %8ld  %d`, and the users behind a space if there are any.
fn row(text: &mut Vec<u8>, module: &LoadedModule) {
    let name = module.name.as_bytes();
    text.extend_from_slice(name);
    text.resize(text.len() + 19_usize.saturating_sub(name.len()), b' ');
    // Writing to a Vec cannot fail.
    let _ = write!(text, " {:8}  ", module.size);
    let _ = match module.refcnt {
        Some(refcnt) => write!(text, "{refcnt}"),
        // A kernel that cannot unload keeps no count; kmod takes an errno, -2, for one.
        None => write!(text, "-"),
    };
    let mut users: Vec<_> = module.used_by.iter().map(ModuleName::as_bytes).collect();
    users.sort_by_cached_key(|name| (directory_hash(name), *name));
    for (index, user) in users.iter().enumerate() {
        text.push(if index == 0 { b' ' } else { b',' });
        text.extend_from_slice(user);
    }
    text.push(b'\n');
}

/// kmod lists users in the order in which the directory `holders` in sysfs is read: by the hash of
/// their names (`kernfs_name_hash` in `fs/kernfs/dir.c`, `include/linux/stringhash.h`). Computing
/// it saves opening a directory for each module.
fn directory_hash(name: &[u8]) -> u32 {
    const GOLDEN_RATIO_64: u64 = 0x61C8_8646_80B5_83EB;
    let hash = name.iter().fold(0_u64, |hash, &byte| {
        let byte = u64::from(byte);
        hash.wrapping_add(byte << 4).wrapping_add(byte >> 4).wrapping_mul(11)
    });
    let hash = (hash.wrapping_mul(GOLDEN_RATIO_64) >> 32) as u32 & 0x7fff_ffff;
    match hash {
        // Reserved for `.`, `..` and the end of the directory.
        0 | 1 => hash + 2,
        0x7fff_ffff => hash - 1,
        hash => hash,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use modutils::Snapshot;

    fn listing(rows: &str) -> String {
        let snapshot = Snapshot::parse(rows.as_bytes()).unwrap();
        String::from_utf8(table(&snapshot.modules().iter().collect::<Vec<_>>(), true)).unwrap()
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
}
