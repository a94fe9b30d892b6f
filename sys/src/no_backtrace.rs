//! Leaves backtraces and unwinding out of a program that aborts on a panic and has no tables for
//! unwinding.
//!
//! A backtrace would be empty there. What prints one is an eighth of a static file all the same,
//! since Rust's standard library refers to it. Once the function that walks the stack visibly calls
//! nothing, the compiler sees that the rest is never used.

use std::ffi::c_void;

/// `_Unwind_Backtrace` of the Itanium C++ ABI: calls `step` for no frame and returns
/// `_URC_END_OF_STACK`.
#[unsafe(export_name = "_Unwind_Backtrace")]
extern "C" fn walk_no_stack(_step: *const c_void, _context: *mut c_void) -> i32 {
    5
}

/// `_Unwind_Resume`: goes on after a cleanup that a panic started. No panic comes that far; only the
/// standard library, which is compiled to unwind, calls it.
#[unsafe(export_name = "_Unwind_Resume")]
extern "C" fn resume_nothing(_exception: *mut c_void) -> ! {
    std::process::abort()
}
