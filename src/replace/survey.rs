//! The facts before a module is replaced: the loaded modules, and the files that could be loaded
//! again.

use std::path::PathBuf;

use crate::crash::{self, Crash};
use crate::depmod::{self, ModuleTree};
use crate::diagnosis::Difference;
use crate::error::Error;
use crate::file::{Image, ModuleFile, Parameter, same_name};
use crate::insert::Arguments;
use crate::loaded::{Attributes, LoadedModule, ParameterValue, Snapshot};
use crate::name::ModuleName;
use crate::remove::Extent;
use crate::system::System;

/// The facts that a plan rests on.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Survey {
    /// The name of the module in the new file.
    pub name: ModuleName,
    /// The build ID of the new file.
    pub build_id: Option<Vec<u8>>,
    /// The parameters that the new file declares.
    pub declared: Vec<Parameter>,
    /// The loaded module of this name.
    pub old: Option<Resident>,
    /// The modules that use it, also through others; each in front of those that it uses.
    pub users: Vec<Resident>,
    /// Whether the loaded module has the parameters given, as far as sysfs shows them.
    pub parameters_match: bool,
}

/// A loaded module, with everything to load it again.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Resident {
    /// Its row of `/proc/modules`.
    pub module: LoadedModule,
    /// The crash that left it half loaded or half removed.
    pub(super) crash: Option<Crash>,
    /// Its build ID; `None` where the kernel or the module has none.
    pub build_id: Option<Vec<u8>>,
    /// Its parameters as sysfs shows them now.
    pub parameters: Vec<ParameterValue>,
    /// A file with this very build.
    pub file: Option<PathBuf>,
    /// The parameters that this file declares.
    pub declared: Vec<Parameter>,
}

impl Resident {
    /// Parameters that the module declares and sysfs does not show.
    pub(super) fn hidden_parameters(&self) -> Vec<String> {
        let is_shown =
            |name: &[u8]| self.parameters.iter().any(|shown| same_name(&shown.name, name));
        let hidden = self.declared.iter().filter(|known| !is_shown(&known.name));
        hidden.map(|known| String::from_utf8_lossy(&known.name).into_owned()).collect()
    }
}

impl Survey {
    /// Looks at the new file, the loaded module of its name, and that module's users. Files that
    /// have the build of a loaded module are looked for beside `file`, then among the modules of
    /// the running release.
    ///
    /// # Errors
    /// The error of reading the file, the list of modules, or `/sys/module`.
    pub fn take(system: &System, file: &ModuleFile, arguments: &Arguments) -> Result<Self, Error> {
        let image = file.image()?;
        let name = image.name()?;
        let snapshot = Snapshot::take(system)?;
        let mut survey = Self {
            build_id: image.build_id().map(<[u8]>::to_vec),
            declared: image.parameters()?,
            old: None,
            users: Vec::new(),
            parameters_match: true,
            name,
        };
        if snapshot.get(&survey.name).is_none() {
            return Ok(survey);
        }
        let tree = ModuleTree::of(system, &system.release());
        let order = snapshot.removal_order(std::slice::from_ref(&survey.name), Extent::WithUsers);
        for name in order {
            let Some(module) = snapshot.get(&name) else { continue };
            let resident = resident(system, module, file, &tree)?;
            if name == survey.name {
                survey.old = Some(resident);
            } else {
                survey.users.push(resident);
            }
        }
        let differences = system.differences(&survey.name, &image, arguments)?;
        survey.parameters_match =
            !differences.iter().any(|one| matches!(one, Difference::Parameter { .. }));
        Ok(survey)
    }

    /// Returns whether the loaded module is the build in the new file; not where that is unknown.
    pub fn is_same_build(&self) -> bool {
        let old = self.old.as_ref().and_then(|old| old.build_id.as_ref());
        old.is_some() && old == self.build_id.as_ref()
    }
}

fn resident(
    system: &System,
    module: &LoadedModule,
    new: &ModuleFile,
    tree: &ModuleTree,
) -> Result<Resident, Error> {
    let attributes = Attributes::new(system, &module.name);
    let build_id = attributes.build_id()?;
    let srcversion = attributes.srcversion()?;
    let is_it = |image: &Image| {
        let found = image.build_id();
        match &build_id {
            Some(loaded) => found == Some(loaded.as_slice()),
            // Without build IDs, the same source is the best that can be had.
            None => {
                srcversion.is_some()
                    && image
                        .modinfo()
                        .is_ok_and(|modinfo| modinfo.value("srcversion") == srcversion.as_deref())
            }
        }
    };
    let beside = depmod::sibling_or_same(new, &module.name);
    let installed = || {
        let path = tree.file_of(&module.name)?;
        let image = ModuleFile::open(&path).and_then(|file| file.image()).ok()?;
        Some((path, image))
    };
    let found = beside.filter(|(_, image)| is_it(image));
    let found = found.or_else(|| installed().filter(|(_, image)| is_it(image)));
    let declared = found.as_ref().and_then(|(_, image)| image.parameters().ok());
    Ok(Resident {
        module: module.clone(),
        crash: crash::behind(system, &module.name, &module.state),
        build_id,
        parameters: attributes.parameters()?.unwrap_or_default(),
        file: found.map(|(path, _)| path),
        declared: declared.unwrap_or_default(),
    })
}
