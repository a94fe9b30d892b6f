//! The modules that the command line means.

use std::ffi::{OsStr, OsString};

use modutils::loaded::Pattern;
use modutils::remove::Extent;
use modutils::{Error, ModuleName, Snapshot};

use crate::common::argument::{is_path, name_of};

/// The modules to remove, users first.
#[derive(Default)]
pub(crate) struct Targets {
    pub(crate) order: Vec<ModuleName>,
    /// Those of a name that the user wrote: it is a failure if one is not loaded.
    named: Vec<ModuleName>,
    files: Vec<(ModuleName, OsString)>,
}

/// An argument that stands for no module.
pub(crate) enum Unusable<'a> {
    /// It is not a name, and not a file that has one.
    Name(&'a OsStr, Error),
    /// A pattern that no loaded module has.
    NoMatch(&'a OsStr),
}

impl Targets {
    /// Returns the modules that `arguments` stand for, and the arguments without one. A list of
    /// loaded modules is only needed for more than one plain name.
    pub(crate) fn find<'a>(
        arguments: &'a [OsString],
        snapshot: Option<&Snapshot>,
        extent: Extent,
    ) -> (Self, Vec<Unusable<'a>>) {
        let (mut targets, mut unusable) = (Self::default(), Vec::new());
        let mut names = Vec::new();
        for argument in arguments {
            if let Some(snapshot) = snapshot
                && is_pattern(argument)
            {
                let pattern = Pattern::new(argument.as_encoded_bytes());
                let known = names.len();
                names.extend(
                    snapshot
                        .modules()
                        .iter()
                        .map(|module| &module.name)
                        .filter(|name| pattern.matches(name))
                        .cloned(),
                );
                if names.len() == known {
                    unusable.push(Unusable::NoMatch(argument));
                }
                continue;
            }
            match name_of(argument) {
                Ok(name) => {
                    if is_path(argument) {
                        targets.files.push((name.clone(), argument.clone()));
                    }
                    targets.named.push(name.clone());
                    names.push(name);
                }
                Err(error) => unusable.push(Unusable::Name(argument, error)),
            }
        }
        targets.order = match snapshot {
            Some(snapshot) => snapshot.removal_order(&names, extent),
            // Without a list, the given order is as good as any.
            None => names,
        };
        (targets, unusable)
    }

    /// Whether the user asked for it by name, not by a pattern or as a user of another.
    pub(crate) fn is_named(&self, name: &ModuleName) -> bool {
        self.named.contains(name)
    }

    /// The file that a module was given by.
    pub(crate) fn file_of(&self, name: &ModuleName) -> Option<&OsStr> {
        self.files.iter().find(|(known, _)| known == name).map(|(_, file)| file.as_os_str())
    }
}

pub(crate) fn is_pattern(argument: &OsStr) -> bool {
    !is_path(argument) && Pattern::is_pattern(argument)
}
