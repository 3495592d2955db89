//! What `site` adds to a start, without importing it where it would find nothing to add.
//!
//! python3 imports `site` at every start, and with it `os`, `posixpath`, `stat` and `_collections_abc`: a third of the work
//! of a short run. In a bundle there is mostly nothing for it to do but to set six builtins, which are made of the same
//! classes here. Where anything could make a difference (packages, `.pth` files, `sitecustomize`, a virtual environment, an
//! environment variable or option that `site` heeds) it is imported as ever; and a script that imports it gets it whole.

use std::collections::HashSet;
use std::env;
use std::ffi::c_int;
use std::path::{Path, PathBuf};

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyCFunction;

use crate::home::{complain, has_venv_marker, is_normal, library_name};
use crate::interpreter::{ArgumentParsing, Arguments};

/// The only minor version whose `site` this file knows.
const KNOWN: (u8, u8) = (3, 13);

/// Variables that change nothing of what `site` does.
const HARMLESS: [&str; 8] = [
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONHASHSEED",
    "PYTHONIOENCODING",
    "PYTHONMALLOC",
    "PYTHONNOUSERSITE",
    "PYTHONPYCACHEPREFIX",
    "PYTHONUNBUFFERED",
    "PYTHONUTF8",
];

/// Index of `no_site` in `sys.flags` (`Python/sysmodule.c`).
const NO_SITE: ffi::Py_ssize_t = 6;

/// Whether command line and environment leave it open that `site` is not needed: a script, no option, no variable. In
/// WASI it is always imported: a snapshot has it, and a start without one is to be the same.
pub fn may_be_left_out(argv: Arguments, parsing: ArgumentParsing) -> bool {
    if cfg!(target_os = "wasi") {
        return false;
    }
    let operand = match parsing {
        ArgumentParsing::Full => argv.first_operand(),
        ArgumentParsing::None => Some(argv.program()),
    };
    let script = operand.is_some_and(|word| !word.is_empty() && !word.to_bytes().starts_with(b"-"));
    script
        && env::vars_os().all(|(name, _)| {
            !name.as_encoded_bytes().starts_with(b"PYTHON") || HARMLESS.iter().any(|&known| name == known)
        })
}

/// Brings an interpreter that was initialised without `site` to where it would be with it. The error is an exit status.
pub fn make_up_for() -> Result<(), c_int> {
    Python::attach(|py| {
        // As long as there is nothing but what the start made, there is nothing to collect.
        // SAFETY: attached.
        let collected = unsafe { ffi::PyGC_Disable() } != 0;
        let added = add(py);
        if collected {
            unsafe { ffi::PyGC_Enable() };
        }
        added.map_err(|error| {
            error.print(py);
            complain(format_args!("the site module of Python failed"));
            1
        })
    })
}

fn add(py: Python<'_>) -> PyResult<()> {
    let sys = py.import("sys")?;
    // What a script sees, and what `site` looks at when it is imported later.
    // SAFETY: the structure is ours alone so far; the reference to the number is handed over.
    unsafe { ffi::PyStructSequence_SetItem(sys.getattr("flags")?.as_ptr(), NO_SITE, ffi::PyLong_FromLong(0)) };
    match nothing_to_find(&sys)? {
        Some(library) => set_builtins(&sys, &library),
        None => py.import("site").map(drop),
    }
}

/// The folder of the standard library, where `site` would find nothing in any of its places.
fn nothing_to_find(sys: &Bound<'_, PyModule>) -> PyResult<Option<String>> {
    let version = sys.py().version_info();
    let text = |name: &str| sys.getattr(name)?.extract::<String>();
    let entries: Vec<String> = sys.getattr("path")?.extract()?;
    let distinct: HashSet<&String> = entries.iter().collect();
    let library: Option<String> = sys.getattr("_stdlib_dir")?.extract()?;
    let prefix = text("prefix")?;
    let plain = (version.major, version.minor) == KNOWN
        && distinct.len() == entries.len()
        && entries.iter().all(|entry| is_normal(entry.as_bytes()))
        && text("platlibdir")? == "lib"
        && text("exec_prefix")? == prefix
        && text("base_prefix")? == prefix;
    let found = !plain
        // Beside `sys.executable`, which may be a link to the program: there `site` looks.
        || has_venv_marker(Path::new(&text("executable")?))
        || has_packages(Path::new(&prefix))
        || has_user_packages()
        || entries.iter().any(|entry| may_customize(Path::new(entry)));
    Ok(library.filter(|_| !found))
}

/// The folders of packages of CPython's own `site` and of Debian's.
fn has_packages(prefix: &Path) -> bool {
    let version = library_name();
    ["lib/python3/dist-packages".to_string()]
        .into_iter()
        .chain(
            ["lib/{}/site-packages", "lib/{}/dist-packages", "local/lib/{}/dist-packages"]
                .map(|one| one.replace("{}", &version)),
        )
        .any(|folder| prefix.join(folder).is_dir())
}

fn has_user_packages() -> bool {
    // Without HOME the user's entry in the system's database tells: `site` knows how to ask it.
    match env::var_os("HOME").map(PathBuf::from) {
        Some(home) if home.is_absolute() => {
            home.join(".local/lib").join(library_name()).join("site-packages").is_dir()
        }
        _ => true,
    }
}

/// Whether an entry of `sys.path` is an archive, or a folder from which one of the two modules would be imported.
fn may_customize(entry: &Path) -> bool {
    match entry.metadata() {
        Err(_) => return false,
        Ok(found) if !found.is_dir() => return true,
        Ok(_) => {}
    }
    ["sitecustomize", "usercustomize"]
        .iter()
        .any(|name| ["", ".py", ".pyc"].iter().any(|ending| entry.join(format!("{name}{ending}")).exists()))
}

/// `setquit`, `setcopyright`, `sethelper` and `enablerlcompleter` of `Lib/site.py`.
fn set_builtins(sys: &Bound<'_, PyModule>, library: &str) -> PyResult<()> {
    let py = sys.py();
    let builtins = py.import("builtins")?;
    let classes = py.import("_sitebuiltins")?;
    let quitter = classes.getattr("Quitter")?;
    for name in ["quit", "exit"] {
        builtins.setattr(name, quitter.call1((name, "Ctrl-D (i.e. EOF)"))?)?;
    }
    let printer = classes.getattr("_Printer")?;
    let print = |name: &str, data: Bound<'_, PyAny>, files: Vec<String>| {
        // Not by __init__: it imports os, to join names.
        let made = printer.call_method1("__new__", (&printer,))?;
        made.setattr("_Printer__name", name)?;
        made.setattr("_Printer__data", data)?;
        made.setattr("_Printer__lines", py.None())?;
        made.setattr("_Printer__filenames", files)?;
        builtins.setattr(name, made)
    };
    let text = |text: &str| text.into_pyobject(py).map(Bound::into_any);
    let files = [format!("{library}/.."), library.to_string(), ".".to_string()]
        .iter()
        .flat_map(|folder| ["LICENSE.txt", "LICENSE"].map(|file| format!("{folder}/{file}")))
        .collect();
    print("copyright", sys.getattr("copyright")?, Vec::new())?;
    print("credits", text(CREDITS)?, Vec::new())?;
    print("license", text("See https://www.python.org/psf/license/")?, files)?;
    builtins.setattr("help", classes.getattr("_Helper")?.call0()?)?;
    // Called where a script ends at a prompt (PYTHONINSPECT, set by itself).
    let hook = PyCFunction::new_closure(py, Some(c"register_readline"), None, |arguments, _| {
        arguments.py().import("site")?.call_method0("register_readline").map(Bound::unbind)
    })?;
    sys.setattr("__interactivehook__", hook)
}

const CREDITS: &str = "    Thanks to CWI, CNRI, BeOpen, Zope Corporation, the Python Software
    Foundation, and a cast of thousands for supporting Python
    development.  See www.python.org for more information.";
