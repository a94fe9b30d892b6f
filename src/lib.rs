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
//! | `kernel_log` | the kernel's log |
//! | `depmod` | the index files of depmod(8), and the modules of a release |
//! | `kernel` | what the running kernel allows and exports |
//! | `insert` | loading |
//! | `remove` | removing: order and waiting |
//! | `diagnosis` | why a module was not loaded |
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

mod depmod;
mod diagnosis;
mod errno;
mod error;
mod holders;
mod insert;
mod kernel;
mod kernel_log;
mod loaded;
mod module_file;
mod name;
mod pattern;
mod remove;
mod syscall;
mod system;
mod taint;

pub use depmod::installed_modules;
pub use diagnosis::{
    Cause, Diagnosis, Difference, MissingSymbol, Request, WrongVersion, check, differences,
    explain, unknown_parameters,
};
pub use errno::Errno;
pub use error::{Error, ErrorKind};
pub use holders::{Certainty, Holder, HolderKind, Holders, Process, holders};
pub use insert::{
    Arguments, BadArgument, Dependency, InsertError, InsertFailure, dependencies, insert,
};
pub use kernel_log::KernelLog;
pub use loaded::{
    Attributes, DependencyGraph, LoadedModule, ModuleList, ModuleRow, ParameterValue, Snapshot,
    State, is_builtin,
};
pub use module_file::{
    Compression, DECOMPRESSED_MAX, ElfHeader, Export, Image, Import, ModInfo, ModuleFile,
    Parameter, Signature, Signer, SymbolVersion, VermagicDifference, vermagic_differences,
};
pub use name::{ModuleName, NAME_MAX, is_path};
pub use pattern::Pattern;
pub use remove::{
    Extent, Progress, Refusal, RemoveError, RemoveMode, Waiting, foresee, removal_order, remove,
    remove_when_free,
};
pub use syscall::Force;
pub use system::System;
pub use taint::Taints;
