//! The plan of a removal: which module goes next, and what to do about one that others use.

use std::collections::VecDeque;

use super::order::Extent;
use crate::loaded::Snapshot;
use crate::name::ModuleName;

/// How often the order is computed again because other processes load modules that use ours. A
/// process that never stops loading them wins.
const ORDERS_MAX: usize = 16;

/// Modules to remove one after another, users first.
///
/// It makes no system call. The caller asks for the [next](Plan::next_module) module, tries to
/// remove it, and reports why a module could not be removed.
///
/// ```
/// use modutils::remove::{Extent, Plan, Used};
/// use modutils::{ModuleName, Snapshot, System};
///
/// let snapshot = Snapshot::take(&System::at("tests/fixtures/system"))?;
/// let voice = ModuleName::new("voice")?;
/// let mut plan = Plan::new(vec![voice.clone()], Extent::WithUsers);
/// assert_eq!(plan.next_module(), Some(voice.clone()));
/// // The kernel refused it: others have loaded modules that use it. These go first.
/// let users = &snapshot.get(&voice).ok_or("it is not loaded")?.used_by;
/// assert_eq!(plan.used_by(&voice, users, || Some(snapshot.clone())), Used::NewOrder);
/// assert_eq!(plan.next_module(), Some(ModuleName::new("hello")?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Plan {
    extent: Extent,
    queue: VecDeque<ModuleName>,
    /// Modules that would not go: what they use cannot go either. Each with the first of them.
    stuck: Vec<(ModuleName, ModuleName)>,
    orders: usize,
}

/// Who removes the modules that use another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Users {
    /// The plan does, if they can be removed.
    Ours,
    /// Another process: rmmod can only wait.
    Others,
}

/// What to do about a module that other modules use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Used {
    /// Go on: the users now come first, and the module after them.
    NewOrder,
    /// Try once more while there is time: another process may remove the users.
    LeftToOthers,
    /// Give the module up, as one of its users stays.
    Stays,
}

impl Plan {
    /// Plans to remove these modules in this order, as
    /// [`Snapshot::removal_order`] makes one.
    pub fn new(order: Vec<ModuleName>, extent: Extent) -> Self {
        Self { extent, queue: order.into(), stuck: Vec::new(), orders: 0 }
    }

    /// Takes the module whose turn it is.
    pub fn next_module(&mut self) -> Option<ModuleName> {
        self.queue.pop_front()
    }

    /// Returns whose turn it is to remove the modules that use the next one.
    ///
    /// After a module was given up, users of another are no reason to wait: they may be stuck.
    pub fn users(&self) -> Users {
        if self.extent == Extent::WithUsers || !self.stuck.is_empty() {
            Users::Ours
        } else {
            Users::Others
        }
    }

    /// Decides about a module that was refused because `users` use it. If another order could help,
    /// `look` returns the modules that are loaded now.
    pub fn used_by(
        &mut self,
        name: &ModuleName,
        users: &[ModuleName],
        look: impl FnOnce() -> Option<Snapshot>,
    ) -> Used {
        let can_go = |user: &ModuleName| match self.extent {
            Extent::WithUsers => !self.is_stuck(user),
            Extent::Named => self.queue.contains(user),
        };
        if self.orders < ORDERS_MAX
            && users.iter().any(can_go)
            && let Some(snapshot) = look()
        {
            self.orders += 1;
            self.order_again(name, &snapshot);
            return Used::NewOrder;
        }
        let is_stuck = users.iter().any(|user| self.is_stuck(user));
        if self.users() == Users::Ours && !is_stuck { Used::LeftToOthers } else { Used::Stays }
    }

    /// Gives a module up, and with it whatever it uses. Of a module that stays because `users` use
    /// it, returns the one that was given up first and keeps all of them.
    pub fn stays(&mut self, name: &ModuleName, users: &[ModuleName]) -> Option<ModuleName> {
        let behind = self.stuck.iter().find(|(stuck, _)| users.contains(stuck));
        let first = behind.map(|(_, first)| first.clone());
        self.stuck.push((name.clone(), first.clone().unwrap_or_else(|| name.clone())));
        first
    }

    fn is_stuck(&self, name: &ModuleName) -> bool {
        self.stuck.iter().any(|(stuck, _)| stuck == name)
    }

    fn order_again(&mut self, name: &ModuleName, snapshot: &Snapshot) {
        let names: Vec<_> = std::iter::once(name.clone()).chain(self.queue.drain(..)).collect();
        let order = snapshot.removal_order(&names, self.extent);
        self.queue = order.into_iter().filter(|name| !self.is_stuck(name)).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::ModuleName;

    fn names(words: &str) -> Vec<ModuleName> {
        words.split_whitespace().map(|word| ModuleName::new(word).unwrap()).collect()
    }

    /// The loaded modules, as rows of a module and its users.
    struct World(Vec<(ModuleName, Vec<ModuleName>)>);

    impl World {
        fn new(rows: &[&str]) -> Self {
            let row = |row: &&str| {
                let mut row = names(row).into_iter();
                (row.next().unwrap(), row.collect())
            };
            Self(rows.iter().map(row).collect())
        }

        fn users(&self, name: &ModuleName) -> Vec<ModuleName> {
            let row = self.0.iter().find(|(module, _)| module == name);
            row.map(|(_, users)| users.clone()).unwrap_or_default()
        }

        fn remove(&mut self, name: &ModuleName) {
            self.0.retain(|(module, _)| module != name);
            for (_, users) in &mut self.0 {
                users.retain(|user| user != name);
            }
        }

        fn snapshot(&self) -> Snapshot {
            let row = |(module, users): &(ModuleName, Vec<ModuleName>)| {
                let list: Vec<_> = users.iter().map(ToString::to_string).collect();
                let list = if list.is_empty() { "-".to_owned() } else { list.join(",") + "," };
                format!("{module} 1 {} {list} Live 0x0\n", users.len())
            };
            let text = self.0.iter().map(row).collect::<Vec<_>>().concat();
            Snapshot::parse(text.as_bytes()).unwrap()
        }
    }

    struct Case {
        loaded: &'static [&'static str],
        /// Held, but not by a module.
        busy: &'static str,
        extent: Extent,
        order: &'static str,
        removed: &'static str,
        stuck: &'static str,
    }

    const CHAIN: &[&str] = &["top", "middle top", "base middle"];

    const CASES: &[Case] = &[
        Case {
            loaded: CHAIN,
            busy: "",
            extent: Extent::Named,
            order: "top middle base",
            removed: "top middle base",
            stuck: "",
        },
        // What a stuck module uses is given up without a wait, and the rest goes on.
        Case {
            loaded: &["top", "base top", "other"],
            busy: "top",
            extent: Extent::Named,
            order: "top base other",
            removed: "other",
            stuck: "top base",
        },
        // A user that was not named: only its own user can free it.
        Case {
            loaded: CHAIN,
            busy: "",
            extent: Extent::Named,
            order: "base",
            removed: "",
            stuck: "base",
        },
        // A user was loaded after the order was computed: named modules do not take it along,
        Case {
            loaded: &["base new", "other", "new"],
            busy: "",
            extent: Extent::Named,
            order: "base other",
            removed: "other",
            stuck: "base",
        },
        // recursion does,
        Case {
            loaded: &["base new", "other", "new"],
            busy: "",
            extent: Extent::WithUsers,
            order: "base other",
            removed: "new base other",
            stuck: "",
        },
        // and one that is named goes first from then on.
        Case {
            loaded: &["a b", "b"],
            busy: "",
            extent: Extent::Named,
            order: "a b",
            removed: "b a",
            stuck: "",
        },
        // A user that does not go takes what it uses with it, but not its neighbors.
        Case {
            loaded: &["base left right", "left", "right"],
            busy: "left",
            extent: Extent::WithUsers,
            order: "left right base",
            removed: "right",
            stuck: "left base",
        },
    ];

    #[test]
    fn plans_are_carried_out() {
        for case in CASES {
            let mut world = World::new(case.loaded);
            let busy = names(case.busy);
            let mut plan = Plan::new(names(case.order), case.extent);
            let mut removed = Vec::new();
            while let Some(name) = plan.next_module() {
                let users = world.users(&name);
                if !users.is_empty() {
                    // Waiting for other processes would be in vain here.
                    if plan.used_by(&name, &users, || Some(world.snapshot())) != Used::NewOrder {
                        plan.stays(&name, &users);
                    }
                } else if busy.contains(&name) {
                    plan.stays(&name, &[]);
                } else {
                    world.remove(&name);
                    removed.push(name);
                }
            }
            let context = format!("{:?} of {:?}", case.order, case.loaded);
            assert_eq!(removed, names(case.removed), "{context}");
            let stuck: Vec<_> = plan.stuck.into_iter().map(|(name, _)| name).collect();
            assert_eq!(stuck, names(case.stuck), "{context}");
        }
    }

    #[test]
    fn users_are_ours_or_others() {
        let (base, users) = (ModuleName::new("base").unwrap(), names("user"));
        // Another process may remove a user that was not named.
        let mut plan = Plan::new(names("x"), Extent::Named);
        assert_eq!(plan.users(), Users::Others);
        assert_eq!(plan.stays(&ModuleName::new("x").unwrap(), &[]), None);
        assert_eq!(plan.users(), Users::Ours);
        assert_eq!(plan.used_by(&base, &users, || None), Used::LeftToOthers);
        assert_eq!(plan.stays(&users[0], &names("x")), Some(ModuleName::new("x").unwrap()));
        assert_eq!(plan.used_by(&base, &users, || None), Used::Stays);
        // The first one is the reason for all that are behind it.
        assert_eq!(plan.stays(&base, &users), Some(ModuleName::new("x").unwrap()));
    }

    #[test]
    fn a_process_that_always_loads_wins() {
        let world = World::new(&["base user", "user"]);
        let (base, users) = (ModuleName::new("base").unwrap(), names("user"));
        let mut plan = Plan::new(names("base"), Extent::WithUsers);
        let mut orders = 0;
        while plan.used_by(&base, &users, || Some(world.snapshot())) == Used::NewOrder {
            orders += 1;
        }
        assert_eq!(orders, ORDERS_MAX);
    }
}
