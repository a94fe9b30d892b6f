//! Rows of cells: aligned for people, solid for programs.

use std::iter;

use tabled::grid::util::string::get_line_width;

use crate::lsmod::cells;
use crate::lsmod::columns::Column;

/// Each column as wide as its widest cell, with one space between, as lsblk(8) has it.
pub(crate) fn aligned(columns: &[Column], rows: &[Vec<String>], headings: bool) -> Vec<u8> {
    let heading: Vec<String> = columns.iter().map(|column| column.heading().to_owned()).collect();
    let mut lines: Vec<&Vec<String>> = Vec::with_capacity(rows.len() + 1);
    lines.extend(headings.then_some(&heading));
    lines.extend(rows);

    let widths: Vec<usize> = (0..columns.len())
        .map(|index| {
            let cells = lines.iter().filter_map(|line| line.get(index));
            cells.map(|cell| get_line_width(cell)).max().unwrap_or_default()
        })
        .collect();
    let mut text = String::new();
    for line in lines {
        let start = text.len();
        for ((cell, width), column) in line.iter().zip(&widths).zip(columns) {
            if text.len() > start {
                text.push(' ');
            }
            // By hand: the widths of format strings end at 65,535.
            let blanks = iter::repeat_n(' ', width - get_line_width(cell));
            if column.is_numeric() {
                text.extend(blanks);
                text.push_str(cell);
            } else {
                text.push_str(cell);
                text.extend(blanks);
            }
        }
        text.truncate(text.trim_end_matches(' ').len().max(start));
        text.push('\n');
    }
    text.into_bytes()
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

    fn rows() -> Vec<Vec<String>> {
        [["t_base", "16K", "t_user"], ["x", "1.9M", ""]]
            .map(|row| row.map(str::to_owned).to_vec())
            .to_vec()
    }

    #[test]
    fn numbers_to_the_right_and_no_trailing_blanks() {
        let text = String::from_utf8(aligned(COLUMNS, &rows(), true)).unwrap();
        assert_eq!(text, "NAME   SIZE USED-BY\nt_base  16K t_user\nx      1.9M\n");
    }

    #[test]
    fn without_headings_the_cells_decide() {
        let text = String::from_utf8(aligned(COLUMNS, &rows(), false)).unwrap();
        assert_eq!(text, "t_base  16K t_user\nx      1.9M\n");
        assert!(aligned(COLUMNS, &[], false).is_empty());
        assert_eq!(aligned(COLUMNS, &[], true), b"NAME SIZE USED-BY\n");
    }

    /// All the parameters of a module are one cell.
    #[test]
    fn a_cell_of_any_width() {
        let wide = "x".repeat(70_000);
        let rows = [vec![wide.clone(), "1".to_owned()], vec!["y".to_owned(), "2".to_owned()]];
        let text =
            String::from_utf8(aligned(&[Column::Params, Column::Size], &rows, false)).unwrap();
        assert_eq!(text, format!("{wide} 1\ny{}2\n", " ".repeat(70_000)));
    }

    /// A path, say.
    #[test]
    fn characters_of_two_columns() {
        let rows =
            [["\u{6f22}\u{5b57}", "1"], ["abcd", "2"]].map(|row| row.map(str::to_owned).into());
        let text = String::from_utf8(aligned(&[Column::File, Column::Size], &rows, false)).unwrap();
        assert_eq!(text, "\u{6f22}\u{5b57} 1\nabcd 2\n");
    }

    #[test]
    fn raw_cells_have_no_blanks() {
        let rows = [vec![b"a b".to_vec(), b"".to_vec(), b"c\\".to_vec()]];
        let text = String::from_utf8(raw(COLUMNS, &rows, true)).unwrap();
        assert_eq!(text, "NAME SIZE USED-BY\na\\x20b  c\\x5c\n");
    }
}
