//! `isolate script.py [args…]`: a CPython embedded through PyO3 that behaves like `python3 script.py [args…]`,
//! with its standard library beside the program instead of at a compiled-in path.
//!
//! `isolate --embed script.py [args…]` runs the same script through PyO3's API instead (`embed`).
//!
//! `isolate --isolate=process|fork|interpreter …` runs several scripts apart from each other (`isolation`).
// The C entry point instead of Rust's: the Rust runtime opens /dev/null for closed standard streams and installs a
// stack-overflow handler before `main`, which python3 does not.
#![no_main]

mod embed;
mod home;
mod interpreter;
mod isolation;
mod site;
#[cfg(all(target_os = "wasi", feature = "snapshot"))]
mod snapshot;
#[cfg(target_os = "wasi")]
mod wasi;

use std::ffi::{CStr, c_char, c_int};

use interpreter::Arguments;

/// Program entry. wasi-libc calls `main` by the name that C compilers give it when it takes arguments.
#[cfg_attr(not(target_os = "wasi"), unsafe(export_name = "main"))]
#[cfg_attr(target_os = "wasi", unsafe(export_name = "__main_argc_argv"))]
extern "C" fn start(count: c_int, values: *const *const c_char) -> c_int {
    #[cfg(target_os = "wasi")]
    wasi::enter_working_folder();
    // SAFETY: the C runtime passes `count` strings that live as long as the process.
    let arguments = unsafe { Arguments::from_c(count, values) };
    #[cfg(all(target_os = "wasi", feature = "snapshot"))]
    if let Some(status) = snapshot::start(arguments) {
        return status;
    }
    match arguments.first_operand().map(CStr::to_bytes) {
        Some(b"--embed") => embed::run(arguments),
        Some(word) if word.starts_with(b"--isolate") => isolation::run(arguments),
        _ => interpreter::run_main(arguments),
    }
}
