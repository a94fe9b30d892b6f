//! What the three commands have in common.

pub(crate) mod absence;
pub(crate) mod argument;
mod conflict;
pub(crate) mod invocation;
pub(crate) mod options;
pub(crate) mod output;
pub(crate) mod parse;
pub(crate) mod report;
pub(crate) mod results;
pub(crate) mod signals;
pub(crate) mod status;
pub(crate) mod telling;
pub(crate) mod unprintable;
pub(crate) mod wait_time;
pub(crate) mod watch;
pub(crate) mod words;
