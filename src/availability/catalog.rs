//! Looking names up.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::{Availability, Block, Presence, initcall, trigger};
use crate::depmod::{self, Alias, AliasList, ModuleTree};
use crate::diagnosis::Policy;
use crate::file::{Image, ModuleFile, Signature};
use crate::loaded::Snapshot;
use crate::modprobe::{Configuration, Setting};
use crate::name::ModuleName;
use crate::nearest::all_nearest;
use crate::order;
use crate::pattern::Pattern;
use crate::system::{self, System};

/// All modules of a system, loaded or not. Each list is read once, when it is first needed.
#[derive(Debug)]
pub struct Catalog<'a> {
    system: &'a System,
    tree: ModuleTree,
    aliases: OnceCell<AliasList>,
    builtin: OnceCell<Vec<ModuleName>>,
    configuration: OnceCell<Configuration>,
    policy: OnceCell<Policy>,
    symbols: OnceCell<Vec<String>>,
}

impl<'a> Catalog<'a> {
    /// Returns the catalog of the running release.
    pub fn read(system: &'a System) -> Self {
        Self {
            system,
            tree: ModuleTree::of(system, &system.release()),
            aliases: OnceCell::new(),
            builtin: OnceCell::new(),
            configuration: OnceCell::new(),
            policy: OnceCell::new(),
            symbols: OnceCell::new(),
        }
    }

    /// Finds out what a name stands for, whether a module of this name is loaded or not.
    pub fn look_up(&self, name: &ModuleName) -> Availability {
        if self.system.is_builtin(name) {
            return self.built_in(name, self.functions(name));
        }
        if let Some(file) = self.tree.file_of(name) {
            return self.loadable(name, file, true);
        }
        if let Some(file) = self.tree.unlisted_files_of(name).into_iter().next() {
            return self.loadable(name, file, false);
        }
        let running_has_modules = self.tree.is_indexed();
        let releases = self.other_releases(name);
        let presence = if releases.is_empty() {
            let (alias_of, nearest) = (self.alias_of(name), self.nearest(name));
            // Parts of the kernel that can never be modules are in no list. The kernel's symbols
            // take some time to read: a name that is misspelt does without.
            if alias_of.is_empty() && nearest.is_empty() {
                let functions = self.functions(name);
                if !functions.is_empty() {
                    // Several may be of parts that only share a name.
                    let only = if functions.len() == 1 { functions } else { Vec::new() };
                    return self.built_in(name, only);
                }
            }
            Presence::Unknown { alias_of, nearest, running_has_modules }
        } else {
            Presence::OtherRelease { releases, running_has_modules }
        };
        Availability {
            name: name.clone(),
            presence,
            aliases: Vec::new(),
            triggers: Vec::new(),
            needed_by: Vec::new(),
            blocks: Vec::new(),
            unreadable: Vec::new(),
        }
    }

    /// Returns whether depmod(8) lists a file of this name.
    pub fn lists(&self, name: &ModuleName) -> bool {
        self.tree.file_of(name).is_some()
    }

    /// Returns the modules that a pattern stands for and that are built in or loadable.
    pub fn matching(&self, pattern: &Pattern) -> Vec<ModuleName> {
        let names = self.tree.names().chain(self.builtin().iter().cloned());
        let found: BTreeSet<_> = names.filter(|name| pattern.matches(name)).collect();
        found.into_iter().collect()
    }

    fn built_in(&self, name: &ModuleName, functions: Vec<String>) -> Availability {
        let aliases = self.tree.builtin_aliases(&|_, part| part == name.as_bytes());
        Availability {
            name: name.clone(),
            presence: Presence::BuiltIn { functions },
            aliases: texts(&names(aliases)),
            triggers: Vec::new(),
            needed_by: Vec::new(),
            blocks: Vec::new(),
            unreadable: Vec::new(),
        }
    }

    fn loadable(&self, name: &ModuleName, file: PathBuf, listed: bool) -> Availability {
        let configuration = self.configuration();
        let image = ModuleFile::open(&file).and_then(|file| file.image()).ok();
        let mut aliases = names(self.aliases().select(&|_, module| module == name.as_bytes()));
        aliases.extend(configuration.settings.iter().filter_map(|(setting, _)| match setting {
            Setting::Alias { alias, module } if module == name => Some(alias.clone()),
            _ => None,
        }));
        let mut blocks = Vec::new();
        if !listed {
            blocks.push(Block::NotListed);
        }
        if !file.exists() {
            blocks.push(Block::MissingFile { file: file.clone() });
        }
        blocks.extend(self.blocks(name, &aliases, image.as_ref()));
        let counting: Vec<_> =
            aliases.iter().filter(|alias| !is_overridden(alias, &blocks)).cloned().collect();
        let triggers = trigger::triggers(&counting, name, image.as_ref());
        Availability {
            name: name.clone(),
            aliases: texts(&aliases),
            triggers,
            needed_by: self.tree.dependents_of(name),
            blocks,
            unreadable: configuration.unreadable.clone(),
            presence: Presence::Loadable { signature: image.map(|image| image.signature()), file },
        }
    }

    fn blocks(&self, name: &ModuleName, aliases: &[Vec<u8>], image: Option<&Image>) -> Vec<Block> {
        let mut blocks = Vec::new();
        let dependencies = self.tree.dependencies_of(name).into_iter().map(|(name, _)| name);
        let is_absent = |module: &ModuleName| !self.system.module_dir(module).exists();
        let needed: Vec<_> =
            std::iter::once(name.clone()).chain(dependencies.filter(is_absent)).collect();
        let policy = self.policy.get_or_init(|| Policy::read(self.system));

        if policy.modules_disabled == Some(true) {
            blocks.push(Block::ModulesDisabled);
        }
        // The kernel compares byte by byte.
        let forbidden = |module: &&ModuleName| {
            policy.blacklist.iter().any(|name| name.as_bytes() == module.as_bytes())
        };
        blocks.extend(
            needed
                .iter()
                .filter(forbidden)
                .map(|module| Block::ModuleBlacklist { module: module.clone() }),
        );
        if image.is_some_and(|image| image.signature() == Signature::Absent) {
            if policy.sig_enforce == Some(true) {
                blocks.push(Block::Unsigned);
            }
            if let Some(mode) = policy.lockdown.as_ref().filter(|mode| *mode != "none") {
                blocks.push(Block::Lockdown { mode: mode.clone() });
            }
        }
        for (setting, place) in &self.configuration().settings {
            let place = place.clone();
            match setting {
                Setting::Install { module: pattern, command } => {
                    let command = String::from_utf8_lossy(command);
                    blocks.extend(needed.iter().filter(|module| pattern.matches(module)).map(
                        |module| Block::Install {
                            module: module.clone(),
                            command: command.clone().into_owned(),
                            place: place.clone(),
                        },
                    ));
                }
                Setting::Blacklist(module) if module == name => {
                    blocks.push(Block::Blacklist { place });
                }
                Setting::Alias { alias, module } if module != name && aliases.contains(alias) => {
                    let alias = String::from_utf8_lossy(alias).into_owned();
                    blocks.push(Block::Alias { alias, module: module.clone(), place });
                }
                _ => {}
            }
        }
        blocks.extend(self.no_modprobe());
        blocks
    }

    /// The kernel runs the program outside of containers: whether it exists is not known here.
    fn no_modprobe(&self) -> Option<Block> {
        let program = system::read_text(&self.system.sysctl("kernel/modprobe")).ok()?;
        let name = Path::new(&program).file_name().unwrap_or_default();
        let does_nothing = program.is_empty() || name == "true" || name == "false";
        does_nothing.then_some(Block::NoModprobe { program })
    }

    fn other_releases(&self, name: &ModuleName) -> Vec<(String, bool)> {
        let running = self.system.release();
        let mut found = Vec::new();
        for release in depmod::releases(self.system) {
            if release == running {
                continue;
            }
            let tree = ModuleTree::of(self.system, &release);
            if tree.file_of(name).is_some() {
                found.push((release, false));
            } else if tree.builtin_names().contains(name) {
                found.push((release, true));
            }
        }
        found
    }

    fn alias_of(&self, name: &ModuleName) -> Vec<ModuleName> {
        let wanted = |alias: &[u8], _: &[u8]| stands_for(alias, name);
        let found = self.aliases().select(&wanted).into_iter();
        let found = found.chain(self.tree.builtin_aliases(&wanted));
        let mut found: Vec<_> = found.map(|alias| alias.module).collect();
        found.extend(self.configuration().settings.iter().filter_map(
            |(setting, _)| match setting {
                Setting::Alias { alias, module } if stands_for(alias, name) => Some(module.clone()),
                _ => None,
            },
        ));
        order::sort(&mut found);
        found.dedup();
        found
    }

    fn nearest(&self, name: &ModuleName) -> Vec<ModuleName> {
        let snapshot = Snapshot::take(self.system).ok();
        let loaded = snapshot.iter().flat_map(Snapshot::modules).map(|module| &module.name);
        let names: Vec<ModuleName> =
            self.tree.names().chain(self.builtin().iter().chain(loaded).cloned()).collect();
        let nearest = all_nearest(name.as_bytes(), names.iter().map(ModuleName::as_bytes));
        nearest
            .into_iter()
            .take(NEAREST_MAX)
            .filter_map(|name| ModuleName::new(name).ok())
            .collect()
    }

    /// The functions that start a part of the kernel.
    fn functions(&self, name: &ModuleName) -> Vec<String> {
        initcall::functions(self.symbols.get_or_init(|| initcall::symbols(self.system)), name)
    }

    fn aliases(&self) -> &AliasList {
        self.aliases.get_or_init(|| self.tree.aliases())
    }

    fn builtin(&self) -> &[ModuleName] {
        self.builtin.get_or_init(|| self.tree.builtin_names())
    }

    fn configuration(&self) -> &Configuration {
        self.configuration.get_or_init(|| Configuration::read(self.system))
    }
}

/// More similar names are no help.
const NEAREST_MAX: usize = 5;

/// Whether modprobe passes over an alias of the module.
fn is_overridden(alias: &[u8], blocks: &[Block]) -> bool {
    blocks.iter().any(|block| match block {
        Block::Blacklist { .. } => true,
        Block::Alias { alias: other, .. } => other.as_bytes() == alias,
        _ => false,
    })
}

fn names(aliases: Vec<Alias>) -> Vec<Vec<u8>> {
    aliases.into_iter().map(|alias| alias.alias).collect()
}

fn texts(aliases: &[Vec<u8>]) -> Vec<String> {
    aliases.iter().map(|alias| String::from_utf8_lossy(alias).into_owned()).collect()
}

/// Whether an alias, which may be a pattern, stands for a name. Most differ before the pattern
/// begins.
fn stands_for(alias: &[u8], name: &ModuleName) -> bool {
    let fold = |byte: u8| if byte == b'-' { b'_' } else { byte };
    let literal = alias.iter().take_while(|byte| !b"*?[".contains(byte));
    let mut pairs = literal.zip(name.as_bytes());
    pairs.all(|(&one, &other)| fold(one) == fold(other)) && Pattern::new(alias).matches(name)
}
