//! The tests, a file for each area.

pub(crate) mod lane;
