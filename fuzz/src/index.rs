//! What depmod(8), modprobe.d(5) and package managers wrote.

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use modutils::availability::{Catalog, Presence};
use modutils::{ModuleName, System, packages};

/// A directory that looks like a system.
static ROOT: LazyLock<PathBuf> = LazyLock::new(|| {
    let root = std::env::temp_dir().join(format!("modutils-fuzz-index-{}", std::process::id()));
    for directory in [
        "proc/sys/kernel",
        "lib/modules/6.1.0",
        "etc/modprobe.d",
        "var/lib/rpm",
        "var/lib/dpkg/info",
        "var/lib/pacman/local/p-1-1",
        "lib/apk/db",
    ] {
        fs::create_dir_all(root.join(directory)).unwrap();
    }
    fs::write(root.join("proc/sys/kernel/osrelease"), "6.1.0\n").unwrap();
    root
});

/// Takes the directory away.
pub fn clean() {
    let _ = fs::remove_dir_all(&*ROOT);
}

fn look_up() {
    let system = System::at(&*ROOT);
    let catalog = Catalog::read(&system);
    for name in ["m", "n"] {
        let name = ModuleName::new(name).unwrap();
        let found = catalog.look_up(&name);
        assert_eq!(found.name, name);
        assert!(found.triggers.len() <= found.aliases.len());
        for block in &found.blocks {
            assert!(!block.to_string().is_empty() && !block.kind().is_empty());
            assert!(block.place().is_none_or(|place| place.line > 0));
        }
        if let Presence::Unknown { nearest, .. } = &found.presence {
            assert!(nearest.len() <= 5 && !nearest.contains(&name));
        }
    }
}

/// The binary indexes, all with these bytes.
pub fn depmod_index(bytes: &[u8]) {
    for list in ["dep", "alias", "builtin", "builtin.alias"] {
        fs::write(ROOT.join(format!("lib/modules/6.1.0/modules.{list}.bin")), bytes).unwrap();
    }
    look_up();
}

/// A file of modprobe.d, with lists of modules and aliases before it, separated by bytes that no
/// text has.
pub fn modprobe(bytes: &[u8]) {
    let mut parts = bytes.splitn(3, |&byte| byte == 0xff);
    let configuration = parts.next().unwrap_or_default();
    fs::write(ROOT.join("etc/modprobe.d/a.conf"), configuration).unwrap();
    for list in ["alias", "builtin.modinfo"] {
        let text = parts.next().unwrap_or_default();
        fs::write(ROOT.join("lib/modules/6.1.0/modules").with_extension(list), text).unwrap();
    }
    fs::write(ROOT.join("lib/modules/6.1.0/modules.dep"), "kernel/m.ko: kernel/n.ko\n").unwrap();
    look_up();
}

/// The data bases of package managers: the first byte says which one it is.
pub fn package(bytes: &[u8]) {
    const PLACES: &[&str] = &[
        "var/lib/rpm/rpmdb.sqlite",
        "var/lib/rpm/Packages.db",
        "var/lib/dpkg/info/p.list",
        "var/lib/dpkg/diversions",
        "var/lib/pacman/local/p-1-1/files",
        "lib/apk/db/installed",
    ];
    let Some((&which, bytes)) = bytes.split_first() else { return };
    let place = PLACES[usize::from(which) % PLACES.len()];
    fs::write(ROOT.join(place), bytes).unwrap();
    let files = [ROOT.join("lib/m.ko"), ROOT.join("usr/lib/modules/6.1.0/n.ko")];
    let owners = packages::owners(&System::at(&*ROOT), &files);
    assert!(owners.keys().all(|file| files.contains(file)));
    fs::remove_file(ROOT.join(place)).unwrap();
}
