//! Rows of cells: aligned for people, solid for programs.

use unicode_width::UnicodeWidthStr;

use crate::common::unprintable::escaped;
use crate::common::width::fitting;
use crate::lsmod::columns::Column;
use crate::lsmod::writing::{NONE, append, is_plain};

/// Foreground colors, by their numbers in ECMA-48.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Color {
    Red = 31,
    Yellow = 33,
    Cyan = 36,
}

/// How a table is drawn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    pub(crate) headings: bool,
    /// How many characters a line may have.
    pub(crate) width: Option<usize>,
    /// Blanks between columns.
    pub(crate) gap: usize,
    /// As wide the first column is at most; longer cells push the rest of their row.
    pub(crate) first_max: usize,
    /// What stands for the rest of a line that is cut.
    pub(crate) ellipsis: char,
    /// Whether names have colors.
    pub(crate) colors: bool,
}

/// Cells, row by row, in one text: to allocate one for each would take longer than to write it.
pub(crate) struct Table<'a> {
    columns: &'a [Column],
    layout: Layout,
    text: Vec<u8>,
    cells: Vec<Cell>,
    rows: Vec<Option<Color>>,
}

struct Cell {
    /// Where the text ends that starts behind the one before.
    end: usize,
    /// How many columns of a terminal it takes.
    width: usize,
}

impl<'a> Table<'a> {
    /// A table without rows.
    pub(crate) fn new(columns: &'a [Column], layout: Layout) -> Self {
        let (text, cells, rows) = (Vec::new(), Vec::new(), Vec::new());
        let mut table = Self { columns, layout, text, cells, rows };
        if layout.headings {
            table.row(None, |text, column| append(text, column.heading().as_bytes()));
        }
        table
    }

    /// Adds a row: a color for its name, and what writes the cell of each column. A cell is one
    /// line, wherever the table goes: what would break it, or a terminal would obey, is escaped.
    pub(crate) fn row(&mut self, color: Option<Color>, write: impl Fn(&mut Vec<u8>, Column)) {
        self.row_around(color, None, write);
    }

    /// Adds a row of which one cell may have more around it, in characters that show.
    pub(crate) fn row_around(
        &mut self,
        color: Option<Color>,
        around: Option<(Column, &str, &str)>,
        write: impl Fn(&mut Vec<u8>, Column),
    ) {
        for column in self.columns {
            let around = around.filter(|(place, ..)| place == column);
            let (before, behind) = around.map_or(("", ""), |(_, before, behind)| (before, behind));
            self.cell(before, behind, |text| write(text, *column));
        }
        self.rows.push(color);
    }

    fn cell(&mut self, before: &str, behind: &str, write: impl Fn(&mut Vec<u8>)) {
        append(&mut self.text, before.as_bytes());
        let start = self.text.len();
        write(&mut self.text);
        let written = self.text.get(start..).unwrap_or_default();
        let width = if is_plain(written, NONE) {
            written.len()
        } else {
            let shown = escaped(&self.text.split_off(start));
            append(&mut self.text, shown.as_bytes());
            shown.width()
        };
        append(&mut self.text, behind.as_bytes());
        // The strokes of a deep tree are mostly blanks.
        let strokes = before.trim_ascii_start();
        let width = before.len() - strokes.len() + strokes.width() + width + behind.width();
        self.cells.push(Cell { end: self.text.len(), width });
    }

    /// Each column as wide as its widest cell. The last one has no end but that of the line.
    pub(crate) fn aligned(&self) -> Vec<u8> {
        let widths = self.widths();
        let mut text = Vec::with_capacity(self.text.len() * 2);
        let mut start = 0;
        for (cells, color) in self.cells.chunks(self.columns.len().max(1)).zip(&self.rows) {
            let layout = &self.layout;
            let mut line = Line { text: &mut text, left: layout.width, blanks: 0, layout };
            for (index, ((column, cell), width)) in
                self.columns.iter().zip(cells).zip(&widths).enumerate()
            {
                if index > 0 {
                    line.blanks += layout.gap;
                }
                let missing = width.saturating_sub(cell.width);
                let color = color.filter(|_| layout.colors && *column == Column::Name);
                let shown = self.text.get(start..cell.end).unwrap_or_default();
                start = cell.end;
                if column.is_numeric() {
                    line.blanks += missing;
                    line.cell(shown, cell.width, color);
                } else {
                    line.cell(shown, cell.width, color);
                    line.blanks += missing;
                }
            }
            text.push(b'\n');
        }
        text
    }

    fn widths(&self) -> Vec<usize> {
        let mut widths = vec![0; self.columns.len()];
        for cells in self.cells.chunks(self.columns.len().max(1)) {
            for (index, (width, cell)) in widths.iter_mut().zip(cells).enumerate() {
                if index > 0 || cell.width <= self.layout.first_max {
                    *width = cell.width.max(*width);
                }
            }
        }
        widths
    }
}

/// A line that is being written.
struct Line<'a> {
    text: &'a mut Vec<u8>,
    /// The characters that still fit.
    left: Option<usize>,
    /// Blanks that are written before the next cell, if there is one with a text.
    blanks: usize,
    layout: &'a Layout,
}

impl Line<'_> {
    fn cell(&mut self, cell: &[u8], width: usize, color: Option<Color>) {
        if cell.is_empty() || self.left == Some(0) {
            return;
        }
        let room = self.left.map_or(usize::MAX, |left| left - 1);
        self.text.resize(self.text.len() + self.blanks.min(room), b' ');
        let left = self.left.map(|left| left - self.blanks.min(room));
        let fits = left.is_none_or(|left| self.blanks <= room && width <= left);
        self.blanks = 0;
        self.left = left.map(|left| left.saturating_sub(width));
        if let Some(color) = color {
            append(self.text, format!("\x1b[{}m", color as u8).as_bytes());
        }
        match left {
            Some(left) if !fits => append(self.text, cut(cell, left, self.layout).as_bytes()),
            _ => append(self.text, cell),
        }
        if color.is_some() {
            append(self.text, b"\x1b[0m");
        }
    }
}

/// The start of a text, and a sign that it goes on.
fn cut(text: &[u8], width: usize, layout: &Layout) -> String {
    let Some(left) = width.checked_sub(1) else { return String::new() };
    format!("{}{}", fitting(&String::from_utf8_lossy(text), left), layout.ellipsis)
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: &[Column] = &[Column::Name, Column::Size, Column::UsedBy];

    const PLAIN: Layout = Layout {
        headings: true,
        width: None,
        gap: 1,
        first_max: usize::MAX,
        ellipsis: '…',
        colors: true,
    };

    const ROWS: &[&[&str]] = &[&["t_base", "16K", "t_user"], &["x", "1.9M", ""]];

    fn colored(
        columns: &[Column],
        rows: &[&[&str]],
        layout: Layout,
        color: Option<Color>,
    ) -> String {
        let mut table = Table::new(columns, layout);
        for row in rows {
            table.row(color, |text, column| {
                let place = columns.iter().position(|other| *other == column).unwrap();
                text.extend_from_slice(row[place].as_bytes());
            });
        }
        String::from_utf8(table.aligned()).unwrap()
    }

    fn text(columns: &[Column], rows: &[&[&str]], layout: Layout) -> String {
        colored(columns, rows, layout, None)
    }

    #[test]
    fn numbers_to_the_right_and_no_trailing_blanks() {
        assert_eq!(
            text(COLUMNS, ROWS, PLAIN),
            "NAME   SIZE USED-BY\nt_base  16K t_user\nx      1.9M\n"
        );
    }

    #[test]
    fn without_headings_the_cells_decide() {
        let layout = Layout { headings: false, ..PLAIN };
        assert_eq!(text(COLUMNS, ROWS, layout), "t_base  16K t_user\nx      1.9M\n");
        assert_eq!(text(COLUMNS, &[], layout), "");
        assert_eq!(text(COLUMNS, &[], PLAIN), "NAME SIZE USED-BY\n");
    }

    /// All the parameters of a module are one cell.
    #[test]
    fn a_cell_of_any_width() {
        let wide = "x".repeat(70_000);
        let rows: &[&[&str]] = &[&[&wide, "1"], &["y", "2"]];
        let layout = Layout { headings: false, ..PLAIN };
        let text = text(&[Column::Params, Column::Size], rows, layout);
        assert_eq!(text, format!("{wide} 1\ny{}2\n", " ".repeat(70_000)));
    }

    /// A path, say.
    #[test]
    fn characters_of_two_columns() {
        let rows: &[&[&str]] = &[&["\u{6f22}\u{5b57}", "1"], &["abcd", "2"]];
        let layout = Layout { headings: false, ..PLAIN };
        let text = text(&[Column::File, Column::Size], rows, layout);
        assert_eq!(text, "\u{6f22}\u{5b57} 1\nabcd 2\n");
    }

    #[test]
    fn lines_are_cut_and_long_names_keep_to_their_row() {
        let rows: &[&[&str]] =
            &[&["a_very_long_name", "16K", "b,c"], &["x", "1.9M", "one,two,three"]];
        let layout = Layout { width: Some(18), first_max: 4, ..PLAIN };
        assert_eq!(
            text(COLUMNS, rows, layout),
            "NAME SIZE USED-BY\n\
             a_very_long_name  …\n\
             x    1.9M one,two…\n"
                .replace("name  …", "name …")
        );
        for width in 0..30 {
            let layout = Layout { width: Some(width), ..PLAIN };
            for line in text(COLUMNS, rows, layout).lines() {
                assert!(line.width() <= width, "{line:?} is longer than {width}");
            }
        }
    }

    #[test]
    fn colors_take_no_room() {
        let layout = Layout { headings: false, width: Some(8), ..PLAIN };
        let rows: &[&[&str]] = &[&["x", "1.9M", "one"]];
        assert_eq!(colored(COLUMNS, rows, layout, Some(Color::Red)), "\x1b[31mx\x1b[0m 1.9M …\n");
    }

    #[test]
    fn a_cell_is_one_line() {
        let layout = Layout { headings: false, ..PLAIN };
        let rows: &[&[&str]] = &[&["a\nb\u{1b}", "1"], &["c", "2"]];
        let text = text(&[Column::File, Column::Size], rows, layout);
        assert_eq!(text, "a\\x0ab\\x1b 1\nc          2\n");
    }
}
