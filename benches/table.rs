//! The results as text.

use std::fmt::Write;

use crate::budget::Budget;
use crate::result::{Measured, cases};
use crate::tools::FileSize;

/// The sizes of the files.
pub(crate) fn files(files: &[FileSize]) -> String {
    let mut text = "file size\n".to_owned();
    for file in files {
        let _ = writeln!(text, "  {:<28} {:>6} KiB", file.tool, file.bytes / 1024);
    }
    text
}

/// A block for each case; ratios are to the first tool of the case.
pub(crate) fn results(results: &[Measured]) -> String {
    let mut text = String::new();
    for case in cases(results) {
        let first = &case[0];
        let _ = writeln!(text, "\n{} ({})", first.case, first.place);
        let _ = writeln!(
            text,
            "  {:<24} {:>10} {:>7} {:>10} {:>10} {:>10} {:>7} {:>9} {:>13}",
            "", "median", "ratio", "min", "max", "processor", "calls", "peak", "instructions"
        );
        for row in case {
            text += &line(row, first);
        }
    }
    text
}

fn line(row: &Measured, first: &Measured) -> String {
    let ms = |us: Option<f64>| us.map_or(String::new(), |us| format!("{:.3} ms", us / 1e3));
    let number = |value: Option<u64>| value.map_or(String::new(), |value| value.to_string());
    format!(
        "  {:<24} {:>10} {:>7} {:>10} {:>10} {:>10} {:>7} {:>9} {:>13}\n",
        row.tool,
        ms(row.median_us),
        ratio(row, first).map_or(String::new(), |ratio| format!("{ratio:.2}")),
        ms(row.min_us),
        ms(row.max_us),
        ms(row.processor_us),
        number(row.calls),
        row.peak_kib.map_or(String::new(), |kib| format!("{kib} KiB")),
        number(row.instructions)
    )
}

/// Of the times, or of the instructions where only they were counted.
fn ratio(row: &Measured, first: &Measured) -> Option<f64> {
    let times = row.median_us.zip(first.median_us);
    let counts = row.instructions.zip(first.instructions);
    let (own, of) = times.or(counts.map(|(own, of)| (own as f64, of as f64)))?;
    Some(own / of)
}

/// Whether each budget is met, and by how much.
pub(crate) fn budgets(budgets: &[Budget]) -> String {
    let mut text = "\nbudgets\n".to_owned();
    for budget in budgets {
        let word = if budget.is_met() { "met" } else { "missed" };
        let measured = number(budget.measured);
        let _ = writeln!(
            text,
            "  {word:<7} {measured:>9} of {:<9} {}",
            number(budget.limit),
            budget.what
        );
    }
    text
}

/// Counts are whole, ratios are not.
fn number(value: f64) -> String {
    if value >= 1000.0 { format!("{value:.0}") } else { format!("{value:.3}") }
}
