//! The options of the command, without its command line.

use std::ffi::OsString;

use modutils::Force;

use crate::common::messages::Messages;
use crate::common::wait_time::WaitTime;

pub(crate) const TOOL: &str = "insmod";

#[derive(Debug)]
pub(crate) struct Options {
    /// `-` is standard input.
    pub(crate) file: Option<OsString>,
    pub(crate) parameters: Vec<OsString>,
    pub(crate) action: Action,
    /// Do not change anything.
    pub(crate) check: bool,
    pub(crate) deps: bool,
    pub(crate) if_needed: bool,
    pub(crate) strict: bool,
    pub(crate) force: Force,
    /// The largest decompressed module, in bytes.
    pub(crate) max_size: u64,
    pub(crate) json: bool,
    pub(crate) messages: Messages,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Load,
    Replace(Replacement),
    ListParameters,
}

/// How to replace a loaded module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Replacement {
    /// The modules that depend on it, too.
    pub(crate) recursive: bool,
    pub(crate) wait: Option<WaitTime>,
    pub(crate) keep_parameters: bool,
}
