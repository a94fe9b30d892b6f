//! The order in which modules can go.

use std::collections::HashSet;

use crate::loaded::Snapshot;
use crate::name::ModuleName;

/// Which modules an order is to hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Extent {
    /// Those that are named.
    #[default]
    Named,
    /// Also all that use them, and all that use those.
    WithUsers,
}

impl Snapshot {
    /// Returns the names in an order in which each module comes after those of them that use it; otherwise as
    /// given, each once.
    ///
    /// ```
    /// use modutils::{ModuleName, Snapshot, System};
    /// use modutils::remove::Extent;
    ///
    /// let snapshot = Snapshot::take(&System::at("tests/fixtures/system"))?;
    /// let voice = [ModuleName::new("voice")?];
    /// let order = snapshot.removal_order(&voice, Extent::WithUsers);
    /// let names: Vec<_> = order.iter().map(ToString::to_string).collect();
    /// assert_eq!(names, ["hello", "voice_usb", "voice"]);
    /// # Ok::<(), modutils::Error>(())
    /// ```
    pub fn removal_order(&self, names: &[ModuleName], extent: Extent) -> Vec<ModuleName> {
        let wanted = match extent {
            Extent::Named => Some(names.iter().collect()),
            Extent::WithUsers => None,
        };
        let mut order = Order { snapshot: self, wanted, visited: HashSet::new() };
        let mut result = Vec::with_capacity(names.len());
        for name in names {
            order.visit(name, &mut result);
        }
        result
    }
}

struct Order<'a> {
    snapshot: &'a Snapshot,
    /// The only ones to be in it, if not all that are met.
    wanted: Option<HashSet<&'a ModuleName>>,
    visited: HashSet<&'a ModuleName>,
}

impl<'a> Order<'a> {
    /// Users first. A stack of its own instead of recursion: chains of users have no limit.
    fn visit(&mut self, name: &'a ModuleName, result: &mut Vec<ModuleName>) {
        let mut stack = vec![(name, false)];
        while let Some((name, users_done)) = stack.pop() {
            if users_done {
                if self.wanted.as_ref().is_none_or(|wanted| wanted.contains(name)) {
                    result.push(name.clone());
                }
                continue;
            }
            if !self.visited.insert(name) {
                continue;
            }
            stack.push((name, true));
            if let Some(module) = self.snapshot.get(name) {
                stack.extend(module.used_by.iter().rev().map(|user| (user, false)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(names: &[&str]) -> Vec<String> {
        order_of(names, Extent::Named)
    }

    fn order_of(names: &[&str], extent: Extent) -> Vec<String> {
        let snapshot = Snapshot::parse(
            b"top 1 0 - Live 0x0\n\
              middle 1 1 top, Live 0x0\n\
              base 1 2 middle,other, Live 0x0\n\
              other 1 0 - Live 0x0\n",
        )
        .unwrap();
        let names: Vec<_> = names.iter().map(|name| ModuleName::new(name).unwrap()).collect();
        snapshot.removal_order(&names, extent).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn users_come_first() {
        assert_eq!(order(&["base", "middle", "top", "other"]), ["top", "middle", "other", "base"]);
        assert_eq!(order(&["other", "top"]), ["other", "top"]);
    }

    #[test]
    fn order_holds_across_modules_that_are_not_to_go() {
        assert_eq!(order(&["base", "top"]), ["top", "base"]);
    }

    #[test]
    fn users_of_users_are_added() {
        assert_eq!(order_of(&["base"], Extent::WithUsers), ["top", "middle", "other", "base"]);
        assert_eq!(order_of(&["middle", "gone"], Extent::WithUsers), ["top", "middle", "gone"]);
    }

    #[test]
    fn unknown_names_and_repetitions_are_harmless() {
        assert_eq!(order(&["gone", "base", "gone", "base"]), ["gone", "base"]);
    }
}
