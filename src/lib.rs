//! Loads, removes and lists Linux kernel modules, and finds out why that failed.
//!
//! The commands `insmod`, `rmmod` and `lsmod` are built on this library. It makes the system calls
//! itself, starts no program, and prints nothing. Errors carry typed reasons.
//!
//! # List loaded modules
//! A [`Snapshot`] is a consistent reading of `/proc/modules`. A [`System`] is the source: the
//! running system, or a directory with captured files. Only a [`Kernel`], which is always the
//! running one, loads and removes modules.
//!
//! ```
//! use modutils::{ModuleName, Snapshot, System};
//! use modutils::loaded::State;
//!
//! // Use System::live(); this captured system is the same on each machine.
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
//! [`loaded::Attributes`] reads a module's files in `/sys/module`; [`loaded::DependencyGraph`] shows
//! which modules use which.
//!
//! # Inspect a file
//! A [`ModuleFile`] may be compressed; its [`file::Image`] is not. Files are not trusted: one that is
//! truncated, hostile or not a module gives an [`Error`] with an [`ErrorKind`].
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
//! # Load
//! On success, [`Kernel::insert`] makes one system call. On failure, [`System::explain`] finds the
//! [`Cause`] behind the kernel's errno, with the lines that the kernel logged and remedies.
//! [`System::check_insert`] predicts the result without loading anything, and
//! [`System::dependencies`] finds the modules to load first.
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
//! # Remove
//! [`Kernel::remove`] makes one system call, too; its [`remove::RemoveError`] has the [`Refusal`]
//! behind the errno. [`Kernel::remove_when_free`] waits until a module is free, which the kernel
//! itself does not since Linux 3.13: it tries again within milliseconds of the last reference.
//! [`Snapshot::removal_order`] puts users first, a [`remove::Plan`] steps through them, and
//! [`System::check_remove`] predicts whether a removal would succeed.
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
//! [`System::holders`] finds the holders of a module, such as processes, mounts and interfaces, and
//! counts the references that remain unexplained.
//!
//! # Names
//! In a [`ModuleName`], `-` and `_` are one character, as in the tools, and its length fits the
//! kernel's buffer. A [`loaded::Pattern`] matches names.
//!
//! `examples/reload.rs` replaces a driver by a new build. `examples/lifecycle.rs` loads a module,
//! inspects it and removes it, with the cause of a failure and the progress of the wait.
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
mod caller;
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
mod lasting;
mod lines;
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
mod symbols;
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
