//! The results as text.

use std::fmt::Write;
use std::fs;

use crate::result::{Measured, cases};
use crate::tools::Tools;

/// The sizes of the files.
pub(crate) fn files(tools: &Tools) -> String {
    let mut text = "file size\n".to_owned();
    for tool in ["insmod", "rmmod", "lsmod"] {
        let size = fs::metadata(tools.ours(tool)).map_or(0, |meta| meta.len());
        let _ = writeln!(text, "  {tool:<24} {:>8} KiB", size / 1024);
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
            "  {:<24} {:>10} {:>7} {:>10} {:>10} {:>7} {:>9} {:>13}",
            "", "median", "ratio", "min", "max", "calls", "peak", "instructions"
        );
        for row in case {
            text += &line(row, first);
        }
    }
    text
}

fn line(row: &Measured, first: &Measured) -> String {
    let (time, ratio) = if row.median_us > 0.0 {
        let ms = |us: f64| format!("{:.3} ms", us / 1e3);
        let ratio = format!("{:.2}", row.median_us / first.median_us);
        ([ms(row.median_us), ms(row.min_us), ms(row.max_us)], ratio)
    } else {
        let ratio = row.instructions.unwrap_or(0) as f64 / first.instructions.unwrap_or(1) as f64;
        ([String::new(), String::new(), String::new()], format!("{ratio:.2}"))
    };
    let [median, min, max] = time;
    let number = |value: Option<u64>| value.map_or(String::new(), |value| value.to_string());
    let peak = row.peak_kib.map_or(String::new(), |kib| format!("{kib} KiB"));
    format!(
        "  {:<24} {median:>10} {ratio:>7} {min:>10} {max:>10} {:>7} {peak:>9} {:>13}\n",
        row.tool,
        number(row.calls),
        number(row.instructions)
    )
}
