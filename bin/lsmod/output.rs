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
use crate::lsmod::cells;
use crate::lsmod::classic::DirectoryHash;
use crate::lsmod::columns::Column;
use crate::lsmod::facts::Facts;
use crate::lsmod::options::{Format, Options};
use crate::lsmod::select::Wanted;
use crate::lsmod::summary::Summary;
use crate::lsmod::table::{Layout, Table};
use crate::lsmod::writing::append;
use crate::lsmod::{classic, json, long, sort, terminal, tree};

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
            let mut table = Table::new(columns, layout);
            for module in &modules {
                table.row(terminal::color_of(module), |text, column| {
                    cells::write(text, &facts.fact(module, column), sizes);
                });
            }
            View::Safe(table.aligned())
        }
        Format::Raw(columns) => View::Bytes(raw(&modules, columns, &facts, options)),
        Format::Json(columns) => View::Json(json::document(&modules, columns, &facts, absent)?),
        Format::Tree(columns, below) => {
            let strokes = if terminal::has_unicode() { &tree::BOXES } else { &tree::ASCII };
            // The tree belongs to the names, or to the first column where there are none.
            let name = columns.iter().find(|column| **column == Column::Name).or(columns.first());
            let place = name.copied().unwrap_or(Column::Name);
            let mut table = Table::new(columns, layout);
            for line in tree::lines(&modules, &order, facts.graph(), *below, strokes) {
                let (before, behind) = line.around();
                table.row_around(
                    terminal::color_of(line.module),
                    Some((place, before, behind)),
                    |text, column| {
                        cells::write(text, &facts.fact(line.module, column), sizes);
                    },
                );
            }
            View::Safe(table.aligned())
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

/// One space between cells, and none within, so that an empty cell shows as two.
fn raw(
    modules: &[&LoadedModule],
    columns: &[Column],
    facts: &Facts<'_>,
    options: &Options,
) -> Vec<u8> {
    let mut text = Vec::new();
    if options.headings {
        let headings: Vec<_> = columns.iter().map(|column| column.heading()).collect();
        append(&mut text, headings.join(" ").as_bytes());
        text.push(b'\n');
    }
    for module in modules {
        for (index, column) in columns.iter().enumerate() {
            if index > 0 {
                text.push(b' ');
            }
            cells::write_solid(&mut text, &facts.fact(module, *column), options.sizes);
        }
        text.push(b'\n');
    }
    text
}
