//! What distinguishes a loaded module from the one in a file.

use std::fmt;

use super::parameter::{lossy, shows};
use crate::error::Error;
use crate::file::{Image, same_name};
use crate::insert::Arguments;
use crate::loaded::Attributes;
use crate::name::ModuleName;
use crate::system::System;

/// A difference between a loaded module and a file with its parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Difference {
    /// Built from another source: the checksums of modinfo's `srcversion`.
    Source {
        /// Of the loaded module.
        loaded: String,
        /// Of the file.
        file: String,
    },
    /// Another build: the identifiers that the linker gave them.
    Build {
        /// Of the loaded module.
        loaded: String,
        /// Of the file.
        file: String,
    },
    /// A parameter has another value than the one that was given.
    Parameter {
        /// The parameter.
        name: String,
        /// As it is.
        loaded: String,
        /// As it was given.
        given: String,
    },
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Source { loaded, file } => write!(
                f,
                "the loaded module was built from different source (srcversion {loaded}; file: {file})"
            ),
            Self::Build { loaded, file } => {
                write!(
                    f,
                    "the loaded module is a different build (build ID {loaded}; file: {file})"
                )
            }
            Self::Parameter { name, loaded, given } => {
                write!(f, "parameter {name} is '{loaded}' in the loaded module, not '{given}'")
            }
        }
    }
}

impl System {
    /// Compares the module that is loaded under this name with one in a file, and its parameters
    /// with those given. What sysfs does not show is taken to be the same.
    ///
    /// # Errors
    /// The error of reading sysfs, or as [`Image::name`].
    pub fn differences(
        &self,
        name: &ModuleName,
        image: &Image,
        arguments: &Arguments,
    ) -> Result<Vec<Difference>, Error> {
        differences(self, name, image, arguments)
    }
}

fn differences(
    system: &System,
    name: &ModuleName,
    image: &Image,
    arguments: &Arguments,
) -> Result<Vec<Difference>, Error> {
    let attributes = Attributes::new(system, name);
    let mut found = Vec::new();
    if let (Some(loaded), Some(file)) =
        (attributes.srcversion()?, image.modinfo()?.value("srcversion"))
        && loaded != file
    {
        found.push(Difference::Source { loaded: lossy(&loaded), file: lossy(file) });
    }
    if let (Some(loaded), Some(file)) = (attributes.build_id()?, image.build_id())
        && loaded != file
        && found.is_empty()
    {
        let hex = crate::file::hexadecimal;
        found.push(Difference::Build { loaded: hex(&loaded), file: hex(file) });
    }
    let declared = image.parameters()?;
    let values = attributes.parameters()?.unwrap_or_default();
    for (index, (name, given)) in arguments.iter().enumerate() {
        let Some(given) = given else { continue };
        // The last one counts.
        if arguments.iter().skip(index + 1).any(|(later, _)| same_name(&later, &name)) {
            continue;
        }
        let parameter = declared.iter().find(|parameter| same_name(&parameter.name, &name));
        let kind = parameter.and_then(|parameter| parameter.kind.as_deref());
        let shown = values.iter().find(|value| same_name(&value.name, &name));
        let Some(value) = shown.and_then(|shown| shown.value.as_deref()) else { continue };
        if kind.is_some_and(|kind| shows(&lossy(kind), &given, value) == Some(false)) {
            found.push(Difference::Parameter {
                name: lossy(&name),
                loaded: lossy(value),
                given: lossy(&given),
            });
        }
    }
    Ok(found)
}
