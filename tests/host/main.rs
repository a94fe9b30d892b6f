//! Tests that need no kernel: the shape of the library, and the built binaries without privilege.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod architecture;
mod command;
mod completion;
mod dependencies;
mod documents;
mod escapes;
mod imports;
mod prose;
mod schema;
mod setup;
mod terminal;
mod usage;

/// The directory that the packages are in.
const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
