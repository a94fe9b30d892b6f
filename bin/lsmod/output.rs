//! Standard output: from a snapshot to text.

use std::collections::HashMap;
use std::path::PathBuf;

use modutils::loaded::LoadedModule;
use modutils::{ModuleName, Snapshot, System};
use serde_json::Value;

use crate::common::argument::{is_path, name_of};
use crate::common::output;
use crate::common::report::Reporter;
use crate::common::status::Status;
use crate::common::unprintable::escaped;
use crate::lsmod::cells::{self, Sizes};
use crate::lsmod::classic::DirectoryHash;
use crate::lsmod::columns::Column;
use crate::lsmod::facts::Facts;
use crate::lsmod::options::{Format, Options};
use crate::lsmod::select::Wanted;
use crate::lsmod::summary::Summary;
use crate::lsmod::table::{Layout, Row};
use crate::lsmod::tree::{self, Line};
use crate::lsmod::{classic, json, long, sort, table, terminal};

/// The output, and whether it is safe for a terminal.
pub(crate) enum View {
    /// Must be escaped for a terminal.
    Bytes(Vec<u8>),
    /// Made for a terminal: names are already escaped.
    Safe(Vec<u8>),
    Json(Vec<u8>),
}

/// Prints the output, and returns the status unless that fails.
pub(crate) fn print(view: View, reporter: &Reporter, status: Status) -> Status {
    let written = match view {
        View::Bytes(text) => output::show(&text),
        View::Safe(text) => output::write(&text),
        View::Json(text) => output::show_json(&text),
    };
    output::written(written, reporter, status)
}

/// Returns the output that the options ask for.
///
/// # Errors
/// Only JSON can fail.
pub(crate) fn view(
    options: &Options,
    system: &System,
    snapshot: &Snapshot,
    wanted: &Wanted,
    absent: &[Value],
) -> Result<View, serde_json::Error> {
    let facts = Facts::new(system, snapshot, given(options));
    let mut order = sort::sort(snapshot.modules().iter(), &options.sort, &facts);
    if options.reverse {
        order.reverse();
    }
    let filter = &options.filter;
    let modules: Vec<&LoadedModule> = order
        .iter()
        .filter(|module| wanted.includes(module) && filter.lets(module, &facts))
        .copied()
        .collect();
    let (sizes, headings) = (options.sizes, options.headings);
    let layout = Layout {
        headings,
        width: terminal::screen_width(),
        gap: 1,
        first_max: usize::MAX,
        ellipsis: if terminal::has_unicode() { '…' } else { '~' },
        colors: terminal::has_colors(),
    };
    Ok(match &options.format {
        Format::Classic => {
            View::Bytes(classic::some(&modules, headings, DirectoryHash::of_kernel(system)))
        }
        Format::Aligned(columns) => {
            let rows = rows(&modules, columns, &facts, sizes);
            View::Safe(table::aligned(columns, &rows, &layout))
        }
        Format::Raw(columns) => {
            let rows: Vec<_> = modules
                .iter()
                .map(|module| {
                    let facts = columns.iter().map(|column| facts.fact(module, *column));
                    facts.map(|fact| cells::text(&fact, sizes)).collect()
                })
                .collect();
            View::Bytes(table::raw(columns, &rows, headings))
        }
        Format::Json(columns) => {
            let rows: Vec<_> = modules
                .iter()
                .map(|module| json::Row {
                    facts: columns
                        .iter()
                        .map(|column| (*column, facts.fact(module, *column)))
                        .collect(),
                })
                .collect();
            View::Json(json::document(&rows, absent)?)
        }
        Format::Tree(columns, below) => {
            let strokes = if terminal::has_unicode() { &tree::BOXES } else { &tree::ASCII };
            let lines = tree::lines(&modules, &order, facts.graph(), *below, strokes);
            let modules: Vec<_> = lines.iter().map(|line| line.module).collect();
            let mut rows = rows(&modules, columns, &facts, sizes);
            for (row, line) in rows.iter_mut().zip(&lines) {
                draw(row, line, columns);
            }
            View::Safe(table::aligned(columns, &rows, &layout))
        }
        Format::Long(columns) => {
            let layout = Layout { width: terminal::width(), ..layout };
            View::Safe(long::table(&modules, columns, &facts, sizes, layout))
        }
        Format::Summary => {
            let summary = Summary::new(&modules, system.kernel_taints());
            View::Bytes(summary.line(sizes).into_bytes())
        }
        Format::SummaryJson => {
            let mut document = serde_json::json!({
                "summary": Summary::new(&modules, system.kernel_taints()).json(),
            });
            if let Some(object) = document.as_object_mut().filter(|_| !absent.is_empty()) {
                object.insert("not-loaded".to_owned(), absent.into());
            }
            let mut text = serde_json::to_vec(&document)?;
            text.push(b'\n');
            View::Json(text)
        }
    })
}

/// The module files that the command line names.
fn given(options: &Options) -> HashMap<ModuleName, PathBuf> {
    let files = options.modules.iter().filter(|argument| is_path(argument));
    files.filter_map(|file| Some((name_of(file).ok()?, PathBuf::from(file)))).collect()
}

/// A cell is one line, wherever the table goes: a line break in it would make a row.
fn rows(
    modules: &[&LoadedModule],
    columns: &[Column],
    facts: &Facts<'_>,
    sizes: Sizes,
) -> Vec<Row> {
    let row = |module: &&LoadedModule| {
        let facts = columns.iter().map(|column| facts.fact(module, *column));
        let cells = facts.map(|fact| escaped(&cells::text(&fact, sizes))).collect();
        Row { cells, color: terminal::color_of(module) }
    };
    modules.iter().map(row).collect()
}

/// The tree belongs to the names, or to the first column where there are none.
fn draw(row: &mut Row, line: &Line<'_>, columns: &[Column]) {
    let place = columns.iter().position(|column| *column == Column::Name).unwrap_or_default();
    if let Some(cell) = row.cells.get_mut(place) {
        let mark = if line.cut { " (*)" } else { "" };
        *cell = format!("{}{cell}{mark}", line.strokes);
    }
}
