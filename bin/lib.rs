//! The commands `insmod`, `rmmod` and `lsmod`.
//!
//! What they do is in the crate [`modutils`]; here is how they are asked and how they answer. The
//! library of this package has no stable interface: it is for the three programs and their tests.
#![cfg_attr(
    test,
    allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test fails by panicking")
)]

mod common;
pub mod insmod;
pub mod lsmod;
pub mod rmmod;

pub use common::results::Record;
pub use common::status::{Meanings, Status};
