//! What each column says about a module.

use std::cell::OnceCell;
use std::cmp::Ordering;
use std::collections::HashMap;
use std::path::PathBuf;

use modutils::{Attributes, DependencyGraph, LoadedModule, ModuleName, Snapshot, System};

use crate::lsmod::columns::Column;

/// What a column says about a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fact {
    /// There is nothing of the kind, or it cannot be known.
    Nothing,
    Text(Vec<u8>),
    Number(i64),
    Bytes(u64),
    Flag(bool),
    Names(Vec<ModuleName>),
    /// Names and values; a value that may not be read is none.
    Settings(Vec<(Vec<u8>, Option<Vec<u8>>)>),
}

/// Where facts come from. Only a column that needs more than the snapshot costs more.
pub(crate) struct Facts<'a> {
    system: &'a System,
    snapshot: &'a Snapshot,
    graph: OnceCell<DependencyGraph<'a>>,
    files: OnceCell<HashMap<ModuleName, PathBuf>>,
}

impl<'a> Facts<'a> {
    pub(crate) fn new(system: &'a System, snapshot: &'a Snapshot) -> Self {
        Self { system, snapshot, graph: OnceCell::new(), files: OnceCell::new() }
    }

    pub(crate) fn graph(&self) -> &DependencyGraph<'a> {
        self.graph.get_or_init(|| DependencyGraph::new(self.snapshot))
    }

    /// What sysfs cannot tell, for whatever reason, is nothing: the rest of the row stands.
    pub(crate) fn fact(&self, module: &LoadedModule, column: Column) -> Fact {
        let attributes = || Attributes::new(self.system, &module.name);
        let text = |value| maybe(value, Fact::Text);
        match column {
            Column::Name => Fact::Text(module.name.as_bytes().to_vec()),
            Column::Size => Fact::Bytes(module.size),
            Column::Refcnt => maybe(module.refcnt, Fact::Number),
            Column::UsedBy => Fact::Names(module.used_by.clone()),
            Column::State => Fact::Text(module.state.as_str().into()),
            Column::Permanent => Fact::Flag(module.permanent),
            Column::Taint => Fact::Text(module.taints.letters().into()),
            Column::Address => {
                text(module.address.map(|address| format!("{address:#018x}").into_bytes()))
            }
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
                let files = self.files.get_or_init(|| modutils::installed_modules(self.system));
                maybe(files.get(&module.name), |file| {
                    Fact::Text(file.as_os_str().as_encoded_bytes().to_vec())
                })
            }
        }
    }
}

fn maybe<T>(value: Option<T>, fact: impl Fn(T) -> Fact) -> Fact {
    value.map_or(Fact::Nothing, fact)
}

impl Fact {
    /// Numbers by size, texts by their bytes, and what is not known last.
    pub(crate) fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Nothing, Self::Nothing) => Ordering::Equal,
            (Self::Nothing, _) => Ordering::Greater,
            (_, Self::Nothing) => Ordering::Less,
            (Self::Text(one), Self::Text(other)) => one.cmp(other),
            (Self::Number(one), Self::Number(other)) => one.cmp(other),
            (Self::Bytes(one), Self::Bytes(other)) => one.cmp(other),
            (Self::Flag(one), Self::Flag(other)) => one.cmp(other),
            (Self::Names(one), Self::Names(other)) => one.cmp(other),
            (Self::Settings(one), Self::Settings(other)) => one.cmp(other),
            // A column has facts of one kind.
            _ => Ordering::Equal,
        }
    }
}
