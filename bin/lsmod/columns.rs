//! The columns of `--output`.

use std::str::FromStr;

use anyhow::Context;

/// The columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Column {
    Name,
    Size,
    Refcnt,
    UsedBy,
    State,
    Permanent,
    Taint,
    Address,
    Version,
    Srcversion,
    Coresize,
    Initsize,
    Depends,
    Params,
    File,
    BuildId,
    Signer,
    Package,
    ImportNs,
    Stale,
    Devices,
    Description,
}

/// Every column with its heading and description.
const COLUMNS: &[(Column, &str, &str)] = &[
    (Column::Name, "NAME", "name of the module"),
    (Column::Size, "SIZE", "memory used"),
    (Column::Refcnt, "REFCNT", "number of references"),
    (Column::UsedBy, "USED-BY", "modules that use it"),
    (Column::State, "STATE", "live, loading or unloading"),
    (Column::Permanent, "PERMANENT", "whether it has no exit function"),
    (Column::Taint, "TAINT", "taint letters"),
    (Column::Address, "ADDRESS", "load address (root only)"),
    (Column::Version, "VERSION", "version string (MODULE_VERSION)"),
    (Column::Srcversion, "SRCVERSION", "source checksum (srcversion)"),
    (Column::Coresize, "CORESIZE", "memory kept after initialization"),
    (Column::Initsize, "INITSIZE", "memory used during initialization"),
    (Column::Depends, "DEPENDS", "loaded modules that it uses"),
    (Column::Params, "PARAMS", "parameters and current values"),
    (Column::File, "FILE", "file that it was loaded from, found by build ID"),
    (Column::BuildId, "BUILD-ID", "identifier of the build"),
    (Column::Signer, "SIGNER", "who signed the file"),
    (Column::Package, "PACKAGE", "package that the file belongs to"),
    (Column::ImportNs, "IMPORT-NS", "symbol namespaces that it imports"),
    (Column::Stale, "STALE", "whether the installed file is another build"),
    (Column::Devices, "DEVICES", "devices bound to its drivers"),
    (Column::Description, "DESCRIPTION", "description in the file"),
];

/// The columns of the plain listing.
pub(crate) const BRIEF: &[Column] = &[Column::Name, Column::Size, Column::Refcnt, Column::UsedBy];

/// The columns of a tree, whose lines show the users.
pub(crate) const TREE: &[Column] = &[Column::Name, Column::Size, Column::Refcnt];

/// The columns of JSON: all that `/proc/modules` has.
pub(crate) const DATA: &[Column] = &[
    Column::Name,
    Column::Size,
    Column::Refcnt,
    Column::UsedBy,
    Column::State,
    Column::Permanent,
    Column::Taint,
    Column::Address,
];

impl Column {
    pub(crate) fn heading(self) -> &'static str {
        COLUMNS.iter().find(|(column, ..)| *column == self).map_or("", |(_, heading, _)| heading)
    }

    pub(crate) fn is_numeric(self) -> bool {
        matches!(self, Self::Size | Self::Refcnt | Self::Coresize | Self::Initsize)
    }

    pub(crate) fn all() -> Vec<Self> {
        COLUMNS.iter().map(|(column, ..)| *column).collect()
    }
}

/// The answer to `--list-columns`.
pub(crate) fn list() -> Vec<u8> {
    let lines = COLUMNS.iter().map(|(_, heading, about)| format!("{heading:<11}  {about}\n"));
    lines.collect::<Vec<_>>().concat().into_bytes()
}

/// The argument of `--output`: `LIST`, or `+LIST` to add to the usual columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ColumnList {
    behind_usual: bool,
    columns: Vec<Column>,
}

impl ColumnList {
    /// Each column once, where it comes first.
    pub(crate) fn over(&self, usual: &[Column]) -> Vec<Column> {
        let usual = if self.behind_usual { usual } else { &[] };
        let mut columns = Vec::new();
        for column in usual.iter().chain(&self.columns) {
            if !columns.contains(column) {
                columns.push(*column);
            }
        }
        columns
    }
}

impl FromStr for ColumnList {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let (behind_usual, list) = match text.strip_prefix('+') {
            Some(list) => (true, list),
            None => (false, text),
        };
        let columns = list.split(',').map(column).collect::<Result<_, _>>()?;
        Ok(Self { behind_usual, columns })
    }
}

fn column(word: &str) -> anyhow::Result<Column> {
    COLUMNS
        .iter()
        .find(|(_, heading, _)| heading.eq_ignore_ascii_case(word))
        .map(|(column, ..)| *column)
        .with_context(|| format!("unknown column: {word}"))
}

/// A column to sort by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SortKey {
    pub(crate) column: Column,
    pub(crate) direction: Direction,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Ascending,
    Descending,
}

/// The argument of `--sort`: columns, the descending ones with a `-` before them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SortKeys(pub(crate) Vec<SortKey>);

impl FromStr for SortKeys {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let key = |word: &str| {
            let (name, direction) = match word.strip_prefix('-') {
                Some(name) => (name, Direction::Descending),
                None => (word.strip_prefix('+').unwrap_or(word), Direction::Ascending),
            };
            anyhow::Ok(SortKey { column: column(name)?, direction })
        };
        Ok(Self(text.split(',').map(key).collect::<Result<_, _>>()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn over_brief(text: &str) -> Vec<Column> {
        text.parse::<ColumnList>().unwrap().over(BRIEF)
    }

    #[test]
    fn lists() {
        assert_eq!(over_brief("size,Used-By,NAME"), [Column::Size, Column::UsedBy, Column::Name]);
        assert_eq!(over_brief("+TAINT")[..], [BRIEF, &[Column::Taint]].concat());
        assert_eq!(over_brief("+NAME"), BRIEF);
        assert_eq!(over_brief("NAME,NAME"), [Column::Name]);
    }

    #[test]
    fn words_that_are_no_column() {
        for (text, word) in [("BOGUS", "BOGUS"), ("", ""), ("+", ""), ("NAME,,SIZE", "")] {
            let error = text.parse::<ColumnList>().unwrap_err();
            assert_eq!(error.to_string(), format!("unknown column: {word}"), "{text:?}");
        }
    }

    #[test]
    fn every_column_has_a_heading() {
        for column in Column::all().into_iter().chain(DATA.iter().copied()) {
            assert!(!column.heading().is_empty());
        }
        assert_eq!(Column::all().len(), Column::Description as usize + 1);
    }
}
