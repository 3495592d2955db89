//! The script run through PyO3's API: attach, compile, execute in `__main__`, finalise.
//!
//! It exists so that this entry point can be compared with `Py_RunMain`. The options of python3 are not parsed, only its
//! environment variables are read; Ctrl-C gives status 130 instead of ending the process by the signal.

use std::ffi::{OsString, c_int};
use std::fs;
use std::path::{self, Path};

use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use crate::home::{path_of, print_error};
use crate::interpreter::{self, ArgumentParsing, Arguments};

/// Status of python3 for an invalid command line, or a script that cannot be opened.
const USAGE: c_int = 2;
/// Status of python3 when its output cannot be flushed at exit.
const FLUSH_FAILED: c_int = 120;
/// Status that shells give a program ended by SIGINT.
const INTERRUPTED: c_int = 130;

/// `isolate --embed script.py [args…]`. The result is the exit status of the process.
pub fn run(arguments: Arguments) -> c_int {
    let argv = arguments.after(2);
    let script = path_of(argv.program().to_bytes());
    if script.as_os_str().is_empty() || script.as_os_str().as_encoded_bytes().starts_with(b"-") {
        print_error(format_args!("--embed takes a script: isolate --embed SCRIPT [ARGUMENT...]"));
        return USAGE;
    }
    if let Err(status) = interpreter::initialize(arguments, argv, ArgumentParsing::None) {
        return status;
    }
    let status = match fs::read(script) {
        Ok(source) => {
            Python::attach(|py| execute(py, script, &source).map_or_else(|error| report(py, error), |()| 0))
        }
        Err(error) => {
            print_error(format_args!("can't open file '{}': {error}", script.display()));
            USAGE
        }
    };
    // SAFETY: initialised above, on this thread; no reference to a Python object is held any more.
    if unsafe { ffi::Py_FinalizeEx() } < 0 { FLUSH_FAILED } else { status }
}

fn execute(py: Python<'_>, script: &Path, source: &[u8]) -> PyResult<()> {
    let sys = py.import("sys")?;
    let name = path::absolute(script).unwrap_or_else(|_| script.to_path_buf()).into_os_string();
    if !sys.getattr("flags")?.getattr("safe_path")?.is_truthy()? {
        sys.getattr("path")?.call_method1("insert", (0, folder_of(script)))?;
    }
    let globals = py.import("__main__")?.getattr("__dict__")?.cast_into::<PyDict>()?;
    let loader = py.import("_frozen_importlib_external")?.getattr("SourceFileLoader")?;
    globals.set_item("__loader__", loader.call1(("__main__", &name))?)?;
    globals.set_item("__file__", &name)?;
    globals.set_item("__cached__", py.None())?;

    // Bytes, so that an encoding declaration is honoured. Compiling separately keeps our frame out of tracebacks.
    let options = PyDict::new(py);
    options.set_item("dont_inherit", true)?;
    let compile = py.import("builtins")?.getattr("compile")?;
    let code = compile.call((PyBytes::new(py, source), name, "exec"), Some(&options))?;
    // SAFETY: a code object and a dict, both alive; the result is a new reference or null with an exception set.
    let result = unsafe {
        let result = ffi::PyEval_EvalCode(code.as_ptr(), globals.as_ptr(), globals.as_ptr());
        Bound::from_owned_ptr_or_err(py, result)
    };
    result.map(drop)
}

/// The script's folder with links resolved, which python3 puts first on `sys.path`.
pub fn folder_of(script: &Path) -> OsString {
    let real = fs::canonicalize(script).unwrap_or_else(|_| script.to_path_buf());
    real.parent().map(|folder| folder.as_os_str().to_os_string()).unwrap_or_default()
}

/// Prints an unhandled exception; for `SystemExit` CPython finalises and ends the process itself.
fn report(py: Python<'_>, error: PyErr) -> c_int {
    let interrupted = error.is_instance_of::<PyKeyboardInterrupt>(py);
    // Moved, not cloned: a reference held here would keep the script's variables alive during finalisation.
    error.restore(py);
    // SAFETY: attached, with an exception set.
    unsafe { ffi::PyErr_PrintEx(1) };
    if interrupted { INTERRUPTED } else { 1 }
}
