//! Emulates `site` at startup, so that it is not imported where it would find nothing to add.
//!
//! python3 imports `site` at every start, and with it `os`, `posixpath`, `stat` and `_collections_abc`: a third of the work
//! of a short run. In a bundle it usually only sets six builtins, which are made from the same classes here. Where anything
//! could make a difference (packages, `.pth` files, `sitecustomize`, a virtual environment, an environment variable or
//! option that `site` reads) it is imported as usual. A script that imports `site` itself gets the complete module.

use std::collections::HashSet;
use std::env;
use std::ffi::c_int;
use std::path::{Path, PathBuf};

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyCFunction;

use crate::home::{has_venv_marker, is_normal, library_name, print_error};
use crate::interpreter::{ArgumentParsing, Arguments};

/// The library of the only version whose `site` is emulated; the others import it as usual.
const EMULATED: &str = "python3.13";

/// Variables that have no effect on `site`.
const WITHOUT_EFFECT: [&str; 8] = [
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

/// Whether command line and environment allow a start without `site`: a script, no options, no variables that affect it.
/// In WASI it is always imported: a snapshot contains it, and a start without a snapshot must not differ.
pub fn can_be_skipped(argv: Arguments, parsing: ArgumentParsing) -> bool {
    if cfg!(target_os = "wasi") || library_name() != EMULATED {
        return false;
    }
    let operand = match parsing {
        ArgumentParsing::Full => argv.first_operand(),
        ArgumentParsing::None => Some(argv.program()),
    };
    let script = operand.is_some_and(|word| !word.is_empty() && !word.to_bytes().starts_with(b"-"));
    script
        && env::vars_os().all(|(name, _)| {
            !name.as_encoded_bytes().starts_with(b"PYTHON") || WITHOUT_EFFECT.iter().any(|&known| name == known)
        })
}

/// Brings an interpreter that was initialised without `site` into the state that `site` leaves. The error is an exit status.
pub fn emulate_site() -> Result<(), c_int> {
    Python::attach(|py| {
        // During startup there is nothing to collect.
        // SAFETY: attached.
        let collected = unsafe { ffi::PyGC_Disable() } != 0;
        let added = add(py);
        if collected {
            unsafe { ffi::PyGC_Enable() };
        }
        added.map_err(|error| {
            error.print(py);
            print_error(format_args!("the site module of Python failed"));
            1
        })
    })
}

fn add(py: Python<'_>) -> PyResult<()> {
    let sys = py.import("sys")?;
    // Visible to scripts, and read by `site` when it is imported later.
    // SAFETY: no other code has seen the structure yet; the reference to the number is transferred.
    unsafe { ffi::PyStructSequence_SetItem(sys.getattr("flags")?.as_ptr(), NO_SITE, ffi::PyLong_FromLong(0)) };
    match library_without_additions(&sys)? {
        Some(library) => set_builtins(&sys, &library),
        None => py.import("site").map(drop),
    }
}

/// The folder of the standard library, if `site` would find nothing to add.
fn library_without_additions(sys: &Bound<'_, PyModule>) -> PyResult<Option<String>> {
    let text = |name: &str| sys.getattr(name)?.extract::<String>();
    let entries: Vec<String> = sys.getattr("path")?.extract()?;
    let distinct: HashSet<&String> = entries.iter().collect();
    let library: Option<String> = sys.getattr("_stdlib_dir")?.extract()?;
    let prefix = text("prefix")?;
    let plain = distinct.len() == entries.len()
        && entries.iter().all(|entry| is_normal(entry.as_bytes()))
        && text("platlibdir")? == "lib"
        && text("exec_prefix")? == prefix
        && text("base_prefix")? == prefix;
    let found = !plain
        // `site` looks beside `sys.executable`, which may be a link to the program.
        || has_venv_marker(Path::new(&text("executable")?))
        || has_packages(Path::new(&prefix))
        || has_user_packages()
        || entries.iter().any(|entry| may_customize(Path::new(entry)));
    Ok(library.filter(|_| !found))
}

/// Whether a package folder of CPython's own `site` or of Debian's exists.
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
    // Without HOME the folder comes from the user database, which `site` itself queries.
    match env::var_os("HOME").map(PathBuf::from) {
        Some(home) if home.is_absolute() => {
            home.join(".local/lib").join(library_name()).join("site-packages").is_dir()
        }
        _ => true,
    }
}

/// Whether an entry of `sys.path` is an archive, or a folder with one of the customization modules.
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
        // __init__ is not called, because it imports os to join names.
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
    // Called where a script ends at a prompt (it may set PYTHONINSPECT itself).
    let hook = PyCFunction::new_closure(py, Some(c"register_readline"), None, |arguments, _| {
        arguments.py().import("site")?.call_method0("register_readline").map(Bound::unbind)
    })?;
    sys.setattr("__interactivehook__", hook)
}

const CREDITS: &str = "    Thanks to CWI, CNRI, BeOpen, Zope Corporation, the Python Software
    Foundation, and a cast of thousands for supporting Python
    development.  See www.python.org for more information.";
