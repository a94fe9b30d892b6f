//! The options of the command, without its command line.

use std::ffi::OsString;

use modutils::RemoveMode;
use modutils::remove::Extent;

use crate::common::messages::Messages;
use crate::common::wait_time::WaitTime;

pub(crate) const TOOL: &str = "rmmod";

#[derive(Debug)]
pub(crate) struct Options {
    /// Names, files and patterns.
    pub(crate) modules: Vec<OsString>,
    pub(crate) action: Action,
    pub(crate) mode: RemoveMode,
    pub(crate) extent: Extent,
    pub(crate) wait: Option<WaitTime>,
    pub(crate) if_loaded: bool,
    pub(crate) json: bool,
    pub(crate) messages: Messages,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Remove,
    DryRun,
    /// List the holders.
    Who,
}

impl Options {
    pub(crate) fn is_dry_run(&self) -> bool {
        self.action == Action::DryRun
    }
}
