//! System calls that modutils needs and that no crate wraps, each as a safe function.
//!
//! The library itself forbids unsafe code. Whatever takes a pointer is here, and nothing else.

pub mod bpf;
#[cfg(all(no_backtrace, panic = "abort"))]
mod no_backtrace;
pub mod perf;
pub mod sockets;
pub mod tcp;
pub mod xtables;
