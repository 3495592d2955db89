//! One interpreter with a lock of its own (PEP 684), in the calling thread: created, a script run in it, ended.
//!
//! Nothing of PyO3's own interface is used: what it keeps between calls belongs to the interpreter that called first.

use std::ffi::{CStr, CString, c_char, c_int, c_long, c_ulong};
use std::os::unix::ffi::OsStrExt;
use std::path::{self, Path};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::{env, io, process, ptr, slice, thread};

use pyo3::ffi;

use super::job::{Ending, Job};
use super::system::{self, ScriptEnds};
use crate::embed::folder_of;
use crate::home::print_error;
use crate::interpreter::{self, ArgumentParsing, Arguments};

/// Status of python3 when its output cannot be flushed at exit.
const FLUSH_FAILED: i32 = 120;
/// Status of python3 for a script that cannot be opened.
const NOT_OPENED: i32 = 2;
/// How often a script that is to end is told so again: it may have caught the exception.
const AGAIN: Duration = Duration::from_millis(50);

unsafe extern "C" {
    fn PyMarshal_WriteObjectToString(object: *mut ffi::PyObject, version: c_int) -> *mut ffi::PyObject;
    fn PyThread_get_thread_ident() -> c_ulong;
    fn PyMarshal_ReadObjectFromString(bytes: *const c_char, length: ffi::Py_ssize_t) -> *mut ffi::PyObject;
}

/// A format of marshalled code that every version reads and writes.
const MARSHAL_VERSION: c_int = 4;

/// `begin.py`, compiled: marshalled code that every interpreter runs.
pub struct Preparation(Vec<u8>);

impl Preparation {
    /// Compiles it. Called with an interpreter that is attached.
    pub fn compile() -> Option<Self> {
        let source = CString::new(include_str!("begin.py")).ok()?;
        // SAFETY: attached; the bytes are copied before their object goes.
        unsafe {
            let code = ffi::Py_CompileString(source.as_ptr(), c"<isolate>".as_ptr(), ffi::Py_file_input);
            let bytes = PyMarshal_WriteObjectToString(code, MARSHAL_VERSION);
            ffi::Py_XDECREF(code);
            if bytes.is_null() {
                ffi::PyErr_Print();
                return None;
            }
            let length = ffi::PyBytes_Size(bytes) as usize;
            let copy = slice::from_raw_parts(ffi::PyBytes_AsString(bytes).cast::<u8>(), length).to_vec();
            ffi::Py_DECREF(bytes);
            Some(Self(copy))
        }
    }

    /// Imports a module into the main interpreter, if there is one of that name.
    pub fn import(name: &CStr) {
        // SAFETY: attached.
        unsafe {
            ffi::Py_XDECREF(ffi::PyImport_ImportModule(name.as_ptr()));
            ffi::PyErr_Clear();
        }
    }

    /// Runs it in the attached interpreter. The result is the names it defined: a new reference, or null with an exception.
    unsafe fn run(&self) -> *mut ffi::PyObject {
        unsafe {
            let names = ffi::PyDict_New();
            let code = PyMarshal_ReadObjectFromString(self.0.as_ptr().cast(), self.0.len() as ffi::Py_ssize_t);
            ffi::PyDict_SetItemString(names, c"__builtins__".as_ptr(), ffi::PyEval_GetBuiltins());
            let result = if code.is_null() { code } else { ffi::PyEval_EvalCode(code, names, names) };
            ffi::Py_XDECREF(code);
            if result.is_null() {
                ffi::Py_DECREF(names);
                return result;
            }
            ffi::Py_DECREF(result);
            names
        }
    }
}

/// The script that an interpreter runs at the moment, for the thread that may have to end it.
#[derive(Clone, Default)]
pub struct Running(Arc<Mutex<Option<Target>>>);

#[derive(Clone, Copy)]
struct Target {
    interpreter: *mut ffi::PyInterpreterState,
    thread: c_ulong,
}

// SAFETY: the pointer is used only while the lock around it is held, and is taken away before the interpreter ends.
unsafe impl Send for Target {}

impl Running {
    fn lock(&self) -> MutexGuard<'_, Option<Target>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Called by the attached thread of the script. The lock of the interpreter is given away meanwhile: who ends the script
    /// waits for it with the other lock in hand.
    unsafe fn set(&self, target: Option<Target>) {
        unsafe {
            let state = ffi::PyEval_SaveThread();
            *self.lock() = target;
            ffi::PyEval_RestoreThread(state);
        }
    }

    /// Raises SystemExit in all threads of the script until it has ended. A thread of its own does that: it waits for the
    /// interpreter's lock, which code that is not Python may never give away.
    pub fn end_script(&self) {
        let running = self.clone();
        thread::spawn(move || {
            loop {
                match *running.lock() {
                    // SAFETY: the interpreter cannot end while the lock is held.
                    Some(target) => unsafe { raise_exit(target) },
                    None => return,
                }
                thread::sleep(AGAIN);
            }
        });
    }
}

unsafe fn raise_exit(target: Target) {
    unsafe {
        let state = ffi::PyThreadState_New(target.interpreter);
        ffi::PyEval_RestoreThread(state);
        let exception = ffi::PyExc_SystemExit;
        ffi::PyThreadState_SetAsyncExc(target.thread as c_long, exception);
        let threading = ffi::PyDict_GetItemString(ffi::PyImport_GetModuleDict(), c"threading".as_ptr());
        if !threading.is_null() {
            let active = ffi::PyObject_GetAttrString(threading, c"_active".as_ptr());
            if !active.is_null() && ffi::PyDict_Check(active) != 0 {
                let (mut at, mut key, mut value) = (0, ptr::null_mut(), ptr::null_mut());
                while ffi::PyDict_Next(active, &mut at, &mut key, &mut value) != 0 {
                    ffi::PyThreadState_SetAsyncExc(ffi::PyLong_AsLong(key), exception);
                }
            }
            ffi::Py_XDECREF(active);
        }
        ffi::PyErr_Clear();
        ffi::PyThreadState_Clear(state);
        ffi::PyThreadState_DeleteCurrent();
    }
}

/// An interpreter, attached to the thread that created it, which alone may use it.
pub struct Interpreter {
    state: *mut ffi::PyThreadState,
    names: *mut ffi::PyObject,
    /// What `keep` of `begin.py` returned, where the interpreter is used again.
    kept: *mut ffi::PyObject,
    running: Running,
}

impl Interpreter {
    /// Creates one with a lock of its own. The error is the reason.
    pub fn create(preparation: &Preparation, running: Running, reused: bool) -> Result<Self, String> {
        let config = ffi::PyInterpreterConfig {
            use_main_obmalloc: 0,
            // A child made by fork, or another program in place of this one, would take all scripts with it.
            allow_fork: 0,
            allow_exec: 0,
            allow_threads: 1,
            // One that is left when the interpreter ends is fatal for the process.
            allow_daemon_threads: 0,
            check_multi_interp_extensions: 1,
            gil: ffi::PyInterpreterConfig_OWN_GIL,
        };
        let mut state = ptr::null_mut();
        // SAFETY: CPython is initialised, and no interpreter is attached to this thread.
        unsafe {
            let status = ffi::Py_NewInterpreterFromConfig(&mut state, &config);
            if ffi::PyStatus_Exception(status) != 0 {
                let why = if status.err_msg.is_null() { c"" } else { CStr::from_ptr(status.err_msg) };
                return Err(format!("CPython cannot create an interpreter: {}", why.to_string_lossy()));
            }
            let names = preparation.run();
            let made = Self { state, names, kept: ptr::null_mut(), running };
            let separated = !names.is_null()
                && made.call(c"take_main_thread", &[]).is_some()
                && made.call(c"separate_environment", &[]).is_some()
                && made.call(c"notice_refusals", &[]).is_some();
            let kept = if reused && separated { made.call(c"keep", &[]) } else { Some(ptr::null_mut()) };
            match kept {
                Some(kept) if separated => Ok(Self { kept, ..made }),
                _ => {
                    ffi::PyErr_Print();
                    made.end();
                    Err("the interpreter cannot be prepared".into())
                }
            }
        }
    }

    /// Calls a function of `begin.py`; the arguments are taken over. None: an exception is set.
    unsafe fn call(&self, name: &CStr, arguments: &[*mut ffi::PyObject]) -> Option<*mut ffi::PyObject> {
        unsafe { call_in(self.names, name, arguments) }
    }

    /// Runs the script to its end, with its threads and exit functions. The second value is what CPython refused it.
    pub fn run(&self, program: &CStr, job: &Job) -> (Ending, String) {
        // SAFETY: attached, by the thread that created it.
        unsafe {
            let interpreter = ffi::PyInterpreterState_Get();
            let thread = PyThread_get_thread_ident();
            self.running.set(Some(Target { interpreter, thread }));
            let mut ending = run_file(self.names, program, job);
            call_module(c"threading", c"_shutdown");
            call_module(c"atexit", c"_run_exitfuncs");
            if !self.flush() {
                ending = Ending::Exited(FLUSH_FAILED);
            }
            self.running.set(None);
            (ending, self.take_refused())
        }
    }

    unsafe fn take_refused(&self) -> String {
        unsafe {
            let Some(names) = self.call(c"take_refused", &[]) else {
                ffi::PyErr_Clear();
                return String::new();
            };
            let text = ffi::PyUnicode_AsUTF8AndSize(names, ptr::null_mut());
            let copy = if text.is_null() { String::new() } else { CStr::from_ptr(text).to_string_lossy().into() };
            ffi::PyErr_Clear();
            ffi::Py_DECREF(names);
            copy
        }
    }

    /// Calls a function while other threads may use the interpreter.
    pub fn detached<T>(&self, wait: impl FnOnce() -> T) -> T {
        // SAFETY: attached, by the thread that created it.
        let state = unsafe { ffi::PyEval_SaveThread() };
        let result = wait();
        unsafe { ffi::PyEval_RestoreThread(state) };
        result
    }

    unsafe fn flush(&self) -> bool {
        unsafe {
            let result = self.call(c"flush", &[]).unwrap_or(ptr::null_mut());
            ffi::PyErr_Clear();
            let written = result == ffi::Py_True();
            ffi::Py_XDECREF(result);
            written
        }
    }

    /// Makes the interpreter ready for another script. False: it has to be ended.
    pub fn put_back(&self) -> bool {
        // SAFETY: attached, by the thread that created it.
        unsafe {
            ffi::Py_XINCREF(self.kept);
            let result = self.call(c"put_back", &[self.kept]);
            ffi::PyErr_Clear();
            result.is_some_and(|result| {
                ffi::Py_DECREF(result);
                self.flush()
            })
        }
    }

    /// Ends it; no interpreter is attached afterwards.
    pub fn end(self) {
        // SAFETY: attached, by the thread that created it; nothing of it is used any more.
        unsafe {
            ffi::Py_XDECREF(self.kept);
            ffi::Py_XDECREF(self.names);
            ffi::Py_EndInterpreter(self.state);
        }
    }
}

unsafe fn call_in(
    names: *mut ffi::PyObject,
    name: &CStr,
    arguments: &[*mut ffi::PyObject],
) -> Option<*mut ffi::PyObject> {
    unsafe {
        let tuple = ffi::PyTuple_New(arguments.len() as ffi::Py_ssize_t);
        for (at, argument) in (0..).zip(arguments) {
            ffi::PyTuple_SetItem(tuple, at, *argument);
        }
        let result = ffi::PyObject_Call(ffi::PyDict_GetItemString(names, name.as_ptr()), tuple, ptr::null_mut());
        ffi::Py_DECREF(tuple);
        (!result.is_null()).then_some(result)
    }
}

/// Calls a function of a module if the script imported it. An exception is reported, as CPython does where it calls these.
unsafe fn call_module(module: &CStr, function: &CStr) {
    unsafe {
        let module = ffi::PyDict_GetItemString(ffi::PyImport_GetModuleDict(), module.as_ptr());
        if module.is_null() {
            return;
        }
        let function = ffi::PyObject_GetAttrString(module, function.as_ptr());
        let result = if function.is_null() { function } else { ffi::PyObject_CallNoArgs(function) };
        if result.is_null() {
            ffi::PyErr_WriteUnraisable(module);
        }
        ffi::Py_XDECREF(function);
        ffi::Py_XDECREF(result);
    }
}

/// Runs the script in `__main__` of the attached interpreter. `names` are those of `begin.py`.
unsafe fn run_file(names: *mut ffi::PyObject, program: &CStr, job: &Job) -> Ending {
    let script = Path::new(&job.script);
    let absolute = path::absolute(script).unwrap_or_else(|_| script.to_path_buf());
    let Ok(name) = CString::new(absolute.as_os_str().as_bytes()) else { return Ending::Exited(NOT_OPENED) };
    // SAFETY: a NUL-terminated path.
    let file = unsafe { libc::fopen(name.as_ptr(), c"rbe".as_ptr()) };
    if file.is_null() {
        let error = io::Error::last_os_error();
        let reason = error.to_string();
        let reason = reason.split(" (os error").next().unwrap_or_default();
        let number = error.raw_os_error().unwrap_or_default();
        let program = program.to_string_lossy();
        eprintln!("{program}: can't open file '{}': [Errno {number}] {reason}", absolute.display());
        return Ending::Exited(NOT_OPENED);
    }
    unsafe {
        let bytes =
            |value: &[u8]| ffi::PyBytes_FromStringAndSize(value.as_ptr().cast(), value.len() as ffi::Py_ssize_t);
        let arguments = ffi::PyList_New(0);
        for argument in &job.arguments {
            let value = bytes(argument.as_bytes());
            ffi::PyList_Append(arguments, value);
            ffi::Py_XDECREF(value);
        }
        let environment = ffi::PyDict_New();
        for (name, value) in &job.environment {
            let (name, value) = (bytes(name.as_bytes()), bytes(value.as_bytes()));
            ffi::PyDict_SetItem(environment, name, value);
            ffi::Py_XDECREF(name);
            ffi::Py_XDECREF(value);
        }
        let described = [
            bytes(program.to_bytes()),
            bytes(job.script.as_bytes()),
            bytes(name.to_bytes()),
            bytes(folder_of(script).as_bytes()),
            arguments,
            environment,
        ];
        let Some(globals) = call_in(names, c"begin", &described) else {
            libc::fclose(file);
            return report();
        };
        let result =
            ffi::PyRun_FileExFlags(file, name.as_ptr(), ffi::Py_file_input, globals, globals, 1, ptr::null_mut());
        ffi::Py_DECREF(globals);
        if result.is_null() {
            return report();
        }
        ffi::Py_DECREF(result);
        Ending::Exited(0)
    }
}

/// Prints the exception that is set, or takes the status out of a SystemExit, without ending the process.
unsafe fn report() -> Ending {
    unsafe {
        if ffi::PyErr_ExceptionMatches(ffi::PyExc_SystemExit) != 0 {
            return Ending::Exited(exit_status());
        }
        let interrupted = ffi::PyErr_ExceptionMatches(ffi::PyExc_KeyboardInterrupt) != 0;
        ffi::PyErr_PrintEx(1);
        if interrupted { Ending::Signalled(libc::SIGINT) } else { Ending::Exited(1) }
    }
}

/// `_Py_HandleSystemExit` of CPython: nothing is 0, a number itself, anything else is printed and 1.
unsafe fn exit_status() -> i32 {
    unsafe {
        let exception = ffi::PyErr_GetRaisedException();
        let mut code = ffi::PyObject_GetAttrString(exception, c"code".as_ptr());
        if code.is_null() {
            ffi::PyErr_Clear();
            code = exception;
        } else {
            ffi::Py_DECREF(exception);
        }
        let status = if code == ffi::Py_None() {
            0
        } else if ffi::PyLong_Check(code) != 0 {
            let number = ffi::PyLong_AsLong(code);
            ffi::PyErr_Clear();
            (number & 0xff) as i32
        } else {
            let stream = ffi::PySys_GetObject(c"stderr".as_ptr());
            if !stream.is_null() && stream != ffi::Py_None() {
                if ffi::PyFile_WriteObject(code, stream, ffi::Py_PRINT_RAW) < 0 {
                    ffi::PyErr_Clear();
                }
                ffi::PyFile_WriteString(c"\n".as_ptr(), stream);
                ffi::PyErr_Clear();
            }
            1
        };
        ffi::Py_DECREF(code);
        status
    }
}

/// The main interpreter of a process that is forked for each script.
pub struct Warm {
    names: *mut ffi::PyObject,
    program: &'static CStr,
}

impl Warm {
    /// Initialises it. The error is an exit status whose message was printed.
    pub fn start(arguments: Arguments) -> Result<Self, c_int> {
        let alone = arguments.program_only();
        // Its standard streams are made for pipes: those of the scripts are.
        let streams = system::with_pipes(|| interpreter::initialize(alone, alone, ArgumentParsing::Full));
        streams.unwrap_or_else(|error| {
            print_error(format_args!("no pipes can be made: {error}"));
            Err(1)
        })?;
        let names = Preparation::compile().map_or(ptr::null_mut(), |preparation| {
            // SAFETY: initialised on this thread.
            unsafe { preparation.run() }
        });
        if names.is_null() { Err(1) } else { Ok(Self { names, program: arguments.program() }) }
    }

    /// Forks, and runs the job in the child, which this does not return to.
    pub fn fork(&self, job: &Job, ends: ScriptEnds) -> io::Result<libc::pid_t> {
        // SAFETY: attached, and the only thread.
        unsafe {
            ffi::PyOS_BeforeFork();
            let pid = libc::fork();
            if pid == 0 {
                ffi::PyOS_AfterFork_Child();
                self.run(job, ends);
            }
            let error = io::Error::last_os_error();
            ffi::PyOS_AfterFork_Parent();
            if pid < 0 { Err(error) } else { Ok(pid) }
        }
    }

    fn run(&self, job: &Job, ends: ScriptEnds) -> ! {
        system::end_with_parent();
        if let Err(error) = system::take_streams(ends).and_then(|()| match &job.folder {
            Some(folder) => env::set_current_dir(folder),
            None => Ok(()),
        }) {
            print_error(format_args!("its streams or its folder: {error}"));
            process::exit(1);
        }
        // SAFETY: attached, and the only thread.
        let (ending, flushed) = unsafe {
            let ending = run_file(self.names, self.program, job);
            ffi::Py_DECREF(self.names);
            (ending, ffi::Py_FinalizeEx() >= 0)
        };
        match ending {
            _ if !flushed => process::exit(FLUSH_FAILED),
            Ending::Exited(status) => process::exit(status),
            _ => system::end_by_interrupt(),
        }
    }

    /// Whether Ctrl-C was pressed.
    pub fn is_interrupted(&self) -> bool {
        // SAFETY: attached.
        unsafe { ffi::PyErr_CheckSignals() < 0 }
    }
}
