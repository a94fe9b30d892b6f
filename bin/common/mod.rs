//! What the three commands have in common. Each uses all of it; `absence.rs`, `argument.rs`,
//! `output.rs`, `results.rs` and `telling.rs` are for those that name them in their own `main.rs`.

pub(crate) mod options;
pub(crate) mod parse;
pub(crate) mod report;
pub(crate) mod status;
pub(crate) mod unprintable;
