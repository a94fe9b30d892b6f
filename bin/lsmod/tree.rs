//! `--tree` shows the users of each module below it; `--inverse` the modules that it uses.
//!
//! A module with several parents is shown below each. Its own subtree is shown only the first time,
//! and replaced by `(*)` later: otherwise a list with a circle would never end.

use std::collections::{HashMap, HashSet};

use modutils::ModuleName;
use modutils::loaded::{DependencyGraph, LoadedModule};

/// The direction of the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Below {
    Users,
    Used,
}

/// The characters to draw with.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Strokes {
    branch: &'static str,
    last_branch: &'static str,
    trunk: &'static str,
    gap: &'static str,
}

pub(crate) const BOXES: Strokes =
    Strokes { branch: "├─", last_branch: "└─", trunk: "│ ", gap: "  " };

pub(crate) const ASCII: Strokes =
    Strokes { branch: "|-", last_branch: "`-", trunk: "| ", gap: "  " };

/// One line of the tree.
pub(crate) struct Line<'a> {
    /// The lines before the name.
    strokes: String,
    pub(crate) module: &'a LoadedModule,
    /// Its subtree was shown before, and is left out here.
    cut: bool,
}

impl Line<'_> {
    /// What stands before and behind the name.
    pub(crate) fn around(&self) -> (&str, &'static str) {
        (&self.strokes, if self.cut { " (*)" } else { "" })
    }
}

/// The trees of the modules in `selected`; a module below one of them has no tree of its own. In
/// every place, modules come in the order that they have in `order`.
pub(crate) fn lines<'a>(
    selected: &[&'a LoadedModule],
    order: &[&'a LoadedModule],
    graph: &DependencyGraph<'a>,
    below: Below,
    strokes: &Strokes,
) -> Vec<Line<'a>> {
    let positions =
        order.iter().enumerate().map(|(position, module)| (&module.name, position)).collect();
    let forest = Forest { graph, below, positions };
    let inner = forest.below_any(selected);
    let mut drawing = Drawing { forest, strokes, drawn: HashSet::new(), lines: Vec::new() };
    // Most modules have nothing below them: these come last, where they do not hide the trees.
    let is_top = |module: &&&LoadedModule| !inner.contains(&module.name);
    let (alone, trees): (Vec<&LoadedModule>, Vec<&LoadedModule>) = selected
        .iter()
        .filter(is_top)
        .partition(|module| drawing.forest.below(&module.name).is_empty());
    for module in trees.into_iter().chain(alone) {
        drawing.draw(module);
    }
    // No kernel allows a circle of users. In a text with one, no module comes first.
    for module in selected {
        if !drawing.drawn.contains(&module.name) {
            drawing.draw(module);
        }
    }
    drawing.lines
}

struct Forest<'a, 'g> {
    graph: &'g DependencyGraph<'a>,
    below: Below,
    positions: HashMap<&'a ModuleName, usize>,
}

impl<'a> Forest<'a, '_> {
    fn below(&self, name: &ModuleName) -> Vec<&'a LoadedModule> {
        let mut modules: Vec<_> = match self.below {
            Below::Users => self.graph.users(name).collect(),
            Below::Used => self.graph.uses(name).collect(),
        };
        modules.sort_by_key(|module| self.positions.get(&module.name));
        modules
    }

    /// The names of all that is below any of these.
    fn below_any(&self, modules: &[&'a LoadedModule]) -> HashSet<&'a ModuleName> {
        let mut found = HashSet::new();
        let mut visited = HashSet::new();
        let mut waiting: Vec<_> = modules.iter().map(|module| &module.name).collect();
        while let Some(name) = waiting.pop() {
            if visited.insert(name) {
                for module in self.below(name) {
                    found.insert(&module.name);
                    waiting.push(&module.name);
                }
            }
        }
        found
    }
}

struct Drawing<'a, 'g> {
    forest: Forest<'a, 'g>,
    strokes: &'g Strokes,
    drawn: HashSet<&'a ModuleName>,
    lines: Vec<Line<'a>>,
}

impl<'a> Drawing<'a, '_> {
    /// A stack of its own instead of recursion: chains have no limit.
    fn draw(&mut self, top: &'a LoadedModule) {
        let mut stack = vec![(top, String::new(), String::new())];
        while let Some((module, strokes, indent)) = stack.pop() {
            let below = self.forest.below(&module.name);
            let cut = !self.drawn.insert(&module.name) && !below.is_empty();
            self.lines.push(Line { strokes, module, cut });
            if cut {
                continue;
            }
            for (index, module) in below.iter().rev().enumerate() {
                let Strokes { branch, last_branch, trunk, gap } = self.strokes;
                let (branch, trunk) = if index == 0 { (last_branch, gap) } else { (branch, trunk) };
                stack.push((module, format!("{indent}{branch}"), format!("{indent}{trunk}")));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use modutils::Snapshot;

    fn drawn(rows: &str, selected: &[&str], below: Below) -> Vec<String> {
        let snapshot = Snapshot::parse(rows.as_bytes()).unwrap();
        let graph = DependencyGraph::new(&snapshot);
        let order: Vec<_> = snapshot.modules().iter().collect();
        let selected: Vec<_> = order
            .iter()
            .filter(|module| {
                selected.is_empty() || selected.contains(&module.name.to_string().as_str())
            })
            .copied()
            .collect();
        lines(&selected, &order, &graph, below, &BOXES)
            .iter()
            .map(|line| {
                let (before, behind) = line.around();
                format!("{before}{}{behind}", line.module.name)
            })
            .collect()
    }

    const DIAMOND: &str = "alone 1 0 - Live 0x0\n\
                           top 1 0 - Live 0x0\n\
                           middle 1 1 top, Live 0x0\n\
                           left 1 1 middle, Live 0x0\n\
                           right 1 1 middle, Live 0x0\n\
                           base 1 2 right,left, Live 0x0\n";

    #[test]
    fn what_was_shown_below_is_shown_once() {
        assert_eq!(
            drawn(DIAMOND, &[], Below::Users),
            ["base", "├─left", "│ └─middle", "│   └─top", "└─right", "  └─middle (*)", "alone"]
        );
        assert_eq!(
            drawn(DIAMOND, &[], Below::Used),
            ["top", "└─middle", "  ├─left", "  │ └─base", "  └─right", "    └─base", "alone"]
        );
    }

    #[test]
    fn a_selected_module_has_its_tree_unless_it_is_in_another() {
        assert_eq!(drawn(DIAMOND, &["middle"], Below::Users), ["middle", "└─top"]);
        assert_eq!(drawn(DIAMOND, &["middle", "top"], Below::Users), ["middle", "└─top"]);
    }

    #[test]
    fn circles_end() {
        let rows = "a 1 1 b, Live 0x0\nb 1 1 a, Live 0x0\nc 1 1 c, Live 0x0\n";
        assert_eq!(drawn(rows, &[], Below::Users), ["a", "└─b", "  └─a (*)", "c", "└─c (*)"]);
    }
}
