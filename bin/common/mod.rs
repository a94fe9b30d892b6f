//! Parts that two or all of the commands share.

pub(crate) mod absence;
pub(crate) mod argument;
pub(crate) mod cli;
mod conflict;
mod given;
pub(crate) mod invocation;
pub(crate) mod messages;
pub(crate) mod output;
pub(crate) mod refusal;
pub(crate) mod report;
pub(crate) mod results;
pub(crate) mod signals;
pub(crate) mod status;
pub(crate) mod unprintable;
pub(crate) mod wait_time;
pub(crate) mod watch;
pub(crate) mod width;
pub(crate) mod words;
