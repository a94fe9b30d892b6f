//! The tests, a file for each area.

pub(crate) mod bad_files;
pub(crate) mod bare_system;
pub(crate) mod crowd;
pub(crate) mod diagnosis_file;
pub(crate) mod diagnosis_symbols;
pub(crate) mod diagnosis_system;
pub(crate) mod faults;
pub(crate) mod holders;
pub(crate) mod insert;
pub(crate) mod insert_options;
pub(crate) mod killed;
pub(crate) mod lane;
pub(crate) mod lateness;
pub(crate) mod library;
pub(crate) mod list;
pub(crate) mod list_options;
pub(crate) mod list_text;
pub(crate) mod no_unload;
pub(crate) mod races;
pub(crate) mod refusals;
pub(crate) mod remove;
pub(crate) mod remove_options;
pub(crate) mod stress;
pub(crate) mod trust;
pub(crate) mod wait;
pub(crate) mod wait_paths;
