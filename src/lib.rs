//! Linux kernel modules: load, remove and list them, and learn why not.
//!
//! The library under the commands `insmod`, `rmmod` and `lsmod`.
//!
//! # Layout
//! Each module may use those above it in this list, and none below.
//!
//! | module | what it is about |
//! |---|---|
//! | `errno` | the kernel's error numbers |
//! | `error` | files and texts that cannot be read |
//! | `taint` | taint letters |
//! | `name` | module names |
//! | `syscall` | `finit_module`, `init_module`, `delete_module` |
//! | `pattern` | patterns of module names |
//! | `system` | where `/proc`, `/sys` and `/lib/modules` are: the only place that spells them |
//! | `module_file` | `.ko` files: compression, ELF, modinfo |
//! | `loaded` | what the kernel has loaded: `/proc/modules`, `/sys/module` |
//! | `holders` | who holds references to a module |
//! | `insert` | loading |
//! | `remove` | removing: order and waiting |
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        reason = "a test fails by panicking"
    )
)]
#![deny(clippy::print_stdout, clippy::print_stderr, clippy::exit)]

mod errno;
mod error;
mod holders;
mod insert;
mod loaded;
mod module_file;
mod name;
mod pattern;
mod remove;
mod syscall;
mod system;
mod taint;

pub use errno::Errno;
pub use error::{Error, ErrorKind};
pub use holders::{Certainty, Holder, HolderKind, Holders, Process, holders};
pub use insert::{Arguments, BadArgument, InsertError, InsertFailure, insert};
pub use loaded::{
    Attributes, DependencyGraph, LoadedModule, ModuleList, ModuleRow, ParameterValue, Snapshot,
    State, is_builtin,
};
pub use module_file::{Compression, DECOMPRESSED_MAX, Image, ModInfo, ModuleFile};
pub use name::{ModuleName, NAME_MAX, is_path};
pub use pattern::Pattern;
pub use remove::{
    Extent, Progress, Refusal, RemoveError, RemoveMode, Waiting, foresee, removal_order, remove,
    remove_when_free,
};
pub use syscall::Force;
pub use system::System;
pub use taint::Taints;
