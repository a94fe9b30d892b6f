//! Linux kernel modules: load, remove and list them, and learn why not.
//!
//! The library under the commands `insmod`, `rmmod` and `lsmod`. It makes the system calls itself,
//! starts no program, and prints nothing. What fails says why, in types.
//!
//! # List loaded modules
//! A [`Snapshot`] is `/proc/modules` at one moment. A [`System`] is what it is read from: the
//! running one, or a directory with captured files. Only a [`Kernel`] loads and removes modules,
//! and that is always the running one.
//!
//! ```
//! use modutils::{ModuleName, Snapshot, System};
//! use modutils::loaded::State;
//!
//! // System::live() is the one to use; this one is the same on each machine.
//! let system = System::at("tests/fixtures/system");
//! let snapshot = Snapshot::take(&system)?;
//!
//! let voice = snapshot.get(&ModuleName::new("voice")?).ok_or("it is not loaded")?;
//! assert_eq!((voice.size, voice.refcnt), (45056, Some(2)));
//! assert_eq!(voice.used_by.len(), 2);
//! assert_eq!(voice.state, State::Live);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`loaded::Attributes`] has what `/sys/module` knows of a module, [`loaded::DependencyGraph`] who
//! uses whom.
//!
//! # Inspect a file
//! A [`ModuleFile`] may be compressed; its [`file::Image`] is not. Nothing that is read is trusted:
//! a file may be cut off, hostile, or not a module at all, and that is an [`Error`] with an
//! [`ErrorKind`].
//!
//! ```
//! use modutils::ModuleFile;
//!
//! let file = ModuleFile::open("tests/fixtures/hello.ko")?;
//! let image = file.image()?;
//! assert_eq!(image.name()?.to_string(), "hello");
//! assert_eq!(image.modinfo()?.value("license"), Some(&b"GPL"[..]));
//! assert_eq!(image.depends()?[0].to_string(), "voice");
//! for parameter in image.parameters()? {
//!     println!("{}", String::from_utf8_lossy(&parameter.name));
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Loading
//! [`Kernel::insert`] is one system call if all is well. If not, [`System::explain`] finds out what
//! the kernel's single number means: a [`Cause`], with what the kernel logged and what would help.
//! [`System::check_insert`] gives the same answer without loading anything,
//! [`System::dependencies`] what to load first.
//!
//! ```no_run
//! use modutils::{Arguments, Cause, Force, Kernel, ModuleFile};
//! use modutils::diagnosis::{KernelLog, Request};
//!
//! let kernel = Kernel::running();
//! let file = ModuleFile::open("./hello.ko")?;
//! let arguments = Arguments::new(["greeting=good morning"])?;
//! let force = Force::default();
//!
//! let log = KernelLog::open(&kernel);
//! if let Err(error) = kernel.insert(&file, &arguments, force) {
//!     let request = Request { file: &file, arguments: &arguments, force };
//!     let diagnosis = kernel.explain(request, &error, Some(log));
//!     match &diagnosis.cause {
//!         Cause::AlreadyLoaded { .. } => {}
//!         Cause::MissingSymbol { symbols, .. } => println!("{} symbols are missing", symbols.len()),
//!         cause => println!("{}: {cause}", cause.kind()),
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Removing
//! [`Kernel::remove`] is one system call, too, and its [`remove::RemoveError`] has the [`Refusal`]
//! behind the number. [`Kernel::remove_when_free`] waits, as no kernel since Linux 3.12 does: it tries
//! again within milliseconds after the last reference went. [`Snapshot::removal_order`] puts users
//! before what they use, a [`remove::Plan`] goes through them, [`System::check_remove`] says whether
//! a removal would succeed.
//!
//! ```no_run
//! use std::time::{Duration, Instant};
//! use modutils::{Kernel, ModuleName, Refusal, RemoveMode, Waiting};
//! use modutils::remove::WaitProgress;
//!
//! let name = ModuleName::new("hello")?;
//! let mut report = |progress: &WaitProgress<'_>| println!("{}", progress.error);
//! let waiting = Waiting::until(Some(Instant::now() + Duration::from_secs(10)))
//!     .reporting_to(&mut report);
//! match Kernel::running().remove_when_free(&name, RemoveMode::Refuse, waiting) {
//!     Err(error) if matches!(error.refusal(), Refusal::TimedOut { .. }) => {
//!         println!("{name} stays in use");
//!     }
//!     result => result?,
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`System::holders`] looks for whatever holds a module: processes, mounts, interfaces, and how
//! many references remain unexplained.
//!
//! # Names
//! In a [`ModuleName`], `-` and `_` are one character, as for the tools, and it is never longer
//! than the kernel's own buffer. [`loaded::Pattern`]s match names.
//!
//! `examples/reload.rs` replaces a driver by the one that was just built. `examples/lifecycle.rs`
//! loads a module, looks at it and removes it, with the cause of a failure and the progress of the
//! wait.
//!
//! # Layout
//! Each module may use those above it in this list, and none below.
//!
//! | module | what it is about |
//! |---|---|
//! | `errno` | the kernel's error numbers |
//! | `class` | classes of failures, and the stable words for their reasons |
//! | `error` | files and texts that cannot be read |
//! | `note` | how an ELF object names its build |
//! | `compression` | how module files are compressed |
//! | `taint` | taint letters |
//! | `shell` | command lines for people to paste |
//! | `order` | sorts in little code |
//! | `directory` | the entries of a directory |
//! | `name` | module names |
//! | `syscall` | `finit_module`, `init_module`, `delete_module` |
//! | `remedy` | what would help after a failure |
//! | `nearest` | what a misspelt name may have meant |
//! | `kernel` | the running kernel, which alone can be changed |
//! | `pattern` | patterns of module names |
//! | `system` | where `/proc`, `/sys` and `/lib/modules` are: the only place that spells them |
//! | `architecture` | the machine that the kernel is for |
//! | `memory` | files without a name |
//! | `file` | `.ko` files: compression, ELF, modinfo |
//! | `loaded` | what the kernel has loaded: `/proc/modules`, `/sys/module` |
//! | `trace` | tracing instances |
//! | `holders` | who holds references to a module |
//! | `stack` | where a thread is inside the kernel |
//! | `log` | the kernel's log |
//! | `crash` | modules whose init or exit function crashed |
//! | `depmod` | the index files of depmod(8), and the modules of a release |
//! | `modprobe` | the configuration of modprobe(8): modprobe.d(5) |
//! | `packages` | which package a file belongs to |
//! | `installed` | the files of the running release, and which loaded modules came from them |
//! | `insert` | loading |
//! | `remove` | removing: order and waiting |
//! | `diagnosis` | why a module was not loaded |
//! | `replace` | loading another build in place of a loaded one |
//! | `availability` | what a name stands for that is not loaded |
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

mod architecture;
pub mod availability;
#[cfg(test)]
mod captured;
mod class;
mod compression;
mod crash;
mod depmod;
pub mod diagnosis;
mod directory;
mod errno;
mod error;
pub mod file;
pub mod holders;
pub mod insert;
pub mod installed;
mod kernel;
pub mod loaded;
mod log;
mod memory;
mod modprobe;
mod name;
mod nearest;
mod note;
mod order;
pub mod packages;
mod pattern;
mod remedy;
pub mod remove;
pub mod replace;
mod shell;
pub mod stack;
mod syscall;
mod system;
mod taint;
mod trace;

pub use diagnosis::Cause;
pub use errno::Errno;
pub use error::{Error, ErrorKind};
pub use file::ModuleFile;
pub use insert::{Arguments, Force};
pub use kernel::Kernel;
pub use loaded::Snapshot;
pub use name::ModuleName;
pub use remove::{Refusal, RemoveMode, Waiting};
pub use system::System;

// Blocks that are no Rust have to say so, with `text` for instance.
/// The examples of the README are compiled, too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
