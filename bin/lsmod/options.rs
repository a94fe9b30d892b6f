//! The options of the command, without its command line.

use std::ffi::OsString;

use super::cells::Sizes;
use super::columns::{Column, SortKey};
use super::select::Filter;
use super::tree::Below;
use crate::common::messages::Messages;

pub(crate) const TOOL: &str = "lsmod";

/// How much to print about a name that matches no loaded module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Detail {
    Brief,
    /// All aliases, and all that loads the module.
    Full,
}

#[derive(Debug)]
pub(crate) struct Options {
    /// Names, files and patterns; all modules if there are none.
    pub(crate) modules: Vec<OsString>,
    pub(crate) list_columns: bool,
    pub(crate) format: Format,
    pub(crate) headings: bool,
    pub(crate) sizes: Sizes,
    pub(crate) sort: Vec<SortKey>,
    pub(crate) reverse: bool,
    pub(crate) filter: Filter,
    /// How much to say about names that match no loaded module.
    pub(crate) detail: Detail,
    pub(crate) json: bool,
    pub(crate) messages: Messages,
}

/// How modules are shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// As lsmod has always done it.
    Classic,
    Aligned(Vec<Column>),
    Raw(Vec<Column>),
    Json(Vec<Column>),
    Tree(Vec<Column>, Below),
    Long(Vec<Column>),
    Summary,
    SummaryJson,
}

impl Options {
    /// Whether all modules are listed as lsmod has always done it.
    pub(crate) fn is_plain(&self) -> bool {
        self.format == Format::Classic
            && self.modules.is_empty()
            && self.sort.is_empty()
            && !self.reverse
            && self.filter == Filter::default()
    }
}
