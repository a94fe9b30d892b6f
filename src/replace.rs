//! Replacing a loaded module by another build of it.
//!
//! [`Survey::take`] looks at what is loaded and at the files, [`plan`] decides on the steps from
//! that alone, and nothing is touched before both have succeeded.

mod parameters;
mod plan;
mod survey;

pub use plan::{Obstacle, Plan, Step, Wishes, plan};
pub use survey::{Resident, Survey};
