//! Modules that stay loaded until reboot.

use crate::crash;
use crate::loaded::{LoadedModule, Snapshot};
use crate::name::ModuleName;
use crate::system::System;

/// Finds a module among those that use this one, directly or through others, that cannot be removed
/// until reboot. Force removes permanent modules, where the kernel knows it at all.
pub(crate) fn user(
    system: &System,
    snapshot: &Snapshot,
    name: &ModuleName,
    by_force: bool,
) -> Option<ModuleName> {
    let stays = |module: &LoadedModule| {
        module.permanent && !by_force
            || crash::behind(system, &module.name, &module.state).is_some()
    };
    let mut seen = vec![name.clone()];
    let mut at = 0;
    while let Some(module) = seen.get(at) {
        let users = snapshot.get(module).map(|module| module.used_by.clone()).unwrap_or_default();
        for user in users {
            if seen.contains(&user) {
                continue;
            }
            if snapshot.get(&user).is_some_and(stays) {
                return Some(user);
            }
            seen.push(user);
        }
        at += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::captured::Captured;

    #[test]
    fn users_of_users_count() {
        let root = Captured::new();
        let snapshot = Snapshot::parse(
            b"base 1 1 middle, Live 0x0\n\
              middle 1 1 top, Live 0x0\n\
              top 1 0 [permanent], Live 0x0\n\
              other 1 1 user, Live 0x0\n\
              user 1 1 other, Live 0x0\n",
        )
        .unwrap();
        let lasting = |name: &str, by_force| {
            let name = ModuleName::new(name).unwrap();
            user(&root.system(), &snapshot, &name, by_force).map(|name| name.to_string())
        };
        assert_eq!(lasting("base", false).as_deref(), Some("top"));
        assert_eq!(lasting("base", true), None);
        assert_eq!(lasting("other", false), None);
        // It is its own obstacle.
        assert_eq!(lasting("top", false), None);
    }
}
