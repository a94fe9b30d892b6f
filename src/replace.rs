//! Replace a loaded module by another build.
//!
//! [`Survey::take`] looks at the loaded modules and at the files, [`plan()`] decides on the steps
//! from that alone, and nothing is touched before both have succeeded. [`carry_out`] makes the
//! steps, and goes back where one fails.

mod parameters;
mod plan;
mod sequence;
mod survey;

pub use plan::{Obstacle, Plan, Step, Wishes, plan};
pub use sequence::{Incomplete, carry_out};
pub use survey::{Resident, Survey};
