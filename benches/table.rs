//! The results as text.

use std::fmt::Write;

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
