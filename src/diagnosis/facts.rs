//! The facts about a module that was not loaded, or is not to be loaded yet.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use super::evidence::Evidence;
use super::owners::Owners;
use super::symbol::{Builds, MissingSymbol};
use crate::crash::Crash;
use crate::diagnosis::exports::Exports;
use crate::diagnosis::policy::Policy;
use crate::diagnosis::reference::Reference;
use crate::errno::Errno;
use crate::error::Error;
use crate::file::{
    Compression, ElfHeader, Export, Image, Import, Parameter, Signature, SymbolVersion,
};
use crate::loaded::State;
use crate::name::ModuleName;
use crate::syscall::Force;

/// Where each of some symbols could come from.
pub(super) type Providers = HashMap<String, MissingSymbol>;

/// All facts that a decision may rest on. Unreadable facts are `None`, or empty; nothing is read
/// later.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    /// What the kernel answered, or would have answered to a file that we could not read; `None`
    /// if nothing was to be loaded.
    pub(super) answer: Option<Errno>,
    /// Whether it was the kernel that answered.
    pub(super) asked: bool,
    pub(super) path: PathBuf,
    pub(super) file: FileFacts,
    /// The module; without it, why it could not be read.
    pub(super) module: Option<Module>,
    pub(super) unreadable: Option<Error>,
    pub(super) architecture: String,
    /// Whether the kernel, and so this program, has the most significant byte of a number first.
    pub(super) big_endian: bool,
    pub(super) policy: Policy,
    /// Whether the kernel has loadable modules at all.
    pub(super) module_support: Option<bool>,
    pub(super) reference: Reference,
    /// Exporters of the symbols that the module imports or exports.
    pub(super) exports: Option<Exports>,
    /// Exporters of the symbols whose versions the kernel complained of, where it was not asked for
    /// all of its symbols.
    pub(super) owners: Owners,
    /// What the files of loaded modules say about the symbols that they export.
    pub(super) details: HashMap<String, Export>,
    /// Which modules could provide the missing symbols.
    pub(super) providers: Providers,
    /// Symbols that the kernel has and does not export.
    pub(super) internal: Vec<String>,
    /// Modules that this one depends on and that are neither loaded, installed nor beside it, if
    /// symbols are missing that no other module exports.
    pub(super) absent: Vec<ModuleName>,
    /// Providers that are loaded from another build than their file, without the symbol.
    pub(super) stale: HashSet<ModuleName>,
    /// Missing symbols that are exported, as a file says, but for modules under the GPL only.
    pub(super) reserved: HashSet<String>,
    /// Loaded modules that are not the kernel's own.
    pub(super) out_of_tree: HashSet<ModuleName>,
    /// Loaded modules with a proprietary license.
    pub(super) proprietary: HashSet<ModuleName>,
    /// The state of the loaded module of the same name.
    pub(super) namesake: Option<State>,
    /// Whether it could not be seen which modules are loaded.
    pub(super) blind: bool,
    pub(super) built_in: bool,
    /// Whether the kernel has a module of that name built in that does not keep the name: its device
    /// or driver may be taken.
    pub(super) has_builtin_twin: bool,
    /// Whether the kernel answers a lack of keys with an answer of its own: up to 4.19.
    pub(super) answers_enokey: bool,
    /// The kernel is older than 4.3, and takes signatures of other types than PKCS#7.
    pub(super) precedes_pkcs7: bool,
    /// Whether the kernel gives symbols to modules of certain names: Linux 6.16.
    pub(super) reserves_namespaces: bool,
    /// The build IDs of the loaded module of the same name and of the file, if they differ.
    pub(super) builds: Option<Builds>,
    /// The file of the module of this name that is installed for the running kernel, if it is
    /// another one.
    pub(super) installed: Option<Installed>,
    /// A file beside this one that is rather what was meant.
    pub(super) beside: Option<PathBuf>,
    /// Modules whose init function has not returned.
    pub(super) initializing: HashSet<ModuleName>,
    /// Those of them whose init function crashed.
    pub(super) crashed: HashSet<ModuleName>,
    /// The crash that left that module as it is.
    pub(super) crash: Option<Crash>,
    /// Whether a module or another part of the kernel has crashed since the boot.
    pub(super) has_crashed: bool,
    /// Loaded modules whose symbols this one uses, and whose file is of another build.
    pub(super) other_builds: HashMap<ModuleName, Option<Builds>>,
    /// A file of such a module that has the versions which this one wants.
    pub(super) fitting: HashMap<ModuleName, PathBuf>,
    /// The release of the running kernel.
    pub(super) release: String,
    /// No modules are installed for the running kernel, and there are for the release that the
    /// module was built for.
    pub(super) was_upgraded: bool,
    /// Whether the machine was booted since that release was installed.
    pub(super) booted_since: bool,
    /// The parameters as the kernel will split them.
    pub(super) arguments: Vec<Argument>,
    pub(super) force: Force,
    /// What the kernel logged about the call; `None` if the log could not be read, or there was
    /// no call.
    pub(super) log: Option<Vec<Evidence>>,
    /// Whether that is all that the kernel logged, and nothing of another call.
    pub(super) log_complete: bool,
    /// Why the log could not be read.
    pub(super) log_error: Option<Error>,
}

/// An installed module file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Installed {
    pub(super) file: PathBuf,
    pub(super) signed: bool,
}

/// A parameter as it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Argument {
    pub(super) name: Vec<u8>,
    pub(super) value: Option<Vec<u8>>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct FileFacts {
    /// The type of the file, unless it is regular.
    pub(super) not_regular: Option<&'static str>,
    pub(super) is_empty: bool,
    pub(super) compression: Option<Compression>,
    /// A compression that modules do not come in.
    pub(super) foreign: Option<&'static str>,
    /// The apparent format of the data, unless it is an ELF object.
    pub(super) looks_like: String,
}

/// What a module file says about itself.
#[derive(Clone, Debug)]
pub(super) struct Module {
    pub(super) header: Result<ElfHeader, Error>,
    /// Whether the kernel would take it for a module.
    pub(super) valid: Result<(), Error>,
    pub(super) name: Option<ModuleName>,
    pub(super) build_id: Option<Vec<u8>>,
    pub(super) modinfo_name: Option<String>,
    pub(super) vermagic: Option<String>,
    pub(super) license: Option<Vec<u8>>,
    pub(super) namespaces: HashSet<String>,
    pub(super) depends: Vec<ModuleName>,
    pub(super) has_init: bool,
    pub(super) signature: Signature,
    pub(super) imports: Vec<Import>,
    /// Whether it needs symbols that have no name.
    pub(super) has_nameless_imports: bool,
    /// Whether the kernel could apply its relocations; else what it would log.
    pub(super) relocations: Result<(), String>,
    pub(super) exports: Vec<Export>,
    pub(super) versions: Vec<SymbolVersion>,
    /// Whether there is a section `__versions`: only then does the kernel not compare releases.
    pub(super) has_versions_section: bool,
    pub(super) parameters: Vec<Parameter>,
    pub(super) struct_size: Option<u64>,
}

impl Module {
    pub(super) fn of(image: &Image) -> Self {
        let modinfo = image.modinfo().ok();
        let text = |tag: &str| {
            let value = modinfo.and_then(|modinfo| modinfo.value(tag))?;
            Some(String::from_utf8_lossy(value).into_owned())
        };
        Self {
            header: ElfHeader::read(image.bytes()),
            valid: image.check(),
            name: image.name().ok(),
            build_id: image.build_id().map(<[u8]>::to_vec),
            modinfo_name: text("name"),
            vermagic: text("vermagic"),
            license: modinfo.and_then(|modinfo| modinfo.value("license")).map(<[u8]>::to_vec),
            namespaces: modinfo
                .into_iter()
                .flat_map(|modinfo| modinfo.values("import_ns"))
                .map(|value| String::from_utf8_lossy(value).into_owned())
                .collect(),
            depends: image.depends().unwrap_or_default(),
            has_init: image.has_init(),
            signature: image.signature(),
            imports: image.imports().unwrap_or_default(),
            has_nameless_imports: image.has_nameless_imports(),
            relocations: image.relocations(),
            exports: image.exports().unwrap_or_default(),
            versions: image.versions().unwrap_or_default(),
            has_versions_section: image.has_versions_section(),
            parameters: image.parameters().unwrap_or_default(),
            struct_size: image.struct_size(),
        }
    }

    /// Whether it is for a kernel of 64 bits.
    pub(super) fn is_64(&self) -> bool {
        self.header.as_ref().is_ok_and(|header| header.is_64)
    }
}

impl Facts {
    /// Whether the module is for a kernel of 32 bits.
    pub(super) fn is_32_bit(&self) -> bool {
        let header = self.module.as_ref().and_then(|module| module.header.as_ref().ok());
        header.is_some_and(|header| !header.is_64)
    }

    /// Whether there is a signature, which forced loading voids.
    pub(super) fn voids_signature(&self) -> bool {
        let module = self.module.as_ref();
        self.force.any() && module.is_some_and(|module| module.signature != Signature::Absent)
    }

    /// The version magic of the kernel. Without modules of the running release to read it from, only
    /// the release is known: then the rest is the module's own.
    pub(super) fn kernel_magic(&self) -> Option<String> {
        self.reference.vermagic.clone().or_else(|| {
            let own = self.module.as_ref()?.vermagic.as_ref()?;
            let words = own.split_once(' ').map_or("", |(_, words)| words);
            (!self.release.is_empty()).then(|| format!("{} {words}", self.release))
        })
    }

    /// The module, if it is one.
    pub(super) fn valid_module(&self) -> Option<&Module> {
        self.module.as_ref().filter(|module| module.valid.is_ok())
    }
}
