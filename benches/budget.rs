//! The budgets of the tools, and the measurements.

use serde::Serialize;

use crate::completion;
use crate::native;
use crate::result::{Measured, cases};
use crate::tools::FileSize;

/// The most that something may take.
#[derive(Serialize)]
pub(crate) struct Budget {
    pub(crate) what: String,
    pub(crate) limit: f64,
    pub(crate) measured: f64,
}

impl Budget {
    pub(crate) fn is_met(&self) -> bool {
        self.measured <= self.limit
    }
}

/// All budgets that these results cover.
pub(crate) fn all(results: &[Measured], files: &[FileSize]) -> Vec<Budget> {
    let mut budgets = Vec::new();
    for case in cases(results) {
        let (place, name) = (case[0].place.as_str(), case[0].case.as_str());
        let ratio = |to: &'static str, limit: f64| time_ratio(case, to, limit);
        match (place, name) {
            (native::PLACE, "lsmod, 200 modules") => {
                budgets.extend([ratio("busybox cat", 1.3), ratio("kmod", 0.2)]);
                budgets.extend(views(case));
            }
            (native::PLACE, "lsmod, 5000 modules") => {
                budgets.extend([ratio("busybox cat", 1.3), ratio("kmod", 0.03), memory(case)]);
                budgets.extend(views(case));
            }
            (native::PLACE, "insmod, in user space") => budgets.push(instructions(case)),
            (_, "insmod, plain" | "rmmod") => budgets.push(ratio("floor", 1.15)),
            (_, "insmod --replace") => {
                budgets.extend([
                    ratio("modutils rmmod && insmod", 1.0),
                    ratio("kmod rmmod && insmod", 1.0),
                    ratio("kmod modprobe", 1.0),
                ]);
            }
            (_, name) if name.ends_with("with options") => {
                budgets.extend(
                    ["modutils -v", "modutils, parameter"]
                        .map(|tool| ratio_of(row(case, tool)?, ours(case)?, 1.05)),
                );
            }
            (_, name) if name.starts_with("rmmod --who") => budgets.push(ratio("lsof", 0.5)),
            (_, name) if name.starts_with("TAB") => {
                let limit = if name.contains("rmmod") { 30.0 } else { 60.0 };
                budgets.extend(["bash", "fish", "zsh"].map(|shell| list(case, shell, limit)));
            }
            (_, name) if name.starts_with("insmod --deps") => {
                budgets.push(ratio("kmod modprobe", 0.9));
            }
            (_, name) if name.starts_with("insmod that fails") => {
                budgets.push(
                    row(case, "modutils, explained")
                        .and_then(|explained| ratio_of(explained, row(case, "kmod")?, 5.0)),
                );
            }
            // Where kmod can read the file.
            (_, name) if name.ends_with("by the tool") => budgets.push(ratio("kmod", 1.0)),
            _ => {}
        }
    }
    let mut budgets: Vec<_> = budgets.into_iter().flatten().collect();
    for (tool, limit) in [("insmod", 1.25), ("rmmod", 1.25), ("lsmod", 1.25)] {
        let file = files.iter().find(|file| file.tool == tool);
        budgets.extend(file.map(|file| Budget {
            what: format!("size of {tool}, in MiB"),
            limit,
            measured: file.bytes as f64 / f64::from(1 << 20),
        }));
    }
    budgets
}

fn row<'a>(case: &'a [Measured], tool: &str) -> Option<&'a Measured> {
    case.iter().find(|row| row.tool == tool)
}

fn ours(case: &[Measured]) -> Option<&Measured> {
    row(case, "modutils")
}

fn time_ratio(case: &[Measured], to: &str, limit: f64) -> Option<Budget> {
    ratio_of(ours(case)?, row(case, to)?, limit)
}

fn ratio_of(ours: &Measured, other: &Measured, limit: f64) -> Option<Budget> {
    let what = format!("{} ({}), {}: time / {}'s", ours.case, ours.place, ours.tool, other.tool);
    Some(Budget { what, limit, measured: ours.median_us? / other.median_us? })
}

/// Longer listings, to the classic one.
fn views(case: &[Measured]) -> [Option<Budget>; 2] {
    ["modutils -J", "modutils -o +STATE,TAINT"]
        .map(|tool| ratio_of(row(case, tool)?, ours(case)?, 3.0))
}

/// What one list of a shell takes, in milliseconds.
fn list(case: &[Measured], shell: &str, limit: f64) -> Option<Budget> {
    let all = row(case, shell)?;
    let start = row(case, &format!("{shell}, start"))?.median_us?;
    let measured = (all.median_us? - start) / 1e3 / f64::from(completion::LISTS);
    Some(Budget { what: format!("{}: ms for a list in {shell}", all.case), limit, measured })
}

fn memory(case: &[Measured]) -> Option<Budget> {
    let (ours, cat) = (ours(case)?, row(case, "busybox cat")?);
    let what = format!("{}, peak memory in KiB", ours.case);
    let limit = (cat.peak_kib? + 2048) as f64;
    Some(Budget { what, limit, measured: ours.peak_kib? as f64 })
}

fn instructions(case: &[Measured]) -> Option<Budget> {
    let ours = ours(case)?;
    let what = format!("{}, instructions", ours.case);
    Some(Budget { what, limit: 150_000.0, measured: ours.instructions? as f64 })
}
