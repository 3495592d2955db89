//! CPython's initialisation, with the steps of `Py_BytesMain` and the location of the bundle.
//! Source: <https://docs.python.org/3/c-api/init_config.html>.

use std::env;
use std::ffi::{CStr, c_char, c_int};
use std::mem::MaybeUninit;
use std::{ptr, slice};

use pyo3::ffi;

use crate::home::{self, Located};
use crate::site;

/// The command line as bytes, which need not be UTF-8.
#[derive(Clone, Copy)]
pub struct Arguments(&'static [*const c_char]);

impl Arguments {
    /// # Safety
    /// `values` points to at least `count` NUL-terminated strings that live as long as the process.
    pub unsafe fn from_c(count: c_int, values: *const *const c_char) -> Self {
        match usize::try_from(count) {
            Ok(length) if length > 0 && !values.is_null() => {
                Self(unsafe { slice::from_raw_parts(values, length) })
            }
            _ => Self(&[]),
        }
    }

    /// The zeroth argument; empty where the caller passed none.
    pub fn program(self) -> &'static CStr {
        self.get(0).unwrap_or(c"")
    }

    pub fn first_operand(self) -> Option<&'static CStr> {
        self.get(1)
    }

    /// All arguments but the first `count`.
    pub fn after(self, count: usize) -> Self {
        Self(self.0.get(count..).unwrap_or(&[]))
    }

    /// The zeroth argument alone.
    #[cfg(all(target_os = "linux", Py_3_12))]
    pub fn program_only(self) -> Self {
        Self(self.0.get(..1).unwrap_or(&[]))
    }

    /// All but the zeroth.
    #[cfg(target_os = "linux")]
    pub fn words(self) -> impl Iterator<Item = &'static CStr> {
        (1..self.0.len()).filter_map(move |index| self.get(index))
    }

    fn get(self, index: usize) -> Option<&'static CStr> {
        // SAFETY: every entry is a NUL-terminated string (see `from_c`).
        self.0.get(index).map(|value| unsafe { CStr::from_ptr(*value) })
    }

    /// In the form that the C runtime passes to `main`.
    #[cfg(all(target_os = "wasi", feature = "snapshot"))]
    pub fn as_c(self) -> (c_int, *const *const c_char) {
        (self.0.len() as c_int, self.0.as_ptr())
    }

    fn count(self) -> ffi::Py_ssize_t {
        self.0.len() as ffi::Py_ssize_t
    }
}

/// How much of the command line CPython parses.
#[derive(Clone, Copy, PartialEq)]
pub enum ArgumentParsing {
    /// Options (`-c`, `-m`, `-I`, …), then the script, as in python3.
    Full,
    /// Nothing: `sys.argv` is the given arguments.
    None,
}

/// Runs the command line as python3 would. The result is the exit status of the process.
pub fn run_main(arguments: Arguments) -> c_int {
    match initialize(arguments, arguments, ArgumentParsing::Full) {
        // SAFETY: the interpreter is initialised and this is its main thread.
        Ok(()) => unsafe { ffi::Py_RunMain() },
        Err(status) => status,
    }
}

/// Starts the interpreter. `command_line` is the program's own, `argv` is passed to CPython.
/// The error is an exit status whose message has been printed (also that of `--version`: 0).
pub fn initialize(command_line: Arguments, argv: Arguments, parsing: ArgumentParsing) -> Result<(), c_int> {
    preinitialize(argv, parsing)?;
    let mut config = Config::new(parsing);
    config.set_argv(argv)?;

    let program = home::Program::find(command_line.program());
    let without_site = site::can_be_skipped(argv, parsing);
    let configured = parsing == ArgumentParsing::None || !program.is_found_by_name();
    if configured {
        config.set_executable(&program)?;
    }
    match home::locate(&program) {
        // CPython's upward search does not include the root of the file system.
        Located::Beside(folder) if folder.parent().is_none() && !home_in_environment() => config.set_home(c"/")?,
        // No option or variable changes the paths.
        Located::Beside(folder) if without_site && !command_line.program().is_empty() => {
            if let Some(paths) = home::paths(&program, &folder, configured) {
                config.set_paths(&paths, command_line.program())?;
            }
        }
        Located::Beside(_) => {}
        Located::Missing(missing) => {
            // Rare; the only case that needs python3's reading of the environment.
            config.read()?;
            let in_platlibdir = config.platlibdir().is_some_and(|name| missing.is_below(&name));
            if !in_platlibdir && !config.has_home() {
                if !program.has_venv_marker() {
                    missing.report();
                    return Err(1);
                }
                if let Some(original) = program.original_of_copy(configured) {
                    config.set_base_executable(&original)?;
                }
                if let Some(bundle) = program.bundle_of_copy(configured) {
                    config.set_home(&bundle)?;
                }
            }
        }
    }
    if without_site {
        config.skip_site();
    }
    config.initialize()?;
    if without_site { site::emulate_site() } else { Ok(()) }
}

/// The default that `PYTHONMALLOC` overrides: the recipe's `allocator`, a number of CPython's `PyMemAllocatorName`
/// (`Include/cpython/pymem.h`).
const ALLOCATOR: c_int = match option_env!("PROVISION_PYTHON_ALLOCATOR") {
    None => 0,
    Some(name) => match name.as_bytes() {
        b"malloc" => 3,
        b"pymalloc" => 5,
        b"mimalloc" => 7,
        _ => panic!("PROVISION_PYTHON_ALLOCATOR is not the name of an allocator"),
    },
};

/// Sets up memory allocators, locale and UTF-8 mode as python3 does (PEP 538, PEP 540).
pub fn preinitialize(argv: Arguments, parsing: ArgumentParsing) -> Result<(), c_int> {
    let mut config = MaybeUninit::<ffi::PyPreConfig>::uninit();
    // SAFETY: the call fills the structure; CPython only reads the strings of argv.
    let status = unsafe {
        ffi::PyPreConfig_InitPythonConfig(config.as_mut_ptr());
        (*config.as_mut_ptr()).parse_argv = c_int::from(parsing == ArgumentParsing::Full);
        if env::var_os("PYTHONMALLOC").is_none_or(|name| name.is_empty()) {
            (*config.as_mut_ptr()).allocator = ALLOCATOR;
        }
        ffi::Py_PreInitializeFromBytesArgs(config.as_ptr(), argv.count(), argv.0.as_ptr() as *mut *mut c_char)
    };
    check(status)
}

/// Turns a failed status into an exit status. Fatal errors are reported by CPython, which then ends the process.
fn check(status: ffi::PyStatus) -> Result<(), c_int> {
    // SAFETY: a status is a plain value.
    unsafe {
        if ffi::PyStatus_IsExit(status) != 0 {
            return Err(status.exitcode);
        }
        if ffi::PyStatus_Exception(status) != 0 {
            ffi::Py_ExitStatusException(status);
        }
    }
    Ok(())
}

fn home_in_environment() -> bool {
    env::var_os("PYTHONHOME").is_some_and(|home| !home.is_empty())
}

/// A `PyConfig` on the heap (it is large and must not move), cleared on drop.
struct Config(Box<MaybeUninit<ffi::PyConfig>>);

impl Config {
    fn new(parsing: ArgumentParsing) -> Self {
        let mut config = Box::new(MaybeUninit::uninit());
        // SAFETY: the call fills the whole structure.
        unsafe {
            ffi::PyConfig_InitPythonConfig(config.as_mut_ptr());
            (*config.as_mut_ptr()).parse_argv = c_int::from(parsing == ArgumentParsing::Full);
        }
        Self(config)
    }

    fn set_argv(&mut self, argv: Arguments) -> Result<(), c_int> {
        // SAFETY: CPython decodes and copies the strings.
        check(unsafe {
            ffi::PyConfig_SetBytesArgv(self.raw(), argv.count(), argv.0.as_ptr() as *mut *const c_char)
        })
    }

    fn set_executable(&mut self, program: &home::Program) -> Result<(), c_int> {
        let Some(path) = program.path_as_c() else { return Ok(()) };
        let config = self.raw();
        // SAFETY: both are fields of the live structure; CPython decodes and copies the string.
        unsafe {
            let name = &raw mut (*config).program_name;
            let executable = &raw mut (*config).executable;
            if (*name).is_null() && (*config).parse_argv == 0 {
                check(ffi::PyConfig_SetBytesString(config, name, path.as_ptr()))?;
            }
            check(ffi::PyConfig_SetBytesString(config, executable, path.as_ptr()))
        }
    }

    fn set_home(&mut self, home: &CStr) -> Result<(), c_int> {
        let config = self.raw();
        // SAFETY: a field of the live structure; CPython decodes and copies the string.
        check(unsafe { ffi::PyConfig_SetBytesString(config, &raw mut (*config).home, home.as_ptr()) })
    }

    fn set_base_executable(&mut self, program: &CStr) -> Result<(), c_int> {
        let config = self.raw();
        // SAFETY: a field of the live structure; CPython decodes and copies the string.
        check(unsafe {
            ffi::PyConfig_SetBytesString(config, &raw mut (*config).base_executable, program.as_ptr())
        })
    }

    /// Sets all paths that CPython would search for. Then it does not search (`startup.patch`), or finds the same paths.
    fn set_paths(&mut self, paths: &home::Paths, program_name: &CStr) -> Result<(), c_int> {
        let config = self.raw();
        // SAFETY: fields of the live structure; CPython decodes and copies the strings.
        unsafe {
            let name = &raw mut (*config).program_name;
            if (*name).is_null() {
                check(ffi::PyConfig_SetBytesString(config, name, program_name.as_ptr()))?;
            }
            for (field, value) in [
                (&raw mut (*config).executable, &paths.executable),
                (&raw mut (*config).base_executable, &paths.executable),
                (&raw mut (*config).prefix, &paths.prefix),
                (&raw mut (*config).exec_prefix, &paths.prefix),
                (&raw mut (*config).base_prefix, &paths.prefix),
                (&raw mut (*config).base_exec_prefix, &paths.prefix),
                (&raw mut (*config).stdlib_dir, &paths.library),
            ] {
                check(ffi::PyConfig_SetBytesString(config, field, value.as_ptr()))?;
            }
            for path in &paths.search {
                let wide = ffi::Py_DecodeLocale(path.as_ptr(), ptr::null_mut());
                if wide.is_null() {
                    return check(ffi::PyStatus_NoMemory());
                }
                let status = ffi::PyWideStringList_Append(&raw mut (*config).module_search_paths, wide);
                ffi::PyMem_RawFree(wide.cast());
                check(status)?;
            }
            (*config).module_search_paths_set = 1;
        }
        Ok(())
    }

    fn skip_site(&mut self) {
        // SAFETY: a field of the live structure.
        unsafe { (*self.raw()).site_import = 0 };
    }

    /// Reads environment and command line into the structure, without computing paths.
    fn read(&mut self) -> Result<(), c_int> {
        check(unsafe { ffi::PyConfig_Read(self.raw()) })
    }

    /// Whether `PYTHONHOME` is set and respected (not with `-E` or `-I`); only after `read`.
    fn has_home(&mut self) -> bool {
        let respected = unsafe { (*self.raw()).use_environment } != 0;
        respected && home_in_environment()
    }

    /// Name of the folder that contains `python3.X`, where `PYTHONPLATLIBDIR` is set; only after `read`.
    fn platlibdir(&mut self) -> Option<String> {
        // Py_EncodeLocale cannot be used: its allocator needs an interpreter.
        let wide = unsafe { (*self.raw()).platlibdir };
        if wide.is_null() {
            return None;
        }
        // SAFETY: a string allocated by CPython, one code point for each element, terminated by 0.
        let code_points = (0..).map(|index| unsafe { *wide.add(index) } as u32).take_while(|&point| point != 0);
        code_points.map(char::from_u32).collect()
    }

    fn initialize(mut self) -> Result<(), c_int> {
        check(unsafe { ffi::Py_InitializeFromConfig(self.raw()) })
    }

    fn raw(&mut self) -> *mut ffi::PyConfig {
        self.0.as_mut_ptr()
    }
}

impl Drop for Config {
    fn drop(&mut self) {
        // SAFETY: filled in `new`, cleared once.
        unsafe { ffi::PyConfig_Clear(self.raw()) }
    }
}
