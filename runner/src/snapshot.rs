//! Resumes from a snapshot of an interpreter that was initialised when the module was made (Wizer's conventions).
//!
//! `wizer.initialize` is called once, in the engine that takes the snapshot; `wizer.resume` replaces `_start` in the
//! resulting module. The counterpart in libpython is `Python/snapshot.c`, a part of the sysroot that `provision` builds.

use std::ffi::{CStr, c_char, c_int};
use std::process;
use std::ptr;
use std::sync::atomic::{AtomicU8, Ordering};

use pyo3::ffi;

use crate::home::{self, Located, Program, print_error};
use crate::interpreter::{self, ArgumentParsing, Arguments};

unsafe extern "C" {
    fn PySnapshot_Begin();
    fn PySnapshot_End(count: c_int, values: *const *const c_char) -> *const c_char;
    fn PySnapshot_Resume(count: c_int, values: *const *const c_char) -> c_int;
    // wasi-libc: C constructors, the command line (which calls `start`), preopened folders and environment.
    fn __wasm_call_ctors();
    fn __wasm_call_dtors();
    fn __main_void() -> c_int;
    fn __wasilibc_reset_preopens();
    fn __wasilibc_deinitialize_environ();
    fn __wasilibc_initialize_environ();
}

const FRESH: u8 = 0;
const TAKING: u8 = 1;
const TAKEN: u8 = 2;

/// Saved in the snapshot.
static STATE: AtomicU8 = AtomicU8::new(FRESH);

/// Initialises the interpreter up to the point where a script would start.
#[unsafe(export_name = "wizer.initialize")]
extern "C" fn initialize() {
    STATE.store(TAKING, Ordering::Relaxed);
    // SAFETY: the first call into the module, in place of `_start`; constructors run once.
    let status = unsafe {
        __wasm_call_ctors();
        __main_void()
    };
    if status != 0 {
        process::exit(status);
    }
    STATE.store(TAKEN, Ordering::Relaxed);
    // SAFETY: nothing holds a folder or a variable of this engine.
    unsafe {
        __wasilibc_reset_preopens();
        __wasilibc_deinitialize_environ();
    }
}

/// `_start` of a module with a snapshot.
#[unsafe(export_name = "wizer.resume")]
extern "C" fn resume() {
    // SAFETY: the calls of `_start`; the constructors have run.
    let status = unsafe {
        __wasilibc_initialize_environ();
        let status = __main_void();
        __wasm_call_dtors();
        status
    };
    if status != 0 {
        process::exit(status);
    }
}

/// Takes or resumes a snapshot instead of an ordinary start; the result is the exit status. None: start ordinarily.
pub fn start(arguments: Arguments) -> Option<c_int> {
    match STATE.load(Ordering::Relaxed) {
        TAKING => Some(take(arguments)),
        TAKEN => resume_snapshot(arguments),
        _ => None,
    }
}

fn take(arguments: Arguments) -> c_int {
    let initialized = interpreter::preinitialize(arguments, ArgumentParsing::Full).and_then(|()| {
        // SAFETY: allocators are set up, and no object exists yet.
        unsafe { PySnapshot_Begin() };
        interpreter::initialize(arguments, arguments, ArgumentParsing::Full)
    });
    if let Err(status) = initialized {
        return status;
    }
    let (count, values) = arguments.as_c();
    // SAFETY: initialised on this thread; the result is null or a static string.
    let problem = unsafe { PySnapshot_End(count, values) };
    if problem.is_null() {
        return 0;
    }
    let problem = unsafe { CStr::from_ptr(problem) }.to_string_lossy();
    print_error(format_args!("no snapshot can be taken: {problem}"));
    1
}

fn resume_snapshot(arguments: Arguments) -> Option<c_int> {
    // Without the library the ordinary start reports the error.
    let (count, values) = match home::locate(&Program::find(arguments.program())) {
        Located::Beside(_) => arguments.as_c(),
        Located::Missing(_) => (0, ptr::null()),
    };
    // SAFETY: the interpreter is in the state of the snapshot; afterwards it is running or finalised.
    match unsafe { PySnapshot_Resume(count, values) } {
        1 => Some(unsafe { ffi::Py_RunMain() }),
        0 => None,
        _ => Some(1),
    }
}
