//! A start that goes on from an interpreter which was initialised when the module was made (Wizer's conventions).
//!
//! `wizer.initialize` is called once, in the engine of whoever takes the snapshot; `wizer.resume` takes the place of
//! `_start` in the module that comes of it. What libpython does for that is in its `Python/snapshot.c`, a part of the
//! sysroot that `provision` builds.

use std::ffi::{CStr, c_char, c_int};
use std::process;
use std::ptr;
use std::sync::atomic::{AtomicU8, Ordering};

use pyo3::ffi;

use crate::home::{self, Located, Program, complain};
use crate::interpreter::{self, ArgumentParsing, Arguments};

unsafe extern "C" {
    fn PySnapshot_Begin();
    fn PySnapshot_End(count: c_int, values: *const *const c_char) -> *const c_char;
    fn PySnapshot_Resume(count: c_int, values: *const *const c_char) -> c_int;
    // wasi-libc: constructors of C, the command line (which ends in `start`), folders and environment of an earlier engine.
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

/// Part of the snapshot.
static STATE: AtomicU8 = AtomicU8::new(FRESH);

/// Brings the interpreter to where a script would begin.
#[unsafe(export_name = "wizer.initialize")]
extern "C" fn initialize() {
    STATE.store(TAKING, Ordering::Relaxed);
    // SAFETY: the first call into the module, as `_start` would make it; constructors run once.
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
    // SAFETY: as `_start` does it; the constructors have run.
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

/// What the program does instead of an ordinary start, where it does; the result is its exit status.
pub fn start(arguments: Arguments) -> Option<c_int> {
    match STATE.load(Ordering::Relaxed) {
        TAKING => Some(take(arguments)),
        TAKEN => go_on(arguments),
        _ => None,
    }
}

fn take(arguments: Arguments) -> c_int {
    let initialized = interpreter::preinitialize(arguments, ArgumentParsing::Full).and_then(|()| {
        // SAFETY: allocators are set up, and no object is made yet.
        unsafe { PySnapshot_Begin() };
        interpreter::initialize(arguments, arguments, ArgumentParsing::Full)
    });
    if let Err(status) = initialized {
        return status;
    }
    let (count, values) = arguments.as_c();
    // SAFETY: initialised on this thread; the result is null or a text that lives on.
    let problem = unsafe { PySnapshot_End(count, values) };
    if problem.is_null() {
        return 0;
    }
    let problem = unsafe { CStr::from_ptr(problem) }.to_string_lossy();
    complain(format_args!("no snapshot can be taken: {problem}"));
    1
}

fn go_on(arguments: Arguments) -> Option<c_int> {
    // Without its library the ordinary start is the one that knows what to say.
    let (count, values) = match home::locate(&Program::find(arguments.program())) {
        Located::Beside(_) => arguments.as_c(),
        Located::Missing(_) => (0, ptr::null()),
    };
    // SAFETY: the interpreter of the snapshot, untouched since; afterwards it is running or gone.
    match unsafe { PySnapshot_Resume(count, values) } {
        1 => Some(unsafe { ffi::Py_RunMain() }),
        0 => None,
        _ => Some(1),
    }
}
