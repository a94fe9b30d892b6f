//! From a snapshot to what is printed.

use modutils::{LoadedModule, Snapshot, System};
use serde_json::Value;

use crate::common::unprintable::escaped;
use crate::lsmod::cells::{self, Sizes};
use crate::lsmod::classic::DirectoryHash;
use crate::lsmod::cli::{Cli, Format};
use crate::lsmod::columns::Column;
use crate::lsmod::facts::Facts;
use crate::lsmod::select::Wanted;
use crate::lsmod::tree::{self, Line};
use crate::lsmod::{classic, json, long, sort, summary, table, terminal};

/// What the command line asks for.
///
/// # Errors
/// Only JSON can fail.
pub(crate) fn text(
    cli: &Cli,
    system: &System,
    snapshot: &Snapshot,
    wanted: &Wanted,
    absent: &[Value],
) -> Result<Vec<u8>, serde_json::Error> {
    let facts = Facts::new(system, snapshot);
    let mut order = sort::sort(snapshot.modules().iter(), cli.sort(), &facts);
    if cli.reverse {
        order.reverse();
    }
    let filter = cli.filter();
    let modules: Vec<&LoadedModule> = order
        .iter()
        .filter(|module| wanted.includes(module) && filter.lets(module))
        .copied()
        .collect();
    let sizes = cli.sizes();
    let headings = cli.headings();
    Ok(match cli.format() {
        Format::Classic => classic::some(&modules, headings, DirectoryHash::of_kernel(system)),
        Format::Aligned(columns) => {
            table::aligned(&columns, &rows(&modules, &columns, &facts, sizes), headings)
        }
        Format::Raw(columns) => {
            let rows: Vec<_> = modules
                .iter()
                .map(|module| {
                    let facts = columns.iter().map(|column| facts.fact(module, *column));
                    facts.map(|fact| cells::text(&fact, sizes)).collect()
                })
                .collect();
            table::raw(&columns, &rows, headings)
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
            json::document(&rows, absent)?
        }
        Format::Tree(columns, below) => {
            let strokes = if terminal::has_unicode() { &tree::BOXES } else { &tree::ASCII };
            let lines = tree::lines(&modules, &order, facts.graph(), below, strokes);
            let mut rows = rows(
                &lines.iter().map(|line| line.module).collect::<Vec<_>>(),
                &columns,
                &facts,
                sizes,
            );
            for (row, line) in rows.iter_mut().zip(&lines) {
                draw(row, line, &columns);
            }
            table::aligned(&columns, &rows, headings)
        }
        Format::Long => long::table(&modules, sizes, headings, terminal::width()),
        Format::Summary => summary::line(&modules, sizes).into_bytes(),
    })
}

/// A cell is one line, wherever the table goes: a line break in it would make a row.
fn rows(
    modules: &[&LoadedModule],
    columns: &[Column],
    facts: &Facts<'_>,
    sizes: Sizes,
) -> Vec<Vec<String>> {
    let row = |module: &&LoadedModule| {
        let facts = columns.iter().map(|column| facts.fact(module, *column));
        facts.map(|fact| escaped(&cells::text(&fact, sizes))).collect()
    };
    modules.iter().map(row).collect()
}

/// The tree belongs to the names, or to the first column where there are none.
fn draw(row: &mut [String], line: &Line<'_>, columns: &[Column]) {
    let place = columns.iter().position(|column| *column == Column::Name).unwrap_or_default();
    if let Some(cell) = row.get_mut(place) {
        let mark = if line.cut { " (*)" } else { "" };
        *cell = format!("{}{cell}{mark}", line.strokes);
    }
}
