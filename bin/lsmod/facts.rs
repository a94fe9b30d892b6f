//! The facts about a module, by column.

use std::borrow::Cow;
use std::cell::{OnceCell, RefCell};
use std::cmp::Ordering;
use std::collections::HashMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use modutils::file::{Signature, hexadecimal};
use modutils::installed::{Installed, Origin};
use modutils::loaded::{Attributes, DependencyGraph, LoadedModule};
use modutils::{ModuleFile, ModuleName, Snapshot, System, packages};

use crate::lsmod::columns::{Column, Direction};

/// The value of a column for one module. What the list of modules has is borrowed from it: copies
/// would take longer than the rest of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fact<'a> {
    /// There is nothing of the kind, or it cannot be known.
    Nothing,
    Text(Cow<'a, [u8]>),
    Number(i64),
    Bytes(u64),
    Address(u64),
    Flag(bool),
    Names(Cow<'a, [ModuleName]>),
    Words(Vec<Vec<u8>>),
    /// Names and values; a value that may not be read is none.
    Settings(Vec<(Vec<u8>, Option<Vec<u8>>)>),
}

/// Facts from a module's file. Most files are compressed: they are read once.
#[derive(Clone, Default)]
struct Contents {
    signer: Option<Vec<u8>>,
    import_ns: Vec<Vec<u8>>,
    description: Option<Vec<u8>>,
}

/// Where facts come from. Only a column that needs more than the snapshot costs more.
pub(crate) struct Facts<'a> {
    system: &'a System,
    snapshot: &'a Snapshot,
    /// The files that the command line names.
    given: HashMap<ModuleName, PathBuf>,
    graph: OnceCell<DependencyGraph<'a>>,
    installed: Installed<'a>,
    origins: RefCell<HashMap<ModuleName, Origin>>,
    contents: RefCell<HashMap<ModuleName, Option<Contents>>>,
    packages: OnceCell<HashMap<PathBuf, String>>,
}

impl<'a> Facts<'a> {
    pub(crate) fn new(
        system: &'a System,
        snapshot: &'a Snapshot,
        given: HashMap<ModuleName, PathBuf>,
    ) -> Self {
        Self {
            system,
            snapshot,
            given,
            graph: OnceCell::new(),
            installed: Installed::new(system),
            origins: RefCell::default(),
            contents: RefCell::default(),
            packages: OnceCell::new(),
        }
    }

    pub(crate) fn graph(&self) -> &DependencyGraph<'a> {
        self.graph.get_or_init(|| DependencyGraph::new(self.snapshot))
    }

    pub(crate) fn has_devices(&self, module: &LoadedModule) -> bool {
        !Attributes::new(self.system, &module.name).bound_devices().is_empty()
    }

    /// What sysfs cannot tell, for whatever reason, is nothing: the rest of the row stands.
    pub(crate) fn fact<'m>(&self, module: &'m LoadedModule, column: Column) -> Fact<'m> {
        let attributes = || Attributes::new(self.system, &module.name);
        let text = |value| maybe(value, |text: Vec<u8>| Fact::Text(text.into()));
        let own = |text: &'m str| Fact::Text(text.as_bytes().into());
        match column {
            Column::Name => Fact::Text(module.name.as_bytes().into()),
            Column::Size => Fact::Bytes(module.size),
            Column::Refcnt => maybe(module.refcnt, Fact::Number),
            Column::UsedBy => Fact::Names(Cow::Borrowed(&module.used_by)),
            Column::State => own(module.state.as_str()),
            Column::Permanent => Fact::Flag(module.permanent),
            Column::Taint => own(module.taints.letters()),
            Column::Address => maybe(module.address, Fact::Address),
            Column::Version => text(attributes().version().ok().flatten()),
            Column::Srcversion => text(attributes().srcversion().ok().flatten()),
            Column::Coresize => maybe(attributes().core_size().ok().flatten(), Fact::Bytes),
            Column::Initsize => maybe(attributes().init_size().ok().flatten(), Fact::Bytes),
            Column::Depends => {
                Fact::Names(self.graph().uses(&module.name).map(|used| used.name.clone()).collect())
            }
            Column::Params => maybe(attributes().parameters().ok().flatten(), |parameters| {
                Fact::Settings(
                    parameters
                        .into_iter()
                        .map(|parameter| (parameter.name, parameter.value))
                        .collect(),
                )
            }),
            Column::File => {
                text(self.origin(module).file.map(|file| file.into_os_string().into_vec()))
            }
            Column::BuildId => {
                let id = attributes().build_id().ok().flatten();
                text(id.map(|id| hexadecimal(&id).into_bytes()))
            }
            Column::Signer => text(self.contents(module).and_then(|contents| contents.signer)),
            Column::Package => text(self.package(module)),
            Column::ImportNs => {
                maybe(self.contents(module), |contents| Fact::Words(contents.import_ns))
            }
            Column::Stale => maybe(self.origin(module).stale, Fact::Flag),
            Column::Devices => {
                let devices = attributes().bound_devices().into_iter();
                Fact::Words(devices.map(OsString::into_encoded_bytes).collect())
            }
            Column::Description => {
                text(self.contents(module).and_then(|contents| contents.description))
            }
        }
    }

    fn origin(&self, module: &LoadedModule) -> Origin {
        let name = &module.name;
        if let Some(known) = self.origins.borrow().get(name) {
            return known.clone();
        }
        let given = self.given.get(name).map(PathBuf::as_path);
        let origin = self.installed.origin(name, given);
        self.origins.borrow_mut().insert(name.clone(), origin.clone());
        origin
    }

    fn contents(&self, module: &LoadedModule) -> Option<Contents> {
        if let Some(known) = self.contents.borrow().get(&module.name) {
            return known.clone();
        }
        let contents = self.origin(module).file.and_then(|file| read(&file));
        self.contents.borrow_mut().insert(module.name.clone(), contents.clone());
        contents
    }

    /// All packages are looked for at once: that takes as long as one does.
    fn package(&self, module: &LoadedModule) -> Option<Vec<u8>> {
        let file = self.origin(module).file?;
        let packages = self.packages.get_or_init(|| {
            let files = self
                .snapshot
                .modules()
                .iter()
                .filter_map(|module| self.installed.file_of(&module.name).map(Path::to_owned));
            packages::owners(self.system, &files.collect::<Vec<_>>())
        });
        let package = packages.get(&file).cloned().or_else(|| {
            // One that depmod does not list, or that the command line names.
            let is_listed = self.installed.file_of(&module.name) == Some(&file);
            let files = std::slice::from_ref(&file);
            (!is_listed).then(|| packages::owners(self.system, files).remove(&file))?
        });
        package.map(String::into_bytes)
    }
}

fn read(file: &Path) -> Option<Contents> {
    let image = ModuleFile::open(file).and_then(|file| file.image()).ok()?;
    let info = image.modinfo().ok()?;
    let signer = match image.signature() {
        // The common name of the key's owner, or else the key.
        Signature::Present(signer) => {
            Some(signer.name.unwrap_or(signer.key)).filter(|name| !name.is_empty())
        }
        _ => None,
    };
    Some(Contents {
        signer: signer.map(String::into_bytes),
        import_ns: info.values("import_ns").map(<[u8]>::to_vec).collect(),
        description: info.value("description").map(<[u8]>::to_vec),
    })
}

fn maybe<'a, T>(value: Option<T>, fact: impl Fn(T) -> Fact<'a>) -> Fact<'a> {
    value.map_or(Fact::Nothing, fact)
}

impl Fact<'_> {
    /// Numbers by size, texts by their bytes, unknown facts last.
    pub(crate) fn order(&self, other: &Self, direction: Direction) -> Ordering {
        let order = match (self, other) {
            (Self::Nothing, Self::Nothing) => return Ordering::Equal,
            (Self::Nothing, _) => return Ordering::Greater,
            (_, Self::Nothing) => return Ordering::Less,
            (Self::Text(one), Self::Text(other)) => one.cmp(other),
            (Self::Number(one), Self::Number(other)) => one.cmp(other),
            (Self::Bytes(one), Self::Bytes(other)) | (Self::Address(one), Self::Address(other)) => {
                one.cmp(other)
            }
            (Self::Flag(one), Self::Flag(other)) => one.cmp(other),
            (Self::Names(one), Self::Names(other)) => one.cmp(other),
            (Self::Words(one), Self::Words(other)) => one.cmp(other),
            (Self::Settings(one), Self::Settings(other)) => one.cmp(other),
            // A column has facts of one kind.
            _ => Ordering::Equal,
        };
        match direction {
            Direction::Ascending => order,
            Direction::Descending => order.reverse(),
        }
    }
}
