//! Rows of cells: aligned for people, solid for programs.

use std::iter;

use unicode_width::UnicodeWidthStr;

use crate::common::width::fitting;
use crate::lsmod::cells;
use crate::lsmod::columns::Column;

/// The cells of a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) cells: Vec<String>,
    /// The color of the name.
    pub(crate) color: Option<Color>,
}

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

/// Each column as wide as its widest cell. The last one has no end but that of the line.
pub(crate) fn aligned(columns: &[Column], rows: &[Row], layout: &Layout) -> Vec<u8> {
    let heading = columns.iter().map(|column| column.heading().to_owned()).collect();
    let heading = Row { cells: heading, color: None };
    let lines: Vec<&Row> = layout.headings.then_some(&heading).into_iter().chain(rows).collect();
    let widths: Vec<usize> = (0..columns.len())
        .map(|index| {
            let cells = lines.iter().filter_map(|line| line.cells.get(index));
            let most = if index == 0 { layout.first_max } else { usize::MAX };
            let widths = cells.map(|cell| cell.width());
            widths.filter(|width| *width <= most).max().unwrap_or_default()
        })
        .collect();
    let mut text = String::new();
    for row in lines {
        let mut line = Line { text: &mut text, left: layout.width, blanks: 0, layout };
        for (index, (column, cell)) in columns.iter().zip(&row.cells).enumerate() {
            if index > 0 {
                line.blanks += layout.gap;
            }
            let width = widths.get(index).copied().unwrap_or_default();
            let missing = width.saturating_sub(cell.width());
            let color = row.color.filter(|_| layout.colors && *column == Column::Name);
            if column.is_numeric() {
                line.blanks += missing;
                line.cell(cell, color);
            } else {
                line.cell(cell, color);
                line.blanks += missing;
            }
        }
        text.push('\n');
    }
    text.into_bytes()
}

/// A line that is being written.
struct Line<'a> {
    text: &'a mut String,
    /// The characters that still fit.
    left: Option<usize>,
    /// Blanks that are written before the next cell, if there is one with a text.
    blanks: usize,
    layout: &'a Layout,
}

impl Line<'_> {
    fn cell(&mut self, cell: &str, color: Option<Color>) {
        if cell.is_empty() || self.left == Some(0) {
            return;
        }
        // By hand: the widths of format strings end at 65,535.
        let room = self.left.map_or(usize::MAX, |left| left - 1);
        self.text.extend(iter::repeat_n(' ', self.blanks.min(room)));
        let left = self.left.map(|left| left - self.blanks.min(room));
        let fits = left.is_none_or(|left| self.blanks <= room && cell.width() <= left);
        self.blanks = 0;
        self.left = left.map(|left| left.saturating_sub(cell.width()));
        let shown = match left {
            Some(left) if !fits => cut(cell, left, self.layout.ellipsis),
            _ => cell.to_owned(),
        };
        let color = color.map(|color| color as u8);
        let (start, end) =
            color.map_or_else(Default::default, |color| (format!("\x1b[{color}m"), "\x1b[0m"));
        self.text.extend([start.as_str(), shown.as_str(), end]);
    }
}

/// The start of a text, and a sign that it goes on.
fn cut(text: &str, width: usize, ellipsis: char) -> String {
    let Some(left) = width.checked_sub(1) else { return String::new() };
    format!("{}{ellipsis}", fitting(text, left))
}

/// One space between cells, and none within, so that an empty cell shows as two.
pub(crate) fn raw(columns: &[Column], rows: &[Vec<Vec<u8>>], headings: bool) -> Vec<u8> {
    let mut text = String::new();
    if headings {
        let headings: Vec<_> = columns.iter().map(|column| column.heading()).collect();
        text.push_str(&headings.join(" "));
        text.push('\n');
    }
    for row in rows {
        let cells: Vec<_> = row.iter().map(|cell| cells::solid(cell)).collect();
        text.push_str(&cells.join(" "));
        text.push('\n');
    }
    text.into_bytes()
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

    fn row(cells: &[&str]) -> Row {
        Row { cells: cells.iter().map(|cell| (*cell).to_owned()).collect(), color: None }
    }

    fn rows() -> Vec<Row> {
        vec![row(&["t_base", "16K", "t_user"]), row(&["x", "1.9M", ""])]
    }

    fn text(columns: &[Column], rows: &[Row], layout: &Layout) -> String {
        String::from_utf8(aligned(columns, rows, layout)).unwrap()
    }

    #[test]
    fn numbers_to_the_right_and_no_trailing_blanks() {
        assert_eq!(
            text(COLUMNS, &rows(), &PLAIN),
            "NAME   SIZE USED-BY\nt_base  16K t_user\nx      1.9M\n"
        );
    }

    #[test]
    fn without_headings_the_cells_decide() {
        let layout = Layout { headings: false, ..PLAIN };
        assert_eq!(text(COLUMNS, &rows(), &layout), "t_base  16K t_user\nx      1.9M\n");
        assert_eq!(text(COLUMNS, &[], &layout), "");
        assert_eq!(text(COLUMNS, &[], &PLAIN), "NAME SIZE USED-BY\n");
    }

    /// All the parameters of a module are one cell.
    #[test]
    fn a_cell_of_any_width() {
        let wide = "x".repeat(70_000);
        let rows = [row(&[&wide, "1"]), row(&["y", "2"])];
        let layout = Layout { headings: false, ..PLAIN };
        let text = text(&[Column::Params, Column::Size], &rows, &layout);
        assert_eq!(text, format!("{wide} 1\ny{}2\n", " ".repeat(70_000)));
    }

    /// A path, say.
    #[test]
    fn characters_of_two_columns() {
        let rows = [row(&["\u{6f22}\u{5b57}", "1"]), row(&["abcd", "2"])];
        let layout = Layout { headings: false, ..PLAIN };
        let text = text(&[Column::File, Column::Size], &rows, &layout);
        assert_eq!(text, "\u{6f22}\u{5b57} 1\nabcd 2\n");
    }

    #[test]
    fn lines_are_cut_and_long_names_keep_to_their_row() {
        let rows = [row(&["a_very_long_name", "16K", "b,c"]), row(&["x", "1.9M", "one,two,three"])];
        let layout = Layout { width: Some(18), first_max: 4, ..PLAIN };
        assert_eq!(
            text(COLUMNS, &rows, &layout),
            "NAME SIZE USED-BY\n\
             a_very_long_name  …\n\
             x    1.9M one,two…\n"
                .replace("name  …", "name …")
        );
        for width in 0..30 {
            let layout = Layout { width: Some(width), ..PLAIN };
            for line in text(COLUMNS, &rows, &layout).lines() {
                assert!(line.width() <= width, "{line:?} is longer than {width}");
            }
        }
    }

    #[test]
    fn colors_take_no_room() {
        let colored = Row { color: Some(Color::Red), ..row(&["x", "1.9M", "one"]) };
        let layout = Layout { headings: false, width: Some(8), ..PLAIN };
        assert_eq!(text(COLUMNS, &[colored], &layout), "\x1b[31mx\x1b[0m 1.9M …\n");
    }

    #[test]
    fn raw_cells_have_no_blanks() {
        let rows = [vec![b"a b".to_vec(), b"".to_vec(), b"c\\".to_vec()]];
        let text = String::from_utf8(raw(COLUMNS, &rows, true)).unwrap();
        assert_eq!(text, "NAME SIZE USED-BY\na\\x20b  c\\x5c\n");
    }
}
