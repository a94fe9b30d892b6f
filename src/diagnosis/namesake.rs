//! The way past a loaded module of the same name.

use crate::lasting;
use crate::loaded::Snapshot;
use crate::name::ModuleName;
use crate::remedy::{Change, Remedy};
use crate::system::System;

impl System {
    /// Returns what gets another build, or other parameters, of a loaded module into the kernel:
    /// replacing it, with the modules that use it if there are any, or a reboot if it stays.
    pub fn ways_to_replace(&self, name: &ModuleName) -> Vec<Remedy> {
        let replacing = |change| vec![Remedy::Repeat(change)];
        let Ok(snapshot) = Snapshot::take(self) else { return replacing(Change::Replacing) };
        let Some(module) = snapshot.get(name) else { return replacing(Change::Replacing) };
        // A kernel that keeps no count cannot unload.
        let stays = module.permanent || module.refcnt.is_none();
        if stays || lasting::user(self, &snapshot, name, false).is_some() {
            return vec![Remedy::step("reboot, then load the file")];
        }
        let change =
            if module.used_by.is_empty() { Change::Replacing } else { Change::ReplacingWithUsers };
        if module.anonymous_references() > Some(0) {
            return [vec![Remedy::ShowHolders(name.clone())], replacing(change)].concat();
        }
        replacing(change)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::captured::Captured;

    #[test]
    fn a_module_in_the_way() {
        let root = Captured::with(&[(
            "proc/modules",
            "free 1 0 - Live 0x0\nused 1 1 free, Live 0x0\nbase 1 1 stays, Live 0x0\n\
             stays 1 0 [permanent], Live 0x0\nheld 1 2 free, Live 0x0\nuncounted 1 - - Live 0x0\n",
        )]);
        let reboot = || vec![Remedy::step("reboot, then load the file")];
        let held = ModuleName::new("held").unwrap();
        for (name, expected) in [
            ("free", vec![Remedy::Repeat(Change::Replacing)]),
            ("used", vec![Remedy::Repeat(Change::ReplacingWithUsers)]),
            ("stays", reboot()),
            ("base", reboot()),
            ("uncounted", reboot()),
            ("held", vec![Remedy::ShowHolders(held), Remedy::Repeat(Change::ReplacingWithUsers)]),
        ] {
            let name = ModuleName::new(name).unwrap();
            assert_eq!(root.system().ways_to_replace(&name), expected, "{name}");
        }
    }
}
