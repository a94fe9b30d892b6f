//! What the three commands have in common.

pub(crate) mod options;
pub(crate) mod report;
pub(crate) mod status;
