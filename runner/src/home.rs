//! Locates the program and the standard library beside it.
//!
//! CPython searches its library in every folder from the program up to the root of the file system, and then at the
//! path it was configured with. Either may find another Python of the machine that happens to have the same version. So
//! the library must be where a bundle has it: `<program's folder>/../lib/python3.X` or `<program's folder>/lib/python3.X`.

use std::env;
use std::ffi::{CStr, CString, OsStr};
use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use pyo3::ffi;

/// On platforms where a program cannot get its own path (WASI), bundles are mounted as the root folder.
const ASSUMED_PROGRAM: &str = "/bin/isolate";

/// How many virtual environments, each made by a copy in the one before, are followed to the first.
const MOST_ENVIRONMENTS: usize = 16;

/// The running program's file.
pub struct Program {
    /// The path reported by the system or, where there is none, derived from the zeroth argument.
    path: PathBuf,
    /// The same without symbolic links.
    real: PathBuf,
    /// The result of CPython's own search by the zeroth argument (as a path, or along `PATH`), if it is this program.
    by_name: Option<PathBuf>,
}

impl Program {
    /// `name` is the zeroth argument.
    pub fn find(name: &CStr) -> Self {
        let by_name = search(path_of(name.to_bytes()));
        let path = env::current_exe().ok().or_else(|| by_name.clone()).unwrap_or_else(|| ASSUMED_PROGRAM.into());
        let real = fs::canonicalize(&path).unwrap_or_else(|_| path.clone());
        let by_name = by_name
            // CPython does not make a match along a relative entry of PATH absolute, and would then search the wrong folders.
            .filter(|file| file.is_absolute() || has_folder(name.to_bytes()))
            .filter(|file| {
                // Fast path: usually both are the same path.
                (*file == path && file.is_absolute()) || fs::canonicalize(file).is_ok_and(|file| file == real)
            });
        Self { path, real, by_name }
    }

    /// Whether CPython's own search by the zeroth argument finds this program. It does not where the caller passed an
    /// arbitrary name; where it does, `sys.executable` is that name, as in python3.
    pub fn is_found_by_name(&self) -> bool {
        self.by_name.is_some()
    }

    /// `sys.executable`: the path set in the configuration, or the one found by the zeroth argument.
    fn executable(&self, configured: bool) -> Option<&Path> {
        if configured { Some(&self.path) } else { self.by_name.as_deref() }
    }

    pub fn path_as_c(&self) -> Option<CString> {
        CString::new(self.path.as_os_str().as_encoded_bytes()).ok()
    }

    /// Whether this is a copy in a virtual environment, where `pyvenv.cfg` gives the home.
    pub fn has_venv_marker(&self) -> bool {
        has_venv_marker(&self.real)
    }

    /// The bundle that a copy in a virtual environment was made from, where the copy is started through a link outside of
    /// that environment. CPython looks for `pyvenv.cfg` beside the link, finds none, and would take the interpreter's own
    /// installation: python3 knows where that is, a bundle may be anywhere.
    pub fn bundle_of_copy(&self, configured: bool) -> Option<CString> {
        if has_venv_marker(self.executable(configured)?) {
            return None;
        }
        let folder = Path::new(&venv_setting(&self.real, "home")?).parent()?.to_path_buf();
        if !is_below(&folder, "lib", &library_name()) {
            return None;
        }
        CString::new(folder.as_os_str().as_encoded_bytes()).ok()
    }

    /// The program that a copy in a virtual environment was made from, where CPython would name another that is not there:
    /// it takes the copy's file name for that of the original, and `venv` names copies `python`.
    pub fn original_of_copy(&self, configured: bool) -> Option<CString> {
        let executable = self.executable(configured)?;
        if executable.is_symlink() || !has_venv_marker(executable) {
            return None;
        }
        let assumed = Path::new(&venv_setting(executable, "home")?).join(executable.file_name()?);
        let mut original = venv_setting(executable, "executable")?;
        // An environment that was made by the copy of another one names that copy.
        for _ in 0..MOST_ENVIRONMENTS {
            if !has_venv_marker(Path::new(&original)) {
                break;
            }
            original = venv_setting(Path::new(&original), "executable")?;
        }
        (!assumed.is_file() && Path::new(&original).is_file()).then(|| CString::new(original).ok())?
    }
}

/// A program's folder and its parent.
fn folders_of(program: &Path) -> impl Iterator<Item = &Path> {
    program.ancestors().skip(1).take(2)
}

/// Whether a program with this path is in a virtual environment.
pub fn has_venv_marker(program: &Path) -> bool {
    folders_of(program).any(|folder| folder.join("pyvenv.cfg").is_file())
}

/// A value of a program's `pyvenv.cfg`: lines `key = value`, keys in any case (`site.venv`).
fn venv_setting(program: &Path, key: &str) -> Option<String> {
    let file = folders_of(program).map(|folder| folder.join("pyvenv.cfg")).find(|file| file.is_file())?;
    let text = fs::read_to_string(file).ok()?;
    text.lines().find_map(|line| {
        let (name, value) = line.split_once('=')?;
        name.trim().eq_ignore_ascii_case(key).then(|| value.trim().to_owned())
    })
}

/// The results of CPython's path search (`Modules/getpath.py`) in a bundle.
pub struct Paths {
    pub executable: CString,
    /// The bundle's folder: also `sys.exec_prefix`, `sys.base_prefix`, `sys.base_exec_prefix`.
    pub prefix: CString,
    pub library: CString,
    /// `sys.path` without the script's folder.
    pub search: [CString; 3],
}

/// The paths of a bundle in `folder`, without CPython's search. None where a file beside the program changes them
/// (`pyvenv.cfg`, `._pth`) or something is missing: then CPython's own search decides. `configured` is whether the
/// path of the program is set in CPython's configuration.
pub fn paths(program: &Program, folder: &Path, configured: bool) -> Option<Paths> {
    let executable =
        program.executable(configured).filter(|path| is_normal(path.as_os_str().as_encoded_bytes()))?;
    let library = folder.join("lib").join(library_name());
    let modules = library.join("lib-dynload");
    let plain = !has_venv_marker(executable)
        && !with_suffix(executable, "._pth").exists()
        && (executable == program.real || !with_suffix(&program.real, "._pth").exists())
        && folder.parent().is_some()
        && modules.is_dir();
    if !plain {
        return None;
    }
    let archive = folder.join("lib").join(format!("{}.zip", library_name().replace('.', "")));
    let c = |path: &Path| CString::new(path.as_os_str().as_encoded_bytes()).ok();
    Some(Paths {
        executable: c(executable)?,
        prefix: c(folder)?,
        library: c(&library)?,
        search: [c(&archive)?, c(&library)?, c(&modules)?],
    })
}

/// Whether a path is absolute and `os.path.abspath` would not change it.
pub fn is_normal(path: &[u8]) -> bool {
    let mut parts = path.split(|&byte| byte == b'/');
    parts.next() == Some(b"") && parts.all(|part| !matches!(part, b"" | b"." | b".."))
}

/// The path with a suffix appended to its file name.
fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_os_string();
    name.push(suffix);
    name.into()
}

/// Result of the search for the library.
pub enum Located {
    /// In `lib` below the folder.
    Beside(PathBuf),
    Missing(Missing),
}

/// The search that found no library.
pub struct Missing {
    program: PathBuf,
    folders: Vec<PathBuf>,
    /// e.g. `python3.13`.
    library: String,
}

pub fn locate(program: &Program) -> Located {
    let missing = Missing {
        program: program.real.clone(),
        folders: folders_of(&program.real).map(Path::to_path_buf).collect(),
        library: library_name(),
    };
    match missing.folder_with("lib") {
        Some(folder) => Located::Beside(folder.to_path_buf()),
        None => Located::Missing(missing),
    }
}

impl Missing {
    /// Whether the library is there under another name of `lib` (`lib64` on some systems).
    pub fn is_below(&self, platlibdir: &str) -> bool {
        self.folder_with(platlibdir).is_some()
    }

    fn folder_with(&self, platlibdir: &str) -> Option<&Path> {
        let found = self.folders.iter().find(|folder| is_below(folder, platlibdir, &self.library));
        found.map(PathBuf::as_path)
    }

    pub fn report(&self) {
        let (program, library) = (self.program.display(), &self.library);
        let expected = self.program.ancestors().nth(2).unwrap_or(Path::new("/")).join("lib").join(library);
        print_error(format_args!(
            "the Python standard library is missing: {}\n\
             \x20 why: {program} takes its library from the bundle it is part of, never from a Python of the machine.\n\
             \x20 fix: keep the program in the bin/ folder of its bundle (a symbolic link to it may be anywhere),\n\
             \x20      or set PYTHONHOME to a folder that holds lib/{library}.",
            expected.display()
        ));
    }
}

/// Whether a folder holds the library: the two landmarks of CPython's own search.
fn is_below(folder: &Path, platlibdir: &str, library: &str) -> bool {
    let library = folder.join(platlibdir).join(library);
    library.join("os.py").is_file() || library.join("os.pyc").is_file()
}

/// Writes a message to standard error. A write error is ignored, so that the exit status stays the intended one.
pub fn print_error(message: fmt::Arguments) {
    let _ = writeln!(io::stderr(), "isolate: {message}");
}

/// e.g. `python3.13`, or `python3.13t` where the interpreter has no global lock (PEP 703).
pub fn library_name() -> String {
    // SAFETY: a static string, readable before initialisation: "3.13.5 (main, …) [GCC …]".
    let version = unsafe { CStr::from_ptr(ffi::Py_GetVersion()) }.to_string_lossy();
    let mut numbers = version.split(|c: char| !c.is_ascii_digit());
    let (major, minor) = (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default());
    let threads = if version.contains("free-threading build") { "t" } else { "" };
    format!("python{major}.{minor}{threads}")
}

/// The file that a shell would start for `name`: the path itself if it has a folder, else the first match along `PATH`.
fn search(name: &Path) -> Option<PathBuf> {
    if name.as_os_str().is_empty() {
        return None;
    }
    if has_folder(name.as_os_str().as_encoded_bytes()) {
        return name.is_file().then(|| name.to_path_buf());
    }
    env::split_paths(&env::var_os("PATH")?).map(|folder| folder.join(name)).find(|file| file.is_file())
}

fn has_folder(name: &[u8]) -> bool {
    name.contains(&b'/')
}

/// A path from the bytes of the command line.
pub fn path_of(bytes: &[u8]) -> &Path {
    // SAFETY: on the supported platforms (Unix, WASI) a path is any sequence of bytes.
    Path::new(unsafe { OsStr::from_encoded_bytes_unchecked(bytes) })
}
